"""What waits for one sink, in memory: which event may go next so that each key's order is kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, KeysView
from dataclasses import dataclass
from datetime import datetime
from heapq import heappop, heappush, nsmallest


@dataclass(slots=True)
class Entry:
    """One pending event. ``strikes`` counts its failures while others were delivered."""

    seq: int
    key: str
    attempts: int = 0
    due: datetime | None = None
    strikes: int = 0
    seen_deliveries: int = 0
    tried: int = 0
    """When it was last tried, as a running number; 0: never."""


class Queue:
    """Heads of keys are ready, waiting for their time, or out; the events behind them wait for them."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[Entry]] = {}
        self._ready: list[tuple[int, str]] = []
        self._waiting: list[tuple[datetime, int, str]] = []
        self._out: set[str] = set()
        self._size = 0
        self._tries = 0

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
        """The head with the lowest number whose time has come; it is out until `done`, `back` or `later`."""
        return self._send_out(self._lines[self._ready[0][1]][0]) if self.has_ready(now) else None

    def take_of(self, keys: Container[str], now: datetime) -> Entry | None:
        """The first ready head of one of these keys."""
        heads = [head for head in self._heads(now) if head.key in keys]
        return self._send_out(min(heads, key=lambda head: head.seq)) if heads else None

    def peek(self, count: int, now: datetime) -> list[Entry]:
        """The heads that would be taken next."""
        self._wake(now)
        first = nsmallest(count, self._ready)
        return [self._lines[key][0] for seq, key in first if self._is_ready(seq, key)]

    def take_oldest_tried(self, now: datetime) -> Entry | None:
        """The ready head that was tried least recently: a probe that does not bite on one event for ever."""
        heads = self._heads(now)
        return self._send_out(min(heads, key=lambda head: (head.tried, head.seq))) if heads else None

    def take_lines(self, now: datetime, most: int, apart: Container[str]) -> list[Entry]:
        """For a digest: the events of all ready keys but ``apart``, in the order of their numbers; all are out."""
        lines = [self._lines[head.key] for head in self._heads(now) if head.key not in apart]
        chosen = sorted((entry for line in lines for entry in line), key=lambda entry: entry.seq)[:most]
        for entry in chosen:
            self._send_out(entry)
        return chosen

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
        """Untouched, to be tried again as soon as the receiver is."""
        self._out.discard(entry.key)
        if self._lines[entry.key][0] is entry:
            self._offer(entry)

    def later(self, entry: Entry, due: datetime) -> None:
        """It waits for its own time, and its key with it."""
        entry.due = due
        self.back(entry)

    def keys(self) -> KeysView[str]:
        return self._lines.keys()

    def next_due(self) -> datetime | None:
        """When the first waiting head's time comes."""
        return self._waiting[0][0] if self._waiting else None

    def has_ready(self, now: datetime) -> bool:
        self._wake(now)
        while self._ready and not self._is_ready(*self._ready[0]):
            heappop(self._ready)
        return bool(self._ready)

    def _heads(self, now: datetime) -> list[Entry]:
        self._wake(now)
        keys = dict.fromkeys(key for seq, key in self._ready if self._is_ready(seq, key))
        return [self._lines[key][0] for key in keys]

    def _is_ready(self, seq: int, key: str) -> bool:
        """What was offered may have been taken, or settled, since: the heap forgets lazily."""
        return key not in self._out and key in self._lines and self._lines[key][0].seq == seq

    def _offer(self, entry: Entry) -> None:
        if entry.key in self._out:
            return
        if entry.due is not None:
            heappush(self._waiting, (entry.due, entry.seq, entry.key))
        else:
            heappush(self._ready, (entry.seq, entry.key))

    def _wake(self, now: datetime) -> None:
        while self._waiting and self._waiting[0][0] <= now:
            _, seq, key = heappop(self._waiting)
            if key in self._lines and self._lines[key][0].seq == seq:
                self._lines[key][0].due = None
                heappush(self._ready, (seq, key))

    def _send_out(self, entry: Entry) -> Entry:
        self._tries += 1
        entry.tried = self._tries
        self._out.add(entry.key)
        return entry
