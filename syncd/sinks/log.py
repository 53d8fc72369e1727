"""The log sink: one JSON line an event, on stdout or in a file that is on the disk before it counts as delivered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from syncd.config import LogSinkConfig
from syncd.sinks.line_writers import LineFile, Stdout
from syncd.sinks.sink import Delivered, Item, ReceiverTrouble, Verdict


@dataclass(slots=True)
class _Group:
    """Events that are written, and flushed to the disk, at once."""

    lines: list[bytes] = field(default_factory=list)
    writing: asyncio.Task[Verdict] | None = None


class LogSink:
    """Opens its file with the first event, and anew after `reopen` or when the path leads elsewhere."""

    def __init__(self, config: LogSinkConfig) -> None:
        self.name = config.name
        self.group_wait = timedelta(0)
        self.longest_backoff = timedelta(hours=1)
        self._output = Stdout() if config.path is None else LineFile(config.path)
        self._turn = asyncio.Lock()
        self._gathering: _Group | None = None

    async def send(self, items: Sequence[Item], away_since: datetime | None = None) -> Verdict:
        """Events that come while others are being written share the next write."""
        group = self._gathering = self._gathering or _Group()
        group.lines += [item.body + b"\n" for item in items]
        if group.writing is None:
            group.writing = asyncio.create_task(self._write(group), name=f"write {self.name}")
        # It is not this send's alone: a send that is called off takes no other's lines with it.
        return await asyncio.shield(group.writing)

    def reopen(self) -> None:
        """The file was rotated; the next event opens it anew."""
        self._output.reopen()

    async def aclose(self) -> None:
        if self._gathering is not None and self._gathering.writing is not None:
            await asyncio.wait([self._gathering.writing])
        async with self._turn:
            self._output.close()

    async def _write(self, group: _Group) -> Verdict:
        async with self._turn:
            self._gathering = None
            try:
                await asyncio.to_thread(self._output.write, b"".join(group.lines))
            except OSError as error:
                why = error.strerror or type(error).__name__
                return ReceiverTrouble(f"{self._output.what} cannot be written: {why}")
            return Delivered()
