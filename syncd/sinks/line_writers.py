"""Writes lines to stdout or to a file, whole or not at all. Everything here may block, so it runs in a thread."""

from __future__ import annotations

import errno
import os
import select
import stat
import sys
import threading
from contextlib import suppress
from pathlib import Path

MODE = 0o600
FOLDER_MODE = 0o700
TAIL_BYTES = 64 * 1024
"""How much is read at a time when looking for the end of the last whole line."""
READER_TIMEOUT = 5.0
"""Seconds that the reader of a pipe or terminal is given to make room. A stop waits longer than this."""
LINE_START = b'{"specversion"'
"""How each of our lines begins."""


class Stdout:
    """Several sinks may write to it: a shared lock keeps their lines apart."""

    description = "stdout"
    _turn = threading.Lock()

    def __init__(self) -> None:
        self._torn = False

    def write(self, lines: bytes) -> None:
        """Raises OSError. A line that was half written then is ended before the next one."""
        with self._turn:
            self._write(lines)

    def _write(self, lines: bytes) -> None:
        # Not simply descriptor 1: if stdout was closed at the start, the database may have that number now.
        if sys.stdout is None or sys.stdout.closed:
            raise OSError(errno.EBADF, "it is closed")
        sys.stdout.flush()
        data = b"\n" + lines if self._torn else lines
        left = memoryview(data)
        try:
            while left:
                left = left[_write_some(sys.stdout.fileno(), left) :]
        finally:
            if written := len(data) - len(left):
                self._torn = data[written - 1 : written] != b"\n"

    def reopen(self) -> None:
        """There is nothing to open anew."""

    def close(self) -> None:
        """We did not open it, so we do not close it."""


class LineFile:
    description = "the file"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._stale = False

    def write(self, lines: bytes) -> None:
        """The lines are on the disk when this returns. Raises OSError, and then leaves the file as it was before."""
        descriptor = self._current()
        end = os.fstat(descriptor).st_size
        try:
            left = memoryview(lines)
            while left:
                left = left[_write_some(descriptor, left) :]
            if _is_regular(descriptor):
                os.fsync(descriptor)
        except OSError:
            # After a failed fsync the kernel forgets what it could not write, so all of it must be written again.
            with suppress(OSError):
                os.ftruncate(descriptor, end)
            self.close()
            raise

    def reopen(self) -> None:
        """The next `write` opens the file anew. This is safe while a `write` runs."""
        self._stale = True

    def close(self) -> None:
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)

    def _current(self) -> int:
        if self._stale or (self._descriptor is not None and self._was_moved(self._descriptor)):
            self._stale = False
            self.close()
        if self._descriptor is None:
            self._descriptor = _open(self._path)
        return self._descriptor

    def _was_moved(self, descriptor: int) -> bool:
        try:
            return not os.path.samestat(self._path.stat(), os.fstat(descriptor))
        except FileNotFoundError:
            return True


def why_unwritable(path: Path) -> str:
    """Why this user could not add lines to the file, or "". The file is neither made nor changed."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return "it is a folder" if path.is_dir() else _why_no_access(path, os.W_OK)
        os.close(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC))
    except FileNotFoundError:
        folder = next(folder for folder in path.absolute().parents if folder.exists())
        return _why_no_access(folder, os.W_OK | os.X_OK)
    except OSError as error:
        return error.strerror or type(error).__name__
    return ""


def _why_no_access(path: Path, mode: int) -> str:
    return "" if os.access(path, mode) else f"{path} may not be written"


def _open(path: Path) -> int:
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)
    try:
        if _is_regular(descriptor):
            _cut_torn_line(descriptor)
            _sync_folder(path.parent)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _cut_torn_line(descriptor: int) -> None:
    """Remove a last line that a crash cut short: its event is still pending, and is written again as a whole.

    Only a line of ours is removed, so that a path which names somebody else's text by mistake does no harm.
    """
    size = os.fstat(descriptor).st_size
    start = _start_of_last_line(descriptor, size)
    if start == size:
        return
    # After a power cut the file may have its new length but zeros instead of the bytes.
    torn = os.pread(descriptor, len(LINE_START), start).rstrip(b"\0")
    if LINE_START.startswith(torn):
        os.ftruncate(descriptor, start)
    else:
        os.write(descriptor, b"\n")


def _start_of_last_line(descriptor: int, size: int) -> int:
    end = size
    while end > 0:
        start = max(0, end - TAIL_BYTES)
        newline = os.pread(descriptor, end - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def _sync_folder(folder: Path) -> None:
    """A file's bytes on the disk are lost if its name in the folder is not on the disk too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_regular(descriptor: int) -> bool:
    return stat.S_ISREG(os.fstat(descriptor).st_mode)


def _write_some(descriptor: int, data: memoryview) -> int:
    """How much was written. A pipe gets no more than it takes at once, so that a reader who sleeps blocks nobody."""
    ready = select.poll()
    ready.register(descriptor, select.POLLOUT)
    if not ready.poll(READER_TIMEOUT * 1000):
        raise OSError(errno.EAGAIN, f"nobody read it for {READER_TIMEOUT:g} seconds")
    return os.write(descriptor, data if _is_regular(descriptor) else data[: select.PIPE_BUF])
