"""What waits for one sink, in memory: which event may go next so that each key's order is kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import heappop, heappush, nsmallest
from itertools import chain, takewhile

from syncd.delivery.backoff import longest_message_wait

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Entry:
    """One pending event."""

    seq: int
    key: str
    attempts: int = 0
    """Those in which it was refused."""
    due: datetime | None = None
    """On its own schedule: when it is tried again."""
    strikes: int = 0
    """How often it failed through the receiver's fault while others were delivered."""
    tried_at: datetime | None = None
    """When it last failed through the receiver's fault."""
    seen_deliveries: int = 0
    """How much the sink had taken when it last failed."""

    def mind_clock(self, now: datetime) -> None:
        """A time further ahead than it can have to wait was written by a clock that ran ahead."""
        if self.due is not None and self.due > now + longest_message_wait(self.attempts):
            self.due = None
        if self.tried_at is not None and self.tried_at > now:
            self.tried_at = now

    @property
    def goes_alone(self) -> bool:
        """A digest with it would be refused, or fail, again."""
        return self.attempts > 0 or self.strikes > 0

    @property
    def rank(self) -> tuple[datetime, int]:
        """Who is tried least recently goes first, then the lower number."""
        return self.tried_at or NEVER, self.seq


class Queue:
    """Heads of keys are ready, waiting for their time, or out; the events behind them wait for them."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[Entry]] = {}
        self._ready: list[tuple[tuple[datetime, int], str]] = []
        self._waiting: list[tuple[datetime, int, str]] = []
        self._out: set[str] = set()
        self._size = 0

    def __len__(self) -> int:
        """Events that wait or are out."""
        return self._size

    def add(self, entries: Iterable[Entry]) -> None:
        """In the order of their numbers."""
        for entry in entries:
            line = self._lines.setdefault(entry.key, deque())
            line.append(entry)
            self._size += 1
            if len(line) == 1:
                self._offer(entry)

    def take(self, now: datetime) -> Entry | None:
        """The ready head that was tried least recently; it is out until `done` or `back`."""
        return self._send_out(self._lines[self._ready[0][1]][0]) if self.has_ready(now) else None

    def take_alone(self, now: datetime) -> Entry | None:
        """The first ready head that must not be in a digest."""
        heads = [head for head in self._heads(now) if head.goes_alone]
        return self._send_out(min(heads, key=lambda head: head.rank)) if heads else None

    def take_together(self, now: datetime, most: int) -> list[Entry]:
        """For a digest: events of the ready keys in the order of their numbers; all are out."""
        fit = chain.from_iterable(takewhile(_fits, self._lines[head.key]) for head in self._heads(now))
        chosen = sorted(fit, key=lambda entry: entry.seq)[:most]
        for entry in chosen:
            self._send_out(entry)
        return chosen

    def peek(self, count: int, now: datetime) -> list[Entry]:
        """The heads that would be taken next."""
        self._wake(now)
        first = nsmallest(count, self._ready)
        return [self._lines[key][0] for rank, key in first if self._is_ready(rank, key)]

    def done(self, entry: Entry) -> None:
        """It is settled for good: the next of its key may go."""
        line = self._lines[entry.key]
        line.remove(entry)
        self._size -= 1
        self._out.discard(entry.key)
        if line:
            self._offer(line[0])
        else:
            del self._lines[entry.key]

    def back(self, entry: Entry) -> None:
        """It is tried again, when its ``due`` comes if it has one; its key waits with it."""
        self._out.discard(entry.key)
        if self._lines[entry.key][0] is entry:
            self._offer(entry)

    def mind_clock(self, now: datetime) -> None:
        """After it was set: what waits by the clock of before is looked at again."""
        for entry in self._entries():
            entry.mind_clock(now)
        self._offer_all()

    def start_over(self) -> None:
        """What was refused may go at once, as if it never had been."""
        for entry in self._entries():
            entry.attempts, entry.strikes, entry.due = 0, 0, None
        self._offer_all()

    def next_due(self) -> datetime | None:
        """When the first waiting head's time comes."""
        return self._waiting[0][0] if self._waiting else None

    def has_ready(self, now: datetime) -> bool:
        self._wake(now)
        while self._ready and not self._is_ready(*self._ready[0]):
            heappop(self._ready)
        return bool(self._ready)

    def has_together(self, now: datetime) -> bool:
        """Whether something is ready for a digest."""
        return any(_fits(head) for head in self._heads(now))

    def _heads(self, now: datetime) -> list[Entry]:
        self._wake(now)
        keys = dict.fromkeys(key for rank, key in self._ready if self._is_ready(rank, key))
        return [self._lines[key][0] for key in keys]

    def _is_ready(self, rank: tuple[datetime, int], key: str) -> bool:
        """What was offered may have been taken, or settled, since: the heap forgets lazily."""
        if key in self._out or key not in self._lines:
            return False
        head = self._lines[key][0]
        return head.due is None and head.rank == rank

    def _entries(self) -> Iterable[Entry]:
        return chain.from_iterable(self._lines.values())

    def _offer_all(self) -> None:
        self._ready.clear()
        self._waiting.clear()
        for line in self._lines.values():
            self._offer(line[0])

    def _offer(self, entry: Entry) -> None:
        if entry.key in self._out:
            return
        if entry.due is not None:
            heappush(self._waiting, (entry.due, entry.seq, entry.key))
        else:
            heappush(self._ready, (entry.rank, entry.key))

    def _wake(self, now: datetime) -> None:
        """What is due."""
        while self._waiting and self._waiting[0][0] <= now:
            due, seq, key = heappop(self._waiting)
            line = self._lines.get(key)
            if line and (line[0].seq, line[0].due) == (seq, due):
                line[0].due = None
                heappush(self._ready, (line[0].rank, key))

    def _send_out(self, entry: Entry) -> Entry:
        self._out.add(entry.key)
        return entry


def _fits(entry: Entry) -> bool:
    return not entry.goes_alone and entry.due is None
