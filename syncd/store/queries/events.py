"""Reads events: by number, time, type or image, and as they are committed."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any, Self

from syncd.globs import any_matches
from syncd.model import EVENT_TYPES, Scope, to_text
from syncd.store.queries.reader import Reader
from syncd.store.queries.row_types import EventRow

POLL_SECONDS = 0.5
"""Seconds between two looks of `Follower`."""

EVENTS_PER_POLL = 500
"""How many events `Follower.poll` returns at most."""

_COLUMNS = "e.seq, e.id, e.type, e.account, e.region, e.image_id, e.observed_at, e.scope, e.baseline, e.run_id, e.body"


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events to read; None asks for all.

    ``after`` is a number (events after it) or a time (events at or after it). ``types`` are globs over `EVENT_TYPES`.
    ``baseline``: also the images that were there when the watch of their target began.
    """

    after: int | datetime | None = None
    types: Sequence[str] | None = None
    image_id: str | None = None
    account: str | None = None
    region: str | None = None
    scope: Scope | None = None
    baseline: bool = True

    def conditions(self) -> tuple[str, list[str]]:
        """What narrows the answer without an index of its own."""
        terms = {"e.account = ?": self.account, "e.region = ?": self.region, "e.scope = ?": self.scope}
        asked = {term: value for term, value in terms.items() if value is not None}
        where = "".join(f" AND {term}" for term in asked)
        return where + ("" if self.baseline else " AND e.baseline = 0"), list(asked.values())


def events(reader: Reader, wanted: EventFilter, limit: int | None = None) -> Iterator[EventRow]:
    """The newest ``limit`` events that the filter lets through, or all; the oldest comes first."""
    if limit is None:
        return _events(reader, wanted)
    # Only the numbers are read backwards: the bodies of a long answer must not all be in memory.
    numbers = _stream(reader, wanted, "e.seq", limit, newest_first=True)
    first = min((seq for (seq,) in islice(numbers, limit)), default=None)
    return iter(()) if first is None else islice(_events(reader, wanted, start=first), limit)


def count_events(reader: Reader, wanted: EventFilter) -> int:
    """How many events `events` has without a limit."""
    return sum(1 for _ in _stream(reader, wanted, "e.seq", -1))


def first_events(reader: Reader, wanted: EventFilter, limit: int) -> list[EventRow]:
    """The oldest ``limit`` events that the filter lets through, in order: programs read page by page with it."""
    return list(islice(_events(reader, wanted, limit), limit))


def history(reader: Reader, image_id: str, limit: int | None = None) -> Iterator[EventRow]:
    """The newest ``limit`` events of one image, in every account and region; the oldest comes first."""
    return events(reader, EventFilter(image_id=image_id), limit)


def last_seq(reader: Reader) -> int:
    """The number of the newest event; 0 if there is none."""
    return int(reader.value("SELECT MAX(seq) FROM events") or 0)


class Follower:
    """Reads events as they are committed, while daemons come and go; a context manager."""

    def __init__(self, path: Path, seq: int, wanted: EventFilter | None = None) -> None:
        """Follow the events after number ``seq``; ``wanted.after`` is ignored."""
        self._path = path
        self._seq = seq
        self._wanted = wanted or EventFilter()
        self._reader: Reader | None = None
        self._version: int | None = None

    def poll(self) -> list[EventRow]:
        """At most EVENTS_PER_POLL events that were committed since the last poll: call again until there are none.

        It costs two look-ups if nothing was written. Raises the DatabaseError tree.
        """
        reader = self._current()
        version = reader.data_version()
        if version == self._version:
            return []
        newest = last_seq(reader)
        new_events = first_events(reader, replace(self._wanted, after=self._seq), EVENTS_PER_POLL)
        if new_events:
            self._seq = new_events[-1].seq
        if len(new_events) < EVENTS_PER_POLL:
            self._version = version
            self._seq = max(self._seq, newest)  # what the filter left out need not be read again
        return new_events

    def wait(self, *, sleep: Callable[[float], Any] = time.sleep) -> Iterator[EventRow]:
        """Every event from now on; ends only by an exception (KeyboardInterrupt, DatabaseError)."""
        while True:
            new_events = self.poll()
            yield from new_events
            if not new_events:
                sleep(POLL_SECONDS)

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _current(self) -> Reader:
        """A reader of the file that the path leads to now; opened anew after a replacement, or if it was immutable."""
        if self._reader is not None and not self._reader.is_current():
            self.close()
        if self._reader is None:
            self._reader = Reader.open(self._path)
            self._version = None
        return self._reader

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _events(reader: Reader, wanted: EventFilter, limit: int = -1, start: int = 0) -> Iterator[EventRow]:
    for *fields, baseline, run_id, body in _stream(reader, wanted, _COLUMNS, limit, start):
        yield EventRow(*[*fields, bool(baseline), run_id, body])


def _stream(
    reader: Reader,
    wanted: EventFilter,
    columns: str,
    limit: int,
    start: int = 0,
    *,
    newest_first: bool = False,
) -> Iterator[tuple[Any, ...]]:
    """Rows in the order of seq, always found by an index; several types need a statement each, which are merged."""
    term, values = _since(reader, wanted.after, start)
    narrowed, more = wanted.conditions()
    term, values = term + narrowed, [*values, *more]
    source = "events AS e"
    if wanted.image_id is not None:
        source += " INDEXED BY events_by_image"
        term, values = f"{term} AND e.image_id = ?", [*values, wanted.image_id]
    elif wanted.types is not None:
        source += " INDEXED BY events_by_type"
    order = "DESC" if newest_first else "ASC"
    streams = [
        reader.rows(
            f"SELECT {columns} FROM {source} WHERE {term}{of_type} ORDER BY e.seq {order} LIMIT ?",
            (*values, *types, limit),
        )
        for of_type, types in _types(wanted.types)
    ]
    return heapq.merge(*streams, key=itemgetter(0), reverse=newest_first)


def _types(globs: Sequence[str] | None) -> list[tuple[str, tuple[str, ...]]]:
    if globs is None:
        return [("", ())]
    return [(" AND e.type = ?", (kind,)) for kind in EVENT_TYPES if any_matches(globs, [kind])]


def _since(reader: Reader, after: int | datetime | None, start: int) -> tuple[str, list[Any]]:
    """The condition for events since a number or a time, and its parameters.

    A time is first turned into the number of the first event since then, where SQLite can begin to search. Only the
    larger of two bounds is given: with both of them SQLite would begin at the first. The `+` keeps it from using the
    index of the time instead.
    """
    if not isinstance(after, datetime):
        return "e.seq >= ?", [max((after or 0) + 1, start)]
    moment = to_text(after)
    first = reader.value(
        "SELECT MIN(seq) FROM events INDEXED BY events_by_time WHERE observed_at >= ?", (moment,)
    )
    if first is None:
        return "e.seq < ?", [0]
    return "e.seq >= ? AND +e.observed_at >= ?", [max(first, start), moment]
