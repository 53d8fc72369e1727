"""Faults of rows and counts: each takes a page and gives back another one, or a refusal."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from syncd.simulator import row_bytes
from syncd.simulator.answer import Refusal, not_available
from syncd.simulator.faults import kind
from syncd.simulator.page import Form, Page
from syncd.simulator.query import Query, Subject
from syncd.simulator.world import World

LIST: tuple[Subject, ...] = ("list",)
LOOKUP: tuple[Subject, ...] = ("lookup",)
BOTH: tuple[Subject, ...] = ("list", "lookup")
NoId = Literal["absent", "null", "empty", "number"]
Drift = Literal["text", "list", "object", "number"]
SCALARS = ("Size", "Price", "Visibility", "CreateTime", "PubTime", "AuthInfo", "AutoStart", "IsOfficial")


@dataclass(frozen=True, slots=True)
class View:
    """What a fault may look at besides the page: the request, the world, and random numbers."""

    query: Query
    world: World
    rng: random.Random

    @property
    def offset(self) -> int:
        return self.query.offset or 0

    @property
    def limit(self) -> int:
        return self.query.limit or 0

    def rows(self, offset: int = 0, limit: int | None = None) -> list[bytes]:
        """The rows of the whole list that the request is about."""
        if self.query.account is None or self.query.region is None:
            return []
        return self.world.share_list(self.query.account, self.query.region).rows(offset, limit)


# Counts


@kind("page", on=LIST)
def page_local_total(page: Page, view: View) -> Page:
    """TotalCount counts the rows of this page alone."""
    return replace(page, total=len(page.rows))


@kind("page", on=LIST)
def wrong_total(page: Page, view: View, *, by: int = 1) -> Page:
    """TotalCount is too high by this many (but never below 0)."""
    return replace(page, total=max(0, int(page.total or 0) + by))


@kind("page", on=BOTH)
def no_total(page: Page, view: View) -> Page:
    """TotalCount is absent."""
    return replace(page, total=None)


@kind("page", on=BOTH)
def text_total(page: Page, view: View) -> Page:
    """TotalCount is a string of digits."""
    return replace(page, total=str(page.total))


# Pages


@kind("page", on=LIST)
def short_page(page: Page, view: View, *, by: int = 1) -> Page:
    """The page ends this many rows too early; they come at the next offset."""
    return page.of(page.rows[: max(0, len(page.rows) - by)])


@kind("page", on=LIST)
def empty_page(page: Page, view: View) -> Page:
    """The page has no rows, but the true TotalCount."""
    return page.of([])


@kind("page", on=LIST)
def repeated_page(page: Page, view: View, *, back: int = 1) -> Page:
    """The page repeats the rows of the page this many pages before it (the first page stays itself)."""
    return page.of(view.rows(max(0, view.offset - back * view.limit), view.limit))


@kind("page", on=LIST)
def over_long_page(page: Page, view: View, *, extra: int = 1) -> Page:
    """The page has this many rows more than Limit; the next page shows them too."""
    return page.of(view.rows(view.offset, view.limit + extra))


@kind("page", on=LIST)
def shuffled(page: Page, view: View) -> Page:
    """Each request finds the list in another order, as if nothing sorted it."""
    mixed = view.rows()
    view.rng.shuffle(mixed)
    return page.of(mixed[view.offset : view.offset + view.limit])


@kind("page", on=LIST)
def past_the_end(page: Page, view: View, *, code: int = 8401) -> Page | Refusal:
    """An Offset at or past the end gets this RetCode instead of an empty page (8401, or 230 naming Offset)."""
    if view.offset == 0 or page.rows:
        return page
    return not_available("Offset") if code == 230 else Refusal(code, "Offset out of range")


@kind("page", on=LIST)
def blank(page: Page, view: View) -> Page:
    """The list is empty and TotalCount 0, though nothing was taken away; lookups are empty too if "on" names them."""
    return replace(page, rows=[], total=None if page.total is None else 0)


@kind("page", on=LIST)
def hidden_rows(page: Page, view: View, *, count: int = 1) -> Page:
    """The first rows of the list are missing on every page and in TotalCount: a consistent lie."""
    rest = view.rows(count)
    return replace(page, rows=rest[view.offset : view.offset + view.limit], total=len(rest))


@kind("page", on=("list", "lookup", "zones", "projects"))
def null_list(page: Page, view: View, *, form: Form = "null", total: int | None = None) -> Page:
    """The list is "null", an "object" ({}) or "absent", whatever is in it; TotalCount stays, or is ``total``."""
    kept: Any = page.total if total is None else total
    return replace(page, form=form, total=kept)


# Rows


@kind("page", on=LIST)
def doubled_id(page: Page, view: View, *, differ: bool = False) -> Page:
    """The first row comes again in the place of the last one (on a page of one row, after it), with another Name if
    ``differ``."""
    if not page.rows:
        return page
    twin = page.rows[0]
    if differ:
        twin = _changed(twin, Name="twin")
    return page.of([*(page.rows[:-1] or page.rows), twin])


@kind("page", on=BOTH)
def rows_without_id(page: Page, view: View, *, count: int = 1, how: NoId = "absent") -> Page:
    """The first rows have a CompShareImageId that is "absent", "null", "empty" or a "number"."""
    values = {"null": None, "empty": "", "number": 7}
    broken = [
        _without(row, "CompShareImageId") if how == "absent" else _changed(row, CompShareImageId=values[how])
        for row in page.rows[:count]
    ]
    return page.of([*broken, *page.rows[count:]])


@kind("page", on=BOTH)
def type_drift(
    page: Page, view: View, *, fields: Sequence[str] = SCALARS, to: Drift = "text", count: int | None = None
) -> Page:
    """These fields of the first rows (of all rows without ``count``) come as "text" ("20480", "true"), "list", "object"
    or "number"."""
    end = len(page.rows) if count is None else count
    drifted = [_drifted(row, fields, to) for row in page.rows[:end]]
    return page.of([*drifted, *page.rows[end:]])


# Lookups


@kind("page", on=LOOKUP)
def lookup_ignores_id(page: Page, view: View) -> Page:
    """CompShareImageId is ignored: the answer is the list's first page."""
    everything = view.rows()
    return replace(page, rows=everything[: view.limit], total=len(everything))


