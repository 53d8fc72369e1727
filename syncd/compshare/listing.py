"""A whole list with proof that it is whole, or the reason why it is not.

A reading *agrees* with itself if its end is proved, no id came twice, every row had an id, and TotalCount was equal on
all pages and to the number of ids. The list is complete if one reading agrees, or if two in a row with a proved end
gave the same ids, at least one (that covers counts of the page only); not, though, if a row had no id, or one came
twice while TotalCount speaks of more: then a known row may hide.

Even agreeing counts are wrong when as many rows join as leave while it is read. A known row is absent only if two
such readings lack it, or three of which two were disturbed, and if no page of this sync showed it. One page is read at
one moment and needs no second reading.

What still deceives it: rows that every answer hides, and a first page that is short and counts only itself. There
the guard and the exact lookups stand.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from syncd.compshare.list_reading import Fetch, Reading, read
from syncd.model import Listing, Sighting

MOST_READINGS = 4
PAUSE = 2.0
"""Seconds between two readings."""


@dataclass(frozen=True, slots=True)
class Gist:
    """What remains of a reading once its rows are merged with the others'."""

    ids: frozenset[str]
    proved: bool
    every_id: bool
    one_page: bool
    disagreement: str | None
    """Why it does not agree with itself; None if it does."""
    repeatable: bool
    """Whether an equal one after it proves both."""

    @property
    def agrees(self) -> bool:
        return self.disagreement is None


async def list_images(
    fetch: Fetch,
    known: Mapping[str, bytes],
    *,
    pause: float = PAUSE,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    concurrency: int = 4,
) -> Listing:
    """Read the list as often as its proof needs, at most `MOST_READINGS` times.

    ``known`` are the live ids → fingerprints. Raises the ApiError of a page that failed or repeated another.
    """
    rows = Rows()
    gists: list[Gist] = []
    one_by_one = False
    while True:
        reading, given_up = await read(fetch, concurrency, one_by_one=one_by_one)
        one_by_one = given_up is not None or one_by_one
        for each in filter(None, (given_up, reading)):
            rows.merge(each)
        gists.append(gist_of(reading))
        doubt = doubt_about(gists, len(known.keys() - rows.seen.keys()))
        if doubt is None or len(gists) == MOST_READINGS:
            return rows.listing(known, doubt)
        await sleep(pause)


class Rows:
    """The rows of all readings of one sync: the last word on each id."""

    def __init__(self) -> None:
        self.seen: dict[str, Sighting] = {}
        self._conflicting: set[str] = set()
        self._pages = 0

    def merge(self, reading: Reading) -> None:
        self._conflicting -= reading.seen.keys()
        self._conflicting |= reading.conflicting
        self.seen.update(reading.seen)
        self._pages += reading.pages

    def listing(self, known: Mapping[str, bytes], doubt: str | None) -> Listing:
        complete = doubt is None
        return Listing(
            seen=self.seen,
            absent=frozenset(known.keys() - self.seen.keys()) if complete else frozenset(),
            complete=complete,
            reason=doubt,
            conflicting=frozenset(self._conflicting),
            pages=self._pages,
            unreadable=Counter(name for sighting in self.seen.values() for name in sighting.unreadable),
        )


def doubt_about(gists: list[Gist], lacking: int) -> str | None:
    """Why the readings so far do not prove the list; ``lacking`` known rows were in none of them."""
    times = f" ({len(gists)} readings)" if len(gists) > 1 else ""
    firm = firm_among(gists)
    if not firm:
        return f"{gists[-1].disagreement}{times}"
    if not lacking or any(gist.agrees and gist.one_page for gist in gists):
        return None
    if len(firm) >= 2 or sum(gist.proved and gist.every_id for gist in gists) >= 3:
        return None
    return f"{lacking} known rows did not come, and no other reading confirms it{times}"


def firm_among(gists: list[Gist]) -> list[Gist]:
    """The readings that prove the list: those that agree with themselves, and equal ones in a row."""
    paired = [
        gist
        for one, two in pairwise(gists)
        if one.repeatable and two.repeatable and one.ids == two.ids
        for gist in (one, two)
    ]
    return [gist for gist in gists if gist.agrees or any(gist is other for other in paired)]


def gist_of(reading: Reading) -> Gist:
    return Gist(
        ids=frozenset(reading.seen),
        proved=reading.unproved is None,
        every_id=not reading.nameless,
        one_page=reading.pages == 1,
        disagreement=disagreement(reading),
        repeatable=repeatable(reading),
    )


def repeatable(reading: Reading) -> bool:
    """A row without an id may be any row; one that came twice may stand for another, if TotalCount speaks of more."""
    hiding = reading.doubled and reading.announced > len(reading.seen)
    return bool(reading.seen) and reading.unproved is None and not reading.nameless and not hiding


def disagreement(reading: Reading) -> str | None:
    """What keeps a single reading from proving itself, in words; None if nothing does."""
    count = len(reading.seen)
    if reading.unproved:
        return reading.unproved
    if reading.nameless:
        return f"{reading.nameless} rows came without an id"
    if reading.doubled:
        return f"{reading.doubled} rows came twice"
    if None in reading.totals:
        return "a page had no TotalCount"
    if reading.totals == {count}:
        return None
    totals = ", ".join(str(total) for total in sorted(total for total in reading.totals if total is not None))
    if not count:
        return f"no rows came, but TotalCount says {totals}"
    return f"TotalCount says {totals}, but {count} rows came"
