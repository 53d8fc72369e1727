"""How a command gets something done: by the daemon if one runs, or by itself with the lock in its hands."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from syncd.errors import DatabaseLocked, DatabaseMissing, DatabaseOlder, SyncdError
from syncd.store import requests
from syncd.store.lock import FileLock, Holder, Sleep, holder
from syncd.store.requests import Answered, RequestKind

DAEMON_TIMEOUT = timedelta(seconds=60)
"""How long a command waits for a daemon to begin its request, or for another command to end."""

POLL_SECONDS = 0.1
"""Seconds between two looks at the answer and at the lock."""


@dataclass(frozen=True, slots=True)
class LockTaken:
    """Nobody else works on the file: the command does it itself, then releases the lock."""

    lock: FileLock


CallResult = Answered | LockTaken


def call_daemon(
    path: Path,
    kind: RequestKind,
    args: Mapping[str, Any],
    *,
    group_readable: bool = False,
    timeout: timedelta = DAEMON_TIMEOUT,
    sleep: Sleep = time.sleep,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    monotonic: Callable[[], float] = time.monotonic,
) -> CallResult:
    """Ask a running daemon and wait for its answer; if there is none, take the lock.

    Raises DatabaseLocked if another command keeps the lock for longer than ``timeout``, SyncdError (exit 1) if a
    daemon does not begin the request within it, and the rest of the DatabaseError tree. However this ends, a request
    that was not begun is taken back.
    """
    call = _Call(path, kind, args, timeout, sleep, now, monotonic)
    try:
        while True:
            try:
                lock = FileLock.acquire(path, "command", group_readable=group_readable, sleep=sleep, now=now)
            except DatabaseLocked as locked:
                call.wait_for(holder(path, sleep=sleep), locked)
            else:
                return call.take_over(lock)
            if call.answer is not None:
                return call.answer
    except BaseException:
        with suppress(SyncdError):
            call.withdraw()
        raise


class _Call:
    """The request of one command, during which the holder of the lock may change."""

    def __init__(
        self,
        path: Path,
        kind: RequestKind,
        args: Mapping[str, Any],
        timeout: timedelta,
        sleep: Sleep,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._path = path
        self._kind = kind
        self._args = args
        self._timeout = timeout
        self._sleep = sleep
        self._now = now
        self._monotonic = monotonic
        self._until = monotonic() + timeout.total_seconds()
        self._request: int | None = None
        self.answer: Answered | None = None

    def wait_for(self, lock_holder: Holder | None, locked: DatabaseLocked) -> None:
        """Wait until a daemon answers, or for a moment if a command holds the lock; then the lock is tried again."""
        if lock_holder is None:
            return
        if lock_holder.kind == "daemon":
            if self._submitted():
                self._wait_for_answer(lock_holder)
        elif self._monotonic() >= self._until:
            raise locked
        else:
            self._sleep(POLL_SECONDS)

    def take_over(self, lock: FileLock) -> CallResult:
        """We hold the lock, so no daemon works on the request: take it over, unless it was answered already."""
        try:
            if self._request is not None and not requests.withdraw(
                self._path, self._request, even_begun=True
            ):
                progress = requests.look(self._path, self._request)
                assert isinstance(progress, Answered)
                lock.release()
                return progress
        except BaseException:
            lock.release()
            raise
        return LockTaken(lock)

    def withdraw(self) -> bool:
        return self._request is not None and requests.withdraw(self._path, self._request)

    def _submitted(self) -> bool:
        """Submit the request once; False while the daemon is still making or upgrading the file."""
        if self._request is None:
            try:
                self._request = requests.submit(self._path, self._kind, self._args, self._now())
            except (DatabaseMissing, DatabaseOlder):
                if self._monotonic() >= self._until:
                    raise
                self._sleep(POLL_SECONDS)
                return False
            self._until = self._monotonic() + self._timeout.total_seconds()
        return True

    def _wait_for_answer(self, daemon: Holder) -> None:
        """Wait until the answer is there, or no daemon holds the lock any more."""
        assert self._request is not None
        while True:
            progress = requests.look(self._path, self._request)
            if isinstance(progress, Answered):
                self.answer = progress
                return
            if not progress.begun and self._monotonic() >= self._until and self.withdraw():
                self._request = None
                raise SyncdError(
                    f"{daemon} did not begin this within {self._timeout.total_seconds():.0f} s; nothing was done",
                    "see what it is busy with (`syncd status`, its log), and try again",
                )
            self._sleep(POLL_SECONDS)
            lock_holder = holder(self._path, sleep=self._sleep)
            if lock_holder is None or lock_holder.kind != "daemon":
                self._until = self._monotonic() + self._timeout.total_seconds()
                return
