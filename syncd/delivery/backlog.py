"""The events that wait for one sink, read from the database as needed: first their order, and later their bodies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from syncd.delivery.queue import Entry, Queue
from syncd.sinks.sink import Item
from syncd.store import deliveries, images
from syncd.store.deliveries import DeliveryOutcome, Pending
from syncd.store.engine import Database

MAX_ENTRIES = 20_000
"""How many pending events are kept in memory, without their bodies."""
BODIES_PER_QUERY = 512


class Backlog:
    def __init__(self, db: Database, sink: str) -> None:
        self.queue = Queue()
        self.is_stale = True
        """Whether something was committed since the backlog was read."""
        self.lacks_body = False
        """Whether `take` gave nothing because the body of the next event was not loaded."""
        self._db = db
        self._sink = sink
        self._cursor = 0
        """The number of the last event that was read."""
        self._has_more = False
        self._bodies: dict[int, tuple[str, bytes] | None] = {}

    async def load(self, now: datetime) -> None:
        """Read more pending events if there are more. Even a full queue gets more if none of its events may go now."""
        is_full = len(self.queue) >= MAX_ENTRIES and self.queue.has_ready(now)
        if is_full or not (self.is_stale or self._has_more):
            return
        room = max(MAX_ENTRIES - len(self.queue), BODIES_PER_QUERY)
        self.is_stale = False
        try:
            async with self._db.read() as tx:
                rows = await deliveries.pending(tx, self._sink, self._cursor, room)
        except BaseException:
            self.is_stale = True
            raise
        self._has_more = len(rows) == room
        if rows:
            self._cursor = rows[-1].seq
            self.queue.add(_entry(row, now) for row in rows)

    async def load_bodies(self, now: datetime) -> None:
        """Have the bodies of the next events in memory, read many at a time."""
        if not self.lacks_body and len(self._bodies) > BODIES_PER_QUERY // 2:
            return
        self.lacks_body = False
        heads = [entry.seq for entry in self.queue.peek(BODIES_PER_QUERY, now)]
        if missing := [seq for seq in heads if seq not in self._bodies]:
            async with self._db.read() as tx:
                bodies = await deliveries.bodies(tx, missing)
            self._bodies = {seq: self._bodies[seq] for seq in heads if seq in self._bodies}
            self._bodies |= {seq: bodies.get(seq) for seq in missing}

    def take(self, now: datetime) -> Entry | None:
        """The next event that may go, if its body is in memory."""
        entry = self.queue.take(now)
        if entry is None or entry.seq in self._bodies:
            return entry
        self.queue.put_back(entry)
        self.lacks_body = True
        return None

    async def items(self, entries: Sequence[Entry]) -> list[Item]:
        """What is sent for these entries. An event that was pruned in the meantime is left out."""
        bodies = {entry.seq: self._bodies.pop(entry.seq) for entry in entries if entry.seq in self._bodies}
        if len(bodies) < len(entries):
            async with self._db.read() as tx:
                bodies |= await deliveries.bodies(tx, [entry.seq for entry in entries])
        return [Item(entry.seq, *body) for entry in entries if (body := bodies.get(entry.seq)) is not None]

    async def digest_items(self, entries: Sequence[Entry]) -> list[Item]:
        """The same for a message to people, which also names the other regions of an account."""
        seqs = [entry.seq for entry in entries]
        async with self._db.read() as tx:
            bodies = await deliveries.bodies(tx, seqs)
            regions = await images.other_regions(tx, seqs)
        return [Item(seq, *bodies[seq], regions.get(seq, ())) for seq in seqs if seq in bodies]

    def apply(self, entry: Entry, outcome: DeliveryOutcome, delivered: int) -> None:
        """A settled event makes room for the next one of its key; a pending one waits on, with what was learned.

        ``delivered`` is how many events the sink has taken so far.
        """
        if outcome.state != "pending":
            self.queue.remove(entry)
            return
        if outcome.due is None:
            entry.delivered_before = delivered
        entry.attempts, entry.due = outcome.attempts, outcome.due
        entry.strikes, entry.tried_at = outcome.strikes, outcome.tried_at
        self.queue.put_back(entry)


def _entry(row: Pending, now: datetime) -> Entry:
    entry = Entry(*row)
    entry.correct_times(now)
    return entry
