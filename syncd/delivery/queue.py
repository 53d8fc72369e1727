"""What waits for one sink, in memory: it says which event may go next, so that the order of each key is kept.

A key is what is delivered in order: one image of an account, for example.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import heappop, heappush, nsmallest
from itertools import chain, takewhile

from syncd.delivery.backoff import longest_message_wait

NEVER = datetime.min.replace(tzinfo=UTC)

Rank = tuple[datetime, int]


@dataclass(slots=True)
class Entry:
    """One pending event."""

    seq: int
    key: str
    attempts: int = 0
    """How many attempts were refused."""
    due: datetime | None = None
    """When a refused event is tried again."""
    strikes: int = 0
    """How often it failed through the receiver's fault while others were delivered."""
    tried_at: datetime | None = None
    """When it last failed through the receiver's fault."""
    delivered_before: int = 0
    """How many events the sink had taken when this one last failed."""

    def correct_times(self, now: datetime) -> None:
        """Forget times in the future that no wait explains: they were written by a clock that ran ahead."""
        if self.due is not None and self.due > now + longest_message_wait(self.attempts):
            self.due = None
        if self.tried_at is not None and self.tried_at > now:
            self.tried_at = now

    @property
    def goes_alone(self) -> bool:
        """Whether a digest with it would probably be refused, or fail, again."""
        return self.attempts > 0 or self.strikes > 0

    @property
    def rank(self) -> Rank:
        """The event that was tried least recently goes first, then the one with the lower number."""
        return self.tried_at or NEVER, self.seq


class Queue:
    """The first event of each key is ready, waits for its time, or is out (sent, but not settled).

    The later events of the key wait behind it.
    """

    def __init__(self) -> None:
        self._lines: dict[str, deque[Entry]] = {}
        self._ready: list[tuple[Rank, str]] = []
        self._waiting: list[tuple[datetime, int, str]] = []
        self._out: set[str] = set()
        self._size = 0

    def __len__(self) -> int:
        """How many events wait or are out."""
        return self._size

    def add(self, entries: Iterable[Entry]) -> None:
        """``entries`` come in the order of their numbers."""
        for entry in entries:
            line = self._lines.setdefault(entry.key, deque())
            line.append(entry)
            self._size += 1
            if len(line) == 1:
                self._offer(entry)

    def take(self, now: datetime) -> Entry | None:
        """The ready event that was tried least recently. It is out until `remove` or `put_back`."""
        return self._send_out(self._lines[self._ready[0][1]][0]) if self.has_ready(now) else None

    def take_alone(self, now: datetime) -> Entry | None:
        """The first ready event that must not go in a digest."""
        heads = [head for head in self._ready_heads(now) if head.goes_alone]
        return self._send_out(min(heads, key=lambda head: head.rank)) if heads else None

    def take_for_digest(self, now: datetime, limit: int) -> list[Entry]:
        """Up to ``limit`` events of the ready keys in the order of their numbers. All of them are out."""
        heads = self._ready_heads(now)
        fitting = chain.from_iterable(takewhile(_fits_digest, self._lines[head.key]) for head in heads)
        chosen = sorted(fitting, key=lambda entry: entry.seq)[:limit]
        for entry in chosen:
            self._send_out(entry)
        return chosen

    def peek(self, count: int, now: datetime) -> list[Entry]:
        """The events that `take` would give next."""
        self._wake_due(now)
        first = nsmallest(count, self._ready)
        return [self._lines[key][0] for rank, key in first if self._is_ready(rank, key)]

    def remove(self, entry: Entry) -> None:
        """The event is settled for good: the next one of its key may go."""
        line = self._lines[entry.key]
        line.remove(entry)
        self._size -= 1
        self._out.discard(entry.key)
        if line:
            self._offer(line[0])
        else:
            del self._lines[entry.key]

    def put_back(self, entry: Entry) -> None:
        """The event is tried again, at its ``due`` if it has one; the later events of its key wait with it."""
        self._out.discard(entry.key)
        if self._lines[entry.key][0] is entry:
            self._offer(entry)

    def correct_times(self, now: datetime) -> None:
        """After the clock was set, look again at the times by which events wait."""
        for entry in self._entries():
            entry.correct_times(now)
        self._offer_all()

    def start_over(self) -> None:
        """Refused events may go at once, as if they had never been refused."""
        for entry in self._entries():
            entry.attempts, entry.strikes, entry.due = 0, 0, None
        self._offer_all()

    def next_due(self) -> datetime | None:
        """When the time of the first waiting event comes."""
        return self._waiting[0][0] if self._waiting else None

    def has_ready(self, now: datetime) -> bool:
        self._wake_due(now)
        while self._ready and not self._is_ready(*self._ready[0]):
            heappop(self._ready)
        return bool(self._ready)

    def has_for_digest(self, now: datetime) -> bool:
        """Whether an event is ready that may go in a digest."""
        return any(_fits_digest(head) for head in self._ready_heads(now))

    def _ready_heads(self, now: datetime) -> list[Entry]:
        """The first events of all keys that are ready."""
        self._wake_due(now)
        keys = dict.fromkeys(key for rank, key in self._ready if self._is_ready(rank, key))
        return [self._lines[key][0] for key in keys]

    def _is_ready(self, rank: Rank, key: str) -> bool:
        """Whether the heap still tells the truth: taken and settled events are only removed from it later."""
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
        """Enter the first event of a key into the heap of those that are ready, or of those that wait."""
        if entry.key in self._out:
            return
        if entry.due is not None:
            heappush(self._waiting, (entry.due, entry.seq, entry.key))
        else:
            heappush(self._ready, (entry.rank, entry.key))

    def _wake_due(self, now: datetime) -> None:
        """Move events whose time has come to those that are ready."""
        while self._waiting and self._waiting[0][0] <= now:
            due, seq, key = heappop(self._waiting)
            line = self._lines.get(key)
            if line and (line[0].seq, line[0].due) == (seq, due):
                line[0].due = None
                heappush(self._ready, (line[0].rank, key))

    def _send_out(self, entry: Entry) -> Entry:
        self._out.add(entry.key)
        return entry


def _fits_digest(entry: Entry) -> bool:
    return not entry.goes_alone and entry.due is None
