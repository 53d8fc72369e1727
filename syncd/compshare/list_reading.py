"""Reads the pages of a list once, from the first to the last: what came, and whether the end is proved.

The first page is read alone, then the pages that TotalCount announces, concurrently, then further pages until the end
is proved. If an announced page other than the last is not full, the offsets were wrong: the list is read again from the
start, page by page.

A page that is short, empty or past the end proves the end, if TotalCount never announced more rows than came. If it
did, the page may be a hole. Then the pages behind it are read, as long as they bring new rows, and so is the page
where the list should end according to TotalCount: it must be empty.
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
"""How many rows a page is asked for: the most that the API gives."""
MOST_PAGES = 20_000
"""A list with more pages than this is taken for one without an end."""

Fetch = Callable[[int, int], Awaitable[Page]]
"""``fetch(offset, limit)`` gets one page, with retries."""


class ListReading:
    """What one reading has gathered so far. It keeps what the rows show, never whole pages."""

    def __init__(self) -> None:
        self.seen: dict[str, Sighting] = {}
        self.conflicting: set[str] = set()
        self.doubled = 0
        """How many rows had an id that had come before."""
        self.nameless = 0
        """How many rows had no id."""
        self.totals: set[int | None] = set()
        """The different TotalCounts of the pages; None stands for a page without one."""
        self.received = 0
        """How many rows came, which is the offset of the next page; a row that a page repeats counts once."""
        self.fresh = 0
        """How many new ids the last page brought."""
        self.pages = 0
        self.unproved: str | None = "the end was not reached"
        """Why the end is not proved yet; None once it is."""
        self._last: tuple[str | None, ...] = ()

    @property
    def announced(self) -> int:
        """The largest TotalCount of any page."""
        return max((total for total in self.totals if total is not None), default=0)

    def take(self, page: Page) -> None:
        """Add the next page. Raises ProtocolError if it repeats the full page before it, or if there are too many."""
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
        self._take_rows(page)
        self.fresh = len(self.seen) - before

    def glimpse(self, page: Page) -> None:
        """Note the rows of a page that is not the next one: they were seen, which proves nothing about the end."""
        self.pages += 1
        for image_id, sighting in page.rows:
            if image_id is not None and sighting is not None:
                self.seen.setdefault(image_id, sighting)

    def _take_rows(self, page: Page) -> None:
        rows = {image_id: seen for image_id, seen in page.rows if image_id is not None and seen is not None}
        if len(rows) == len(page.rows) and self.seen.keys().isdisjoint(rows):
            self.seen |= rows  # the usual page: every row has an id, and none came before
            return
        for image_id, sighting in page.rows:
            self._take_row(image_id, sighting)

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


def same(first: Sighting, second: Sighting) -> bool:
    """Whether two rows with the same id have the same content."""
    if first.fingerprint is None or second.fingerprint is None:
        return first.image == second.image and first.unreadable == second.unreadable
    return first.fingerprint == second.fingerprint


async def read_list(
    fetch: Fetch, concurrency: int, *, one_by_one: bool = False
) -> tuple[ListReading, ListReading | None]:
    """Read the list once. The second reading, if any, was given up because announced pages were not full."""
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
    """Take the announced pages after the first; returns the last page taken, and whether all before it were full."""
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
    """Read page by page to the end; a page longer than LIMIT counts as full."""
    while len(page.rows) >= LIMIT or (reading.fresh and reading.received < reading.announced):
        page = await _page(fetch, reading.received)
        reading.take(page)
    reading.unproved = await _beyond(reading, fetch)
    return reading


async def _beyond(reading: ListReading, fetch: Fetch) -> str | None:
    """Look where the last page should be, if TotalCount puts it behind the end; why the end is not proved, or None."""
    offset = (reading.announced - 1) // LIMIT * LIMIT
    if offset < max(reading.received, LIMIT):
        return None
    page = await _page(fetch, offset)
    reading.glimpse(page)
    if not page.rows:
        return None
    return f"no rows come at {reading.received}, but there are some at {offset}"


async def _ahead(fetch: Fetch, offsets: Iterable[int], window: int) -> AsyncGenerator[Page, None]:
    """The pages in order, with at most ``window`` requests at the same time."""
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
