"""One process writes to a file at a time: it holds an flock on PATH.lock, which the kernel frees when it dies."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, cast

from syncd.errors import DatabaseLocked
from syncd.model import to_text
from syncd.store import files

HolderKind = Literal["daemon", "command"]

LOOK_PAUSE = 0.02
"""Seconds between two looks at the lock.

A look by `holder` keeps others out for microseconds, and a new holder needs as long to write its name.
"""

LOOKS = 10

Sleep = Callable[[float], object]
"""Given seconds."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock; ``pid`` is 0 and ``since`` empty where the holder has not written them."""

    pid: int
    kind: HolderKind
    since: str

    def __str__(self) -> str:
        return f"{'a syncd daemon' if self.kind == 'daemon' else 'another syncd command'} (pid {self.pid or '?'})"


class HeldElsewhere(DatabaseLocked):
    """Another process has the lock."""

    def __init__(self, path: Path, holder: Holder) -> None:
        since = f" since {holder.since}" if holder.since else ""
        super().__init__(f"{path} is in use by {holder}{since}", "stop it first, or wait for it to end")
        self.holder = holder


class FileLock:
    """The held lock; a context manager. Its file stays when the lock is released: removing it would be a race."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(
        cls,
        path: Path,
        kind: HolderKind,
        *,
        wait: timedelta = timedelta(0),
        group_readable: bool = False,
        sleep: Sleep = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> FileLock:
        """Take the lock of the database ``path`` (its folder is made if missing).

        Waits for another holder for at most ``wait``. Raises HeldElsewhere, which names the holder, and
        DatabaseUnwritable.
        """
        descriptor = _open(path, group_readable)
        try:
            _wait_for(descriptor, path, wait, sleep)
            _write(descriptor, Holder(os.getpid(), kind, to_text(now())))
        except OSError as error:
            os.close(descriptor)
            raise files.unwritable(files.beside(path, ".lock"), "write to", error) from error
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor)

    def release(self) -> None:
        if self._descriptor is not None:
            with suppress(OSError):  # the disk broke meanwhile; a name without a lock is not believed
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def holder(path: Path, *, sleep: Sleep = time.sleep) -> Holder | None:
    """Who holds the lock of the database ``path`` now; None if nobody does."""
    try:
        descriptor = os.open(files.beside(path, ".lock"), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise files.unwritable(files.beside(path, ".lock"), "read", error) from error
    try:
        return _look(descriptor, sleep)
    except OSError as error:
        raise files.unwritable(files.beside(path, ".lock"), "read", error) from error
    finally:
        os.close(descriptor)


def _look(descriptor: int, sleep: Sleep) -> Holder | None:
    """Who holds the lock. While the file names nobody, or a dead process, the new holder is about to write its name."""
    named = None
    for _ in range(LOOKS):
        if _flock(descriptor, fcntl.LOCK_SH):
            return None
        named = _read(descriptor)
        if named is not None and _alive(named.pid):
            return named
        sleep(LOOK_PAUSE)
    return named or Holder(0, "command", "")


def _open(path: Path, group_readable: bool) -> int:
    lock = files.beside(path, ".lock")
    mode = files.file_mode(group_readable)
    files.make_folder(lock, group_readable)
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, mode)
        if os.fstat(descriptor).st_uid == os.geteuid():
            os.fchmod(descriptor, mode)
    except OSError as error:
        raise files.unwritable(lock, "write to", error) from error
    return descriptor


def _wait_for(descriptor: int, path: Path, wait: timedelta, sleep: Sleep) -> None:
    left = max(wait.total_seconds(), LOOK_PAUSE * LOOKS)
    while not _flock(descriptor, fcntl.LOCK_EX):
        if left <= 0:
            raise HeldElsewhere(path, _read(descriptor) or Holder(0, "command", ""))
        pause = min(left, 0.1)
        sleep(pause)
        left -= pause


def _flock(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(descriptor: int, us: Holder) -> None:
    text = json.dumps({"pid": us.pid, "kind": us.kind, "since": us.since}).encode()
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text, 0)


def _read(descriptor: int) -> Holder | None:
    try:
        fields = json.loads(os.pread(descriptor, 4096, 0))
        kind = "daemon" if fields["kind"] == "daemon" else "command"
        return Holder(int(fields["pid"]), cast(HolderKind, kind), str(fields["since"]))
    except (ValueError, KeyError, TypeError):
        return None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
