"""The log sink: one JSON line an event, on stdout or in a file that is on the disk before it counts as delivered."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from syncd.config import LogSinkConfig
from syncd.sinks.sink import Delivered, Item, ReceiverTrouble, Verdict

MODE = 0o600
FOLDER_MODE = 0o700
TAIL = 64 * 1024
"""Bytes read at a time when looking for the end of the last whole line."""


class LogSink:
    """Opens its file with the first event, and anew after `reopen` or when the path leads elsewhere."""

    def __init__(self, config: LogSinkConfig) -> None:
        self.name = config.name
        self.group_wait = timedelta(0)
        self.longest_backoff = timedelta(hours=1)
        self._path = config.path
        self._descriptor: int | None = None
        self._waiting: list[bytes] = []
        self._turn = asyncio.Lock()

    async def send(self, items: Sequence[Item], away_since: datetime | None = None) -> Verdict:
        """Lines of several sends that come together are written and flushed to the disk at once."""
        lines = b"".join(item.body + b"\n" for item in items)
        self._waiting.append(lines)
        async with self._turn:
            if not any(waiting is lines for waiting in self._waiting):
                return Delivered()
            together, self._waiting = self._waiting, []
            try:
                await asyncio.to_thread(self._write, b"".join(together))
            except OSError as error:
                # Others of the group learn it by themselves: their lines are tried again, one by one.
                self._waiting = [waiting for waiting in together if waiting is not lines]
                self._close()
                return ReceiverTrouble(f"cannot write: {error.strerror or type(error).__name__}")
            return Delivered()

    def reopen(self) -> None:
        """The file was rotated; the next event opens it anew."""
        self._close()

    async def aclose(self) -> None:
        self._close()

    def _write(self, lines: bytes) -> None:
        if self._path is None:
            _write_all(_stdout(), lines)
            return
        if self._descriptor is None or not self._is_current():
            self._close()
            self._descriptor = _open(self._path)
        end = os.fstat(self._descriptor).st_size
        try:
            _write_all(self._descriptor, lines)
        except OSError:
            os.ftruncate(self._descriptor, end)
            raise
        os.fsync(self._descriptor)

    def _is_current(self) -> bool:
        assert self._path is not None
        assert self._descriptor is not None
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        here = os.fstat(self._descriptor)
        return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _stdout() -> int:
    sys.stdout.flush()
    return sys.stdout.fileno()


def _open(path: Path) -> int:
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)
    try:
        _mend(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _mend(descriptor: int) -> None:
    """Cut a last line that a crash tore: its event is still pending, and comes again whole."""
    end = size = os.fstat(descriptor).st_size
    while end > 0:
        start = max(0, end - TAIL)
        newline = os.pread(descriptor, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end != size:
        os.ftruncate(descriptor, end)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
