"""Reads a whole list with proof that it is complete, or says why it is not.

A reading *agrees* with itself if its end is proved, no id came twice, every row had an id, and TotalCount was the same
on all pages and equal to the number of ids. The list is complete if one reading agrees. It is also complete if two
readings in a row have a proved end and gave the same ids, at least one: some lists count only their page. Such a pair
proves nothing, though, if a row had no id, or if an id came twice while TotalCount speaks of more rows: then a known
row may hide behind it.

Even counts that agree are wrong if as many rows join as leave while the list is read. So a known row is absent only if
two readings that prove the list lack it (or three readings, if two of them were disturbed), and if no page of this sync
showed it. A list of one page is read at one moment and needs no second reading.

Two things still deceive this: rows that every answer hides, and a short first page that counts only itself. The guard
and the exact lookups are there for them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import pairwise

from syncd.compshare.list_reading import Fetch, ListReading, read_list
from syncd.model import Listing, Sighting
from syncd.pieces import in_pieces, sorted_in_pieces

MOST_READINGS = 4
"""How often a sync reads the list before it gives up proving it."""
PAUSE = 2.0
"""Seconds between two readings."""


@dataclass(frozen=True, slots=True)
class ReadingProof:
    """What one reading contributes to the proof; its rows are merged with those of the others."""

    ids: AbstractSet[str]
    proved: bool
    every_id: bool
    one_page: bool
    disagreement: str | None
    """Why it does not agree with itself; None if it does."""
    repeatable: bool
    """Whether this reading and an equal one after it prove each other."""

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
    """Read the list as often as the proof needs, at most `MOST_READINGS` times.

    ``known`` maps the live ids to their fingerprints. Raises the ApiError of a page that failed or repeated another.
    """
    rows = SeenRows()
    proofs: list[ReadingProof] = []
    one_by_one = False
    while True:
        reading, given_up = await read_list(fetch, concurrency, one_by_one=one_by_one)
        one_by_one = given_up is not None or one_by_one
        for partial in filter(None, (given_up, reading)):
            rows.merge(partial)
        proofs.append(proof_of(reading))
        lacking = await rows.lacking(known)
        doubt = doubt_about(proofs, len(lacking))
        if doubt is None or len(proofs) == MOST_READINGS:
            return await rows.listing(lacking, doubt)
        proofs[-1] = replace(
            proofs[-1], ids=frozenset(reading.seen)
        )  # its rows need not be kept for the next one
        await sleep(pause)


class SeenRows:
    """The rows of all readings of one sync; of each id, the last reading that had it counts."""

    def __init__(self) -> None:
        self.seen: dict[str, Sighting] = {}
        self._conflicting: set[str] = set()
        self._pages = 0

    def merge(self, reading: ListReading) -> None:
        self._conflicting -= reading.seen.keys()
        self._conflicting |= reading.conflicting
        self.seen |= reading.seen
        self._pages += reading.pages

    async def lacking(self, known: Iterable[str]) -> list[str]:
        """The known ids that no reading showed."""
        return [image_id async for ids in in_pieces(known) for image_id in ids if image_id not in self.seen]

    async def listing(self, lacking: Iterable[str], doubt: str | None) -> Listing:
        complete = doubt is None
        news: list[str] = []
        unreadable: Counter[str] = Counter()
        async for rows in in_pieces(self.seen.items()):
            bringing = [(image_id, seen) for image_id, seen in rows if seen.raw is not None]
            news += [image_id for image_id, _ in bringing if image_id not in self._conflicting]
            unreadable.update(name for _, seen in bringing for name in seen.unreadable)
        return Listing(
            seen=self.seen,
            news=await sorted_in_pieces(news),
            absent=frozenset(lacking) if complete else frozenset(),
            complete=complete,
            reason=doubt,
            conflicting=frozenset(self._conflicting),
            pages=self._pages,
            unreadable=unreadable,
        )


def doubt_about(proofs: list[ReadingProof], lacking: int) -> str | None:
    """Why the readings so far do not prove the list; None if they do. ``lacking`` known rows were in none of them."""
    times = f" ({len(proofs)} readings)" if len(proofs) > 1 else ""
    firm = firm_among(proofs)
    if not firm:
        return f"{proofs[-1].disagreement}{times}"
    if not lacking or any(proof.agrees and proof.one_page for proof in proofs):
        return None
    if len(firm) >= 2 or sum(proof.proved and proof.every_id for proof in proofs) >= 3:
        return None
    return f"{lacking} known rows did not come, and no other reading confirms it{times}"


def firm_among(proofs: list[ReadingProof]) -> list[ReadingProof]:
    """The readings that prove the list: those that agree with themselves, and equal ones in a row."""
    paired = [
        proof
        for first, second in pairwise(proofs)
        if first.repeatable and second.repeatable and first.ids == second.ids
        for proof in (first, second)
    ]
    return [proof for proof in proofs if proof.agrees or any(proof is other for other in paired)]


def proof_of(reading: ListReading) -> ReadingProof:
    return ReadingProof(
        ids=reading.seen.keys(),
        proved=reading.unproved is None,
        every_id=not reading.nameless,
        one_page=reading.pages == 1,
        disagreement=disagreement(reading),
        repeatable=repeatable(reading),
    )


def repeatable(reading: ListReading) -> bool:
    """Whether an equal reading proves this one.

    It does not if a known row may hide: behind a row without an id, which may be any row, or behind one that came twice
    while TotalCount speaks of more rows.
    """
    hiding = reading.doubled and reading.announced > len(reading.seen)
    return bool(reading.seen) and reading.unproved is None and not reading.nameless and not hiding


def disagreement(reading: ListReading) -> str | None:
    """Why a reading does not prove itself, in words; None if it does."""
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
