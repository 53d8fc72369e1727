"""How a command gets its way: through the daemon if one runs, else with the lock in its own hand."""

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
"""How long to wait for a daemon to begin, or for another command to end."""

POLL_SECONDS = 0.1
"""Seconds between two looks at the answer and at the lock."""


@dataclass(frozen=True, slots=True)
class LockTaken:
    """Nobody else works on the file: do it, then release the lock."""

    lock: FileLock


CallResult = Answered | LockTaken


def call_daemon(
    path: Path,
    kind: RequestKind,
    args: Mapping[str, Any],
    *,
    group_readable: bool = False,
    patience: timedelta = DAEMON_TIMEOUT,
    sleep: Sleep = time.sleep,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    monotonic: Callable[[], float] = time.monotonic,
) -> CallResult:
    """Have a running daemon do it and wait for its answer, or come back with the lock.

    Raises DatabaseLocked if another command keeps the lock beyond ``patience``, SyncdError (exit 1) if a daemon does
    not begin within it, and the rest of the DatabaseError tree. A request that was not begun is taken back
    however this ends.
    """
    asking = _Call(path, kind, args, patience, sleep, now, monotonic)
    try:
        while True:
            try:
                lock = FileLock.acquire(path, "command", group_readable=group_readable, sleep=sleep, now=now)
            except DatabaseLocked as locked:
                asking.face(holder(path, sleep=sleep), locked)
            else:
                return asking.settle(lock)
            if asking.answer is not None:
                return asking.answer
    except BaseException:
        with suppress(SyncdError):
            asking.withdraw()
        raise


class _Call:
    """The request of one command, while the holder of the lock may change."""

    def __init__(
        self,
        path: Path,
        kind: RequestKind,
        args: Mapping[str, Any],
        patience: timedelta,
        sleep: Sleep,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._path = path
        self._kind = kind
        self._args = args
        self._patience = patience
        self._sleep = sleep
        self._now = now
        self._monotonic = monotonic
        self._until = monotonic() + patience.total_seconds()
        self._request: int | None = None
        self.answer: Answered | None = None

    def face(self, found: Holder | None, locked: DatabaseLocked) -> None:
        """Wait for a daemon's answer, or a moment for a command; returns when the lock is worth another try."""
        if found is None:
            return
        if found.kind == "daemon":
            if self._submitted():
                self._wait(found)
        elif self._monotonic() >= self._until:
            raise locked
        else:
            self._sleep(POLL_SECONDS)

    def settle(self, lock: FileLock) -> CallResult:
        """With the lock held no daemon works on the request: take it over, unless it was answered."""
        try:
            if self._request is not None and not requests.withdraw(
                self._path, self._request, even_begun=True
            ):
                found = requests.look(self._path, self._request)
                assert isinstance(found, Answered)
                lock.release()
                return found
        except BaseException:
            lock.release()
            raise
        return LockTaken(lock)

    def withdraw(self) -> bool:
        return self._request is not None and requests.withdraw(self._path, self._request)

    def _submitted(self) -> bool:
        """False while the daemon is still making or upgrading the file."""
        if self._request is None:
            try:
                self._request = requests.submit(self._path, self._kind, self._args, self._now())
            except (DatabaseMissing, DatabaseOlder):
                if self._monotonic() >= self._until:
                    raise
                self._sleep(POLL_SECONDS)
                return False
            self._until = self._monotonic() + self._patience.total_seconds()
        return True

    def _wait(self, daemon: Holder) -> None:
        """Until the answer is there, or no daemon holds the lock."""
        assert self._request is not None
        while True:
            found = requests.look(self._path, self._request)
            if isinstance(found, Answered):
                self.answer = found
                return
            if not found.begun and self._monotonic() >= self._until and self.withdraw():
                self._request = None
                raise SyncdError(
                    f"{daemon} did not begin this within {self._patience.total_seconds():.0f} s; nothing was done",
                    "see what it is busy with (`syncd status`, its log), and try again",
                )
            self._sleep(POLL_SECONDS)
            holds = holder(self._path, sleep=self._sleep)
            if holds is None or holds.kind != "daemon":
                self._until = self._monotonic() + self._patience.total_seconds()
                return
