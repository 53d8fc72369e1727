"""Words for the pure tests: images, sightings, listings, times."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from syncd.model import Image, Listing, Missing, Sighting, Target, fingerprint
from syncd.store.records import Alert

T0 = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
LAB = Target("lab", "cn-a")


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def image(image_id: str = "i", **fields: Any) -> Image:
    return Image(image_id=image_id, **fields)


def sighting(shown: Image, unreadable: tuple[str, ...] = ()) -> Sighting:
    """A row that brings its image, as a new or changed one does."""
    mark = None if unreadable else fingerprint(shown)
    return Sighting(mark, b'{"CompShareImageId":"%s"}' % shown.image_id.encode(), unreadable, lambda _: shown)


def unchanged(shown: Image) -> Sighting:
    return Sighting(fingerprint(shown))


def listing(
    *sightings: Sighting | tuple[str, Sighting],
    absent: Collection[str] = (),
    conflicting: frozenset[str] = frozenset(),
    **more: Any,
) -> Listing:
    seen = dict(one if isinstance(one, tuple) else (one.image.image_id, one) for one in sightings)  # type: ignore[union-attr]
    news = sorted(image_id for image_id, one in seen.items() if one.image and image_id not in conflicting)
    return Listing(seen, news, frozenset(absent), conflicting=conflicting, **more)


def missing(since: float = 0, syncs: int = 1, held: bool = False, waited: float = 0) -> Missing:
    """Missing since so many minutes after T0, shown a minute before; watched for so many minutes of them."""
    return Missing(T0 + minutes(since), syncs, held, T0 + minutes(since - 1), minutes(waited))


def alert(failure: Any = "unreachable", opened: float = 0, said: float | None = None) -> Alert:
    """Opened so many minutes after T0 about a trouble that began at T0."""
    said_at = T0 + minutes(opened if said is None else said)
    return Alert(failure, T0, T0 + minutes(opened), said_at, (failure,))
