"""A page of a listing: a strict, fast way for what is as expected and known, a lenient one for everything else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
from syncd.compshare.json_answer import NOT_COMPSHARE, excerpt, integer, opened, value
from syncd.errors import ProtocolError
from syncd.model import DIGESTED, Image, Sighting, Softwares, fingerprint, fingerprint_of

Known = Mapping[str, bytes]
"""Live image ids → fingerprints: a row that equals its fingerprint is not kept."""


class Page(msgspec.Struct, frozen=True):
    """One page: each row's id (None if it has none) with what was seen of it, and ``TotalCount`` if it was readable."""

    rows: tuple[tuple[str | None, Sighting | None], ...] = ()
    total: int | None = None
    past_the_end: bool = False
    """The API said that nothing lies here: no rows, and a TotalCount that needs no agreement."""


def decode_page(body: bytes, known: Known) -> Page:
    """Read a page; raises the error that its RetCode, or its being none, asks for."""
    try:
        page = _strict_page(body)
    except (ValueError, RecursionError):
        return _lenient_page(body, known)
    unchanged = [_if_known(row, known) for row in page.ImageSet]
    if None not in unchanged:
        return Page(tuple(filter(None, unchanged)), page.TotalCount)
    raws = _raw_page(body).ImageSet  # the rows as received are only cut out of a page that has news
    rows = [seen or _as_news(row, raw) for seen, row, raw in zip(unchanged, page.ImageSet, raws, strict=True)]
    return Page(tuple(rows), page.TotalCount)


def image_set(fields: Mapping[str, msgspec.Raw], body: bytes) -> list[msgspec.Raw]:
    """The rows of an answer, each as received. An empty one may be null, [], {} or, with a TotalCount, absent."""
    raw = fields.get("ImageSet")
    if raw is None and total_count(fields) is None:
        raise ProtocolError(f"neither ImageSet nor TotalCount: {excerpt(body)}", NOT_COMPSHARE)
    try:
        return [] if raw is None else _raw_rows(raw)
    except (ValueError, RecursionError):
        if nothing(value(raw)):
            return []
    raise ProtocolError(f"an ImageSet that is no list: {excerpt(body)}", NOT_COMPSHARE)


def total_count(fields: Mapping[str, msgspec.Raw]) -> int | None:
    """``TotalCount``; None if it is absent, or no count."""
    total = integer(value(fields.get("TotalCount")))
    return None if total is None or total < 0 else total


def _lenient_page(body: bytes, known: Known) -> Page:
    fields = opened(body)
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


class _Row(msgspec.Struct, gc=False):
    """The compared fields as they usually come; whatever is otherwise is read leniently."""

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


_strict_page = msgspec.json.Decoder(_StrictPage).decode
_raw_page = msgspec.json.Decoder(_RawPage).decode
_raw_rows = msgspec.json.Decoder(list[msgspec.Raw]).decode


def _if_known(row: _Row, known: Known) -> tuple[str, Sighting] | None:
    """The row as its fingerprint alone, if that is the known one."""
    image_id = row.CompShareImageId
    before = known.get(image_id)
    if before is None or before != _fingerprint(row):
        return None
    return image_id, Sighting(before)


def _as_news(row: _Row, raw: msgspec.Raw) -> tuple[str | None, Sighting | None]:
    """What `read_row` would read."""
    image_id = usable_id(row.CompShareImageId)
    if image_id is None:
        return None, None
    image = _image(image_id, row)
    return image_id, Sighting(fingerprint(image), image, bytes(raw).decode("utf-8", "replace"))


def _image(image_id: str, row: _Row) -> Image:
    fields = dict(zip(DIGESTED, _digested(row), strict=True))
    fields["tags"] = tuple(fields["tags"])
    if fields["softwares"] is not None:
        fields["softwares"] = _softwares_of(*fields["softwares"])
    return Image(
        image_id=image_id,
        status=row.Status or None,
        created_at=read_time(row.CreateTime),
        published_at=read_time(row.PubTime),
        **fields,
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


def _softwares_of(
    framework: str | None,
    framework_version: str | None,
    cuda_version: str | None,
    applications: Iterable[str],
) -> Softwares:
    return Softwares(framework, framework_version, cuda_version, tuple(applications))
