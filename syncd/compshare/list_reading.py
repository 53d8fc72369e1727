"""One reading of a target's pages from first to last: what came, and whether its end is proved.

Page 1 alone, then the pages that TotalCount announces, concurrently; then on until the end is proved. If an
announced page but the last is not full, the offsets were wrong: again from the start, page by page.

A short, empty or past-the-end page proves the end if TotalCount never announced more rows than came. If it did,
the page may be a hole: the list is asked on behind it while that brings new rows, and where it was said to end:
nothing may be there.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing

from syncd.compshare.decode import Page
from syncd.errors import PastTheEnd, ProtocolError
from syncd.model import Sighting

LIMIT = 100
"""Rows asked for in a page: the most the API gives."""
MOST_PAGES = 20_000

Fetch = Callable[[int, int], Awaitable[Page]]
"""``fetch(offset, limit)``: one page, its retries behind it."""


class ListReading:
    """What one reading gathered; only sightings are kept, never pages."""

    def __init__(self) -> None:
        self.seen: dict[str, Sighting] = {}
        self.conflicting: set[str] = set()
        self.doubled = 0
        """Rows whose id had come before."""
        self.nameless = 0
        """Rows without an id."""
        self.totals: set[int | None] = set()
        """The different TotalCounts of its pages; None where one had none."""
        self.received = 0
        """Rows, those that a page doubles counted once; the offset of what comes next."""
        self.fresh = 0
        """Ids that the last page brought."""
        self.pages = 0
        self.unproved: str | None = "the end was not reached"
        """Why the end is not proved; None once it is."""
        self._last: tuple[str | None, ...] = ()

    @property
    def announced(self) -> int:
        """The most rows that any page said there are."""
        return max((total for total in self.totals if total is not None), default=0)

    def take(self, page: Page) -> None:
        """Add the page that follows; raises ProtocolError if it repeats a full one, or is one too many."""
        ids = tuple([image_id for image_id, _ in page.rows])
        self.pages += 1
        if ids == self._last and len(ids) >= LIMIT:
            raise ProtocolError(
                f"page {self.pages} repeats page {self.pages - 1}; kept the last complete list",
                "nothing to do unless it lasts",
            )
        if self.pages > MOST_PAGES:
            raise ProtocolError(
                f"more than {MOST_PAGES} pages and no end; kept the last complete list",
                "check that api.base_url is a CompShare gateway",
            )
        self._last = ids
        self.received += len(set(ids)) + max(0, ids.count(None) - 1)
        if not page.past_the_end:
            self.totals.add(page.total)
        before = len(self.seen)
        for image_id, sighting in page.rows:
            self._take_row(image_id, sighting)
        self.fresh = len(self.seen) - before

    def glimpse(self, page: Page) -> None:
        """Rows of a page that does not follow: they were seen, and prove nothing else."""
        self.pages += 1
        for image_id, sighting in page.rows:
            if image_id is not None and sighting is not None:
                self.seen.setdefault(image_id, sighting)

    def _take_row(self, image_id: str | None, sighting: Sighting | None) -> None:
        if image_id is None or sighting is None:
            self.nameless += 1
            return
        if image_id not in self.seen:
            self.seen[image_id] = sighting
            return
        self.doubled += 1
        if not same(self.seen[image_id], sighting):
            self.conflicting.add(image_id)


def same(one: Sighting, other: Sighting) -> bool:
    """Whether two rows of one id say the same."""
    if one.fingerprint is None or other.fingerprint is None:
        return one.image == other.image and one.unreadable == other.unreadable
    return one.fingerprint == other.fingerprint


async def read_list(
    fetch: Fetch, concurrency: int, *, one_by_one: bool = False
) -> tuple[ListReading, ListReading | None]:
    """A reading, and one that was given up before it because its announced pages were not full."""
    reading, page = await _begin(fetch)
    if one_by_one:
        return await _go_on(reading, page, fetch), None
    page, fitting = await _announced(reading, page, fetch, concurrency)
    if fitting:
        return await _go_on(reading, page, fetch), None
    given_up = reading
    reading, page = await _begin(fetch)
    return await _go_on(reading, page, fetch), given_up


async def _begin(fetch: Fetch) -> tuple[ListReading, Page]:
    reading = ListReading()
    page = await _page(fetch, 0)
    reading.take(page)
    return reading, page


async def _announced(reading: ListReading, page: Page, fetch: Fetch, concurrency: int) -> tuple[Page, bool]:
    """Take the announced pages after the first; the last one taken, and False if one before it was not full."""
    if len(page.rows) != LIMIT:
        return page, True  # going on from here is going page by page
    announced = range(LIMIT, reading.announced, LIMIT)
    async with aclosing(_ahead(fetch, announced, concurrency)) as pages:
        async for page in pages:
            reading.take(page)
            if len(page.rows) != LIMIT and reading.pages <= len(announced):
                return page, False
    return page, True


async def _go_on(reading: ListReading, page: Page, fetch: Fetch) -> ListReading:
    """Page by page to the end, a page longer than LIMIT counting as full."""
    while len(page.rows) >= LIMIT or (reading.fresh and reading.received < reading.announced):
        page = await _page(fetch, reading.received)
        reading.take(page)
    reading.unproved = await _beyond(reading, fetch)
    return reading


async def _beyond(reading: ListReading, fetch: Fetch) -> str | None:
    """Look where TotalCount says the last page is, if that lies behind the end that was found."""
    offset = (reading.announced - 1) // LIMIT * LIMIT
    if offset < max(reading.received, LIMIT):
        return None
    page = await _page(fetch, offset)
    reading.glimpse(page)
    if not page.rows:
        return None
    return f"no rows come at {reading.received}, but there are some at {offset}"


async def _ahead(fetch: Fetch, offsets: Iterable[int], window: int) -> AsyncGenerator[Page, None]:
    """The pages in order, at most ``window`` of them on their way."""
    tasks: deque[asyncio.Task[Page]] = deque()
    try:
        for offset in offsets:
            tasks.append(asyncio.create_task(_page(fetch, offset), name=f"page at {offset}"))
            if len(tasks) == window:
                yield await tasks.popleft()
        while tasks:
            yield await tasks.popleft()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _page(fetch: Fetch, offset: int) -> Page:
    try:
        return await fetch(offset, LIMIT)
    except PastTheEnd:
        if offset == 0:
            raise
        return Page(past_the_end=True)
