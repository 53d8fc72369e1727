"""Reads from the stored body of an event what a person wants to know. Missing parts are no error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from syncd.model import Change, Softwares
from syncd.sinks.format import RenderError
from syncd.sinks.sink import Item


class ShownImage(msgspec.Struct, frozen=True):
    """The fields of an image that messages show; units as in `model.Image`."""

    image_id: str
    name: str | None = None
    status: str | None = None
    image_type: str | None = None
    owner_id: str | None = None
    owner_name: str | None = None
    size_mb: int | None = None
    price_yuan_per_hour: float | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()
    softwares: Softwares | None = None
    source_gpu_type: str | None = None
    failed_reason: str | None = None


class Data(msgspec.Struct, frozen=True):
    """The data of all event types in one; a field that a type does not have is empty."""

    account: str | None = None
    region: str | None = None
    baseline: bool = False
    image: ShownImage | None = None
    changes: tuple[Change, ...] = ()
    reshared: bool = False
    unverified_regions: tuple[str, ...] = ()
    images: int = 0
    regions: tuple[str, ...] = ()
    pending_regions: tuple[str, ...] = ()
    failure: str | None = msgspec.field(default=None, name="class")
    since: str | None = None
    message: str | None = None
    hint: str | None = None
    reminder: bool = False
    duration_seconds: float = 0
    missing: int = 0
    live: int = 0
    until: str | None = None
    reason: str | None = None
    returned: int = 0
    revoked: int = 0
    sink: str | None = None
    test: bool = False


class _Body(msgspec.Struct, frozen=True):
    id: str
    type: str
    time: str
    data: Data = Data()


class Event(msgspec.Struct, frozen=True):
    """``other_regions`` are not part of the stored event: see `Item`."""

    seq: int
    id: str
    type: str
    time: str
    data: Data = Data()
    other_regions: tuple[str, ...] = ()


_decode: Any = msgspec.json.Decoder(_Body).decode


def read(items: Iterable[Item]) -> Sequence[Event]:
    """Raises RenderError, which names the event that cannot be read."""
    return [_read(item) for item in items]


def _read(item: Item) -> Event:
    try:
        body: _Body = _decode(item.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise RenderError(f"event {item.event_id} is not one that this version can read") from None
    return Event(item.seq, body.id, body.type, body.time, body.data, item.other_regions)