@kind("page", on=LOOKUP)
def lookup_refused(page: Page, view: View, *, known: bool = True) -> Page | Refusal:
    """A lookup is answered with 230 naming CompShareImageId; if ``known`` is false, only one for an id that is not
    shared."""
    return page if page.rows and not known else not_available("CompShareImageId")


@kind("page", on=LOOKUP)
def lookup_fails(page: Page, view: View, *, code: int = 130) -> Refusal:
    """A lookup is answered with this RetCode."""
    return Refusal(code, "Internal error")


@kind("page", on=LOOKUP)
def lookup_wrong_row(page: Page, view: View) -> Page:
    """A lookup is answered with the row of another id."""
    others = [row for row in view.rows() if row_bytes.decode(row)["CompShareImageId"] != view.query.image_id]
    return replace(page, rows=others[:1], total=len(others[:1]))


def _changed(row: bytes, **fields: Any) -> bytes:
    return row_bytes.encode(row_bytes.decode(row) | fields)


def _without(row: bytes, key: str) -> bytes:
    fields = row_bytes.decode(row)
    fields.pop(key, None)
    return row_bytes.encode(fields)


def _drifted(row: bytes, names: Sequence[str], to: Drift) -> bytes:
    fields = row_bytes.decode(row)
    return row_bytes.encode(
        fields | {name: _as(to, fields[name]) for name in names if fields.get(name) is not None}
    )


def _as(to: Drift, value: Any) -> Any:
    if to == "text":
        return str(value).lower() if isinstance(value, bool) else str(value)
    return {"list": [value], "object": {"value": value}, "number": 7}[to]
