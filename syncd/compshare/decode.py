"""Reads a page of a listing: in a fast, strict way if it is as expected, in a lenient way otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import repeat
from typing import Annotated, Any, Literal

import msgspec

from syncd.compshare.image_row import (
    CUT,
    INT64,
    LONGEST_WORD,
    MOST_WORDS,
    nothing,
    read_row,
    read_time,
    usable_id,
)
from syncd.compshare.json_answer import NOT_COMPSHARE, excerpt, integer, successful_fields, value
from syncd.errors import ProtocolError
from syncd.model import Image, Sighting, Softwares, fingerprint_of

Known = Mapping[str, bytes]
"""The ids of live images → fingerprints: of a row that still has its fingerprint nothing else is kept."""


class Page(msgspec.Struct, frozen=True):
    """One page: the id of each row (None if it has none), what the row shows, and ``TotalCount`` if it is readable."""

    rows: tuple[tuple[str | None, Sighting | None], ...] = ()
    total: int | None = None
    past_the_end: bool = False
    """The API refused the offset, because the list ends before it: the page has no rows, and no TotalCount."""


def decode_page(body: bytes, known: Known) -> Page:
    """Read a page. Raises the ApiError that its RetCode means, or ProtocolError if it is no page at all."""
    try:
        page = _strict_page(body)
    except (ValueError, RecursionError):
        return _lenient_page(body, known)
    rows = [(row.CompShareImageId, _fingerprint(row)) for row in page.ImageSet]
    if all(known.get(image_id) == mark for image_id, mark in rows):
        return Page(tuple([(image_id, Sighting(known[image_id])) for image_id, _ in rows]), page.TotalCount)
    raws = _raw_page(body).ImageSet  # only a page with news is read again, for the rows as they were received
    return Page(tuple(map(_seen, rows, raws, repeat(known))), page.TotalCount)


def image_set(fields: Mapping[str, msgspec.Raw], body: bytes) -> list[msgspec.Raw]:
    """The rows of an answer, each as received. An empty list may be null, [], {} or, with a TotalCount, absent."""
    raw = fields.get("ImageSet")
    if raw is None and total_count(fields) is None:
        raise ProtocolError(f"the answer has neither ImageSet nor TotalCount: {excerpt(body)}", NOT_COMPSHARE)
    try:
        return [] if raw is None else _raw_rows(raw)
    except (ValueError, RecursionError):
        if nothing(value(raw)):
            return []
    raise ProtocolError(f"ImageSet is not a list: {excerpt(body)}", NOT_COMPSHARE)


def total_count(fields: Mapping[str, msgspec.Raw]) -> int | None:
    """``TotalCount``; None if it is absent or not a count."""
    total = integer(value(fields.get("TotalCount")))
    return None if total is None or total < 0 else total


def _lenient_page(body: bytes, known: Known) -> Page:
    fields = successful_fields(body)
    rows = [_row(raw, known) for raw in image_set(fields, body)]
    return Page(tuple(rows), total_count(fields))


def _row(raw: msgspec.Raw, known: Known) -> tuple[str | None, Sighting | None]:
    image_id, seen = read_row(raw)
    if image_id is None or seen is None or seen.fingerprint is None:
        return image_id, seen
    before = known.get(image_id)
    return image_id, Sighting(before) if seen.fingerprint == before else seen


Text = Annotated[str, msgspec.Meta(max_length=CUT)]
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_WORD)]
Words = Annotated[list[Word], msgspec.Meta(max_length=MOST_WORDS)]
Int = Annotated[int, msgspec.Meta(ge=-INT64, le=INT64 - 1)]


class _Owner(msgspec.Struct, gc=False):
    AccountId: Text | None = None
    AccountName: Text | None = None


class _Softwares(msgspec.Struct, gc=False):
    Framework: Text | None = None
    FrameworkVersion: Text | None = None
    CUDAVersion: Text | None = None
    Applications: Words | None = None


_NOBODY = _Owner()


class _Row(msgspec.Struct, gc=False):
    """The compared fields in the form in which they usually come; any other form is read leniently."""

    CompShareImageId: str
    Name: Text | None = None
    Status: Text | None = None
    ImageType: Text | None = None
    Owner: _Owner | None = None
    Author: Text | None = None
    Container: Text | None = None
    Size: Int | None = None
    Price: float | None = None
    Visibility: Int | None = None
    GroupId: Text | None = None
    VersionName: Text | None = None
    Description: Text | None = None
    Tags: Words | None = None
    Softwares: _Softwares | None = None
    SourceGpuType: Text | None = None
    FailedReason: Text | None = None
    CreateTime: Any = None
    PubTime: Any = None


class _StrictPage(msgspec.Struct):
    RetCode: Literal[0]
    TotalCount: Annotated[int, msgspec.Meta(ge=0)]
    ImageSet: list[_Row]


class _RawPage(msgspec.Struct):
    ImageSet: list[msgspec.Raw]


_strict_row = msgspec.json.Decoder(_Row).decode
_strict_page = msgspec.json.Decoder(_StrictPage).decode
_raw_page = msgspec.json.Decoder(_RawPage).decode
_raw_rows = msgspec.json.Decoder(list[msgspec.Raw]).decode


def _seen(row: tuple[str, bytes], raw: msgspec.Raw, known: Known) -> tuple[str | None, Sighting | None]:
    """The row as `read_row` would read it; without its image, if its fingerprint is the known one."""
    image_id, mark = row
    if (before := known.get(image_id)) == mark:
        return image_id, Sighting(before)
    if usable_id(image_id) is None:
        return None, None
    return image_id, Sighting(mark, bytes(raw), (), _image_of)


def _image_of(raw: bytes) -> Image:
    """The image of a row that the strict way could read."""
    row = _strict_row(raw)
    owner, price = row.Owner or _NOBODY, row.Price
    return Image(
        image_id=row.CompShareImageId,
        name=row.Name or None,
        status=row.Status or None,
        image_type=row.ImageType or None,
        owner_id=owner.AccountId or None,
        owner_name=owner.AccountName or None,
        author=row.Author or None,
        container=row.Container or None,
        size_mb=row.Size,
        price_yuan_per_hour=None if price is None else price or 0.0,
        visibility=row.Visibility,
        group_id=row.GroupId or None,
        version_name=row.VersionName or None,
        description=row.Description or None,
        tags=tuple(sorted(set(row.Tags))) if row.Tags else (),
        softwares=_softwares_of(row.Softwares),
        source_gpu_type=row.SourceGpuType or None,
        failed_reason=row.FailedReason or None,
        created_at=read_time(row.CreateTime),
        published_at=read_time(row.PubTime),
    )


def _fingerprint(row: _Row) -> bytes:
    """What `model.fingerprint` makes of the image that `read_image` would read."""
    return fingerprint_of(_digested(row), row.Status)


def _digested(row: _Row) -> tuple[Any, ...]:
    """The plain values of the row's compared fields, in the order of `DIGESTED`."""
    owner, price, tags = row.Owner, row.Price, row.Tags
    return (
        row.Name or None,
        row.ImageType or None,
        (owner and owner.AccountId) or None,
        (owner and owner.AccountName) or None,
        row.Author or None,
        row.Container or None,
        row.Size,
        None if price is None else price or 0.0,
        row.Visibility,
        row.GroupId or None,
        row.VersionName or None,
        row.Description or None,
        sorted(set(tags)) if tags else (),
        _softwares(row.Softwares),
        row.SourceGpuType or None,
        row.FailedReason or None,
    )


def _softwares(given: _Softwares | None) -> tuple[Any, ...] | None:
    if given is None:
        return None
    plain = (
        given.Framework or None,
        given.FrameworkVersion or None,
        given.CUDAVersion or None,
        given.Applications or (),
    )
    return plain if any(plain) else None


def _softwares_of(given: _Softwares | None) -> Softwares | None:
    plain = _softwares(given)
    if plain is None:
        return None
    framework, framework_version, cuda_version, applications = plain
    return Softwares(framework, framework_version, cuda_version, tuple(applications))
