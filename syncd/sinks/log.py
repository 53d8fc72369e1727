"""The log sink: one line of JSON for each event, on stdout or in a file. A file is on the disk before it counts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from syncd.config import LogSinkConfig
from syncd.sinks.line_writers import LineFile, Stdout
from syncd.sinks.sink import Delivered, Item, ReceiverTrouble, SendResult


@dataclass(slots=True)
class _Group:
    """Events that are written, and flushed to the disk, together."""

    lines: list[bytes] = field(default_factory=list)
    writing: asyncio.Task[SendResult] | None = None


class LogSink:
    """Opens its file with the first event, and again after `reopen` or when the path names another file."""

    def __init__(self, config: LogSinkConfig) -> None:
        self.name = config.name
        self.group_wait = timedelta(0)
        self.longest_backoff = timedelta(hours=1)
        self._output = Stdout() if config.path is None else LineFile(config.path)
        self._turn = asyncio.Lock()
        self._gathering: _Group | None = None

    async def send(self, items: Sequence[Item], away_since: datetime | None = None) -> SendResult:
        """Events that come while others are being written share the next write."""
        group = self._gathering = self._gathering or _Group()
        group.lines += [item.body + b"\n" for item in items]
        if group.writing is None:
            group.writing = asyncio.create_task(self._write(group), name=f"write {self.name}")
        # Other sends share this write: cancelling one send must not take away the lines of the others.
        return await asyncio.shield(group.writing)

    def reopen(self) -> None:
        """The file was rotated: the next event opens it anew."""
        self._output.reopen()

    async def aclose(self) -> None:
        if self._gathering is not None and self._gathering.writing is not None:
            await asyncio.wait([self._gathering.writing])
        async with self._turn:
            self._output.close()

    async def _write(self, group: _Group) -> SendResult:
        async with self._turn:
            self._gathering = None
            try:
                await asyncio.to_thread(self._output.write, b"".join(group.lines))
            except OSError as error:
                why = error.strerror or type(error).__name__
                return ReceiverTrouble(f"{self._output.description} cannot be written: {why}")
            return Delivered()
