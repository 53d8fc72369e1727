"""What waits for one sink, read from the database as it is needed: its queue, and the bodies of what goes next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from syncd.delivery.queue import Entry, Queue
from syncd.sinks.sink import Item
from syncd.store import deliveries
from syncd.store.deliveries import DeliveryOutcome, Pending
from syncd.store.engine import Database

WINDOW = 20_000
"""Pending events that are kept in memory, without their bodies."""
FETCHED_AT_ONCE = 512


class Backlog:
    def __init__(self, db: Database, sink: str) -> None:
        self.queue = Queue()
        self.is_stale = True
        """Whether something was committed since it was read."""
        self.lacks_body = False
        """Whether an event was not taken since its body was not at hand."""
        self._db = db
        self._sink = sink
        self._cursor = 0
        self._more = False
        self._bodies: dict[int, tuple[str, bytes] | None] = {}

    async def load(self, now: datetime) -> None:
        """More of what waits, if there is more; a window full of what must wait is no reason to stop."""
        full = len(self.queue) >= WINDOW and self.queue.has_ready(now)
        if full or not (self.is_stale or self._more):
            return
        room = max(WINDOW - len(self.queue), FETCHED_AT_ONCE)
        self.is_stale = False
        try:
            async with self._db.read() as tx:
                rows = await deliveries.pending(tx, self._sink, self._cursor, room)
        except BaseException:
            self.is_stale = True
            raise
        self._more = len(rows) == room
        if rows:
            self._cursor = rows[-1].seq
            self.queue.add(_entry(row, now) for row in rows)

    async def fetch(self, now: datetime) -> None:
        """Have the bodies of the next events at hand, many in one query."""
        if not self.lacks_body and len(self._bodies) > FETCHED_AT_ONCE // 2:
            return
        self.lacks_body = False
        heads = [entry.seq for entry in self.queue.peek(FETCHED_AT_ONCE, now)]
        if wanted := [seq for seq in heads if seq not in self._bodies]:
            async with self._db.read() as tx:
                found = await deliveries.bodies(tx, wanted)
            self._bodies = {seq: self._bodies[seq] for seq in heads if seq in self._bodies}
            self._bodies |= {seq: found.get(seq) for seq in wanted}

    def take(self, now: datetime) -> Entry | None:
        """The next event that may go, if its body is at hand."""
        entry = self.queue.take(now)
        if entry is None or entry.seq in self._bodies:
            return entry
        self.queue.back(entry)
        self.lacks_body = True
        return None

    async def items(self, entries: Sequence[Entry]) -> list[Item]:
        """An event that was pruned meanwhile is not sent."""
        found = {entry.seq: self._bodies.pop(entry.seq) for entry in entries if entry.seq in self._bodies}
        if len(found) < len(entries):
            async with self._db.read() as tx:
                found |= await deliveries.bodies(tx, [entry.seq for entry in entries])
        return [Item(entry.seq, *what) for entry in entries if (what := found.get(entry.seq)) is not None]

    def follow(self, entry: Entry, outcome: DeliveryOutcome, delivered: int) -> None:
        """What is settled makes room for the next of its key; the rest waits on, with what was learned of it."""
        if outcome.state != "pending":
            self.queue.done(entry)
            return
        if outcome.due is None:
            entry.seen_deliveries = delivered
        entry.attempts, entry.due = outcome.attempts, outcome.due
        entry.strikes, entry.tried_at = outcome.strikes, outcome.tried_at
        self.queue.back(entry)


def _entry(row: Pending, now: datetime) -> Entry:
    entry = Entry(*row)
    entry.mind_clock(now)
    return entry
