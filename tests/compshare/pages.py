"""A cloud in memory: a list of ids that is served in pages, and can be bent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from syncd.compshare.decode import Page
from syncd.compshare.listing import list_images
from syncd.errors import PastTheEnd
from syncd.model import Image, Listing, Sighting

PRINT = b"as known"

Bend = Callable[[int, Page], Page]
"""``bend(offset, page)``: what is answered instead."""


def ids(count: int, prefix: str = "i") -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


def page(rows: Iterable[str | None], total: int | None) -> Page:
    return Page(tuple((row, None if row is None else Sighting(PRINT)) for row in rows), total)


def sighting(name: str) -> Sighting:
    """A row with news in it."""
    shown = Image(image_id="any", name=name)
    return Sighting(name.encode(), b"{}", (), lambda _: shown)


class Cloud:
    """Serves ``live`` honestly; ``bend`` twists single pages, ``before`` runs before each request."""

    def __init__(
        self,
        live: Sequence[str],
        *,
        bend: Bend = lambda offset, page: page,
        before: Callable[[], None] = lambda: None,
        past_the_end: bool = False,
    ) -> None:
        self.live = list(live)
        self.bend = bend
        self.before = before
        self.past_the_end = past_the_end
        self.offsets: list[int] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.pauses: list[float] = []

    async def fetch(self, offset: int, limit: int) -> Page:
        assert limit == 100
        self.before()
        self.offsets.append(offset)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        honest = page(self.live[offset : offset + limit], len(self.live))
        try:
            await asyncio.sleep(0)
            if self.past_the_end and offset >= len(self.live):
                raise PastTheEnd("RetCode 8401", code=8401)
            return self.bend(offset, honest)
        finally:
            self.in_flight -= 1

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def list(self, known: Iterable[str] = ()) -> Listing:
        return await list_images(self.fetch, dict.fromkeys(known, PRINT), sleep=self.sleep)
