"""What a page can be made to say instead of the truth, for lists that are served from memory."""

from __future__ import annotations

from collections.abc import Callable

from syncd.compshare.decode import Page
from syncd.model import Listing


def whole(listing: Listing, live: list[str]) -> bool:
    return listing.complete and listing.reason is None and set(listing.seen) == set(live)


class Once:
    """Bends only the first answer at an offset."""

    def __init__(self, offset: int, twist: Callable[[Page], Page]) -> None:
        self.offset = offset
        self.twist = twist
        self.done = False

    def __call__(self, offset: int, honest: Page) -> Page:
        if self.done or offset != self.offset:
            return honest
        self.done = True
        return self.twist(honest)


def at(*offsets: int, twist: Callable[[Page], Page]) -> Callable[[int, Page], Page]:
    return lambda offset, honest: twist(honest) if offset in offsets else honest


def with_total(total: int | None) -> Callable[[Page], Page]:
    return lambda honest: Page(honest.rows, total)


def page_local(_: int, honest: Page) -> Page:
    return Page(honest.rows, len(honest.rows))


def emptied(honest: Page) -> Page:
    return Page((), honest.total)


def shortened(honest: Page) -> Page:
    return Page(honest.rows[:60], honest.total)
