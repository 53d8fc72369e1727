"""What a listing says that the database does not: pure, from known rows and a listing to a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from syncd.model import COMPARED, Change, Image, Listing, Sighting, fingerprint


class Addition(msgspec.Struct, frozen=True):
    """A row that is not live yet; ``before`` is its last known image if it was live once."""

    image: Image
    payload: str
    fingerprint: bytes
    before: Image | None


class Update(msgspec.Struct, frozen=True):
    before: Image
    after: Image
    payload: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    added: tuple[Addition, ...] = ()
    changed: tuple[Update, ...] = ()
    missing: frozenset[str] = frozenset()
    """Live rows that the listing proved absent; empty unless it is complete."""
    returned: frozenset[str] = frozenset()
    """Rows that were missing and are listed again."""


def ids_to_load(listing: Listing) -> list[str]:
    """The ids whose stored image `diff` needs: those whose sighting brings an image.

    Sorted, so that rows and index entries are written in their order: a first sync of 100,000 images writes a quarter.
    """
    return sorted(
        image_id
        for image_id, sighting in listing.seen.items()
        if sighting.image is not None and image_id not in listing.conflicting
    )


def diff(
    known: Mapping[str, bytes], lacking: Iterable[str], stored: Mapping[str, Image], listing: Listing
) -> Plan:
    """Plan the step from ``known`` (live image ids → fingerprints) to ``listing``.

    ``lacking`` are the live ids that earlier syncs missed; ``stored`` the last known images, live or revoked,
    of `ids_to_load`.
    """
    added: list[Addition] = []
    changed: list[Update] = []
    for image_id in ids_to_load(listing):
        sighting = listing.seen[image_id]
        assert sighting.payload is not None
        before = stored.get(image_id)
        image = _readable(sighting, before)
        if image_id not in known:
            added.append(
                Addition(image, sighting.payload, sighting.fingerprint or fingerprint(image), before)
            )
        elif before is not None and (changes := compare(before, image)):
            changed.append(Update(before, image, sighting.payload, changes))
    missing = listing.absent & known.keys() if listing.complete else frozenset()
    return Plan(tuple(added), tuple(changed), missing, frozenset(lacking) & listing.seen.keys())


def compare(before: Image, after: Image) -> tuple[Change, ...]:
    """The compared fields that differ, in the order of `COMPARED`."""
    return tuple(
        Change(name, old, new)
        for name in COMPARED
        if (old := getattr(before, name)) != (new := getattr(after, name))
    )


def _readable(sighting: Sighting, stored: Image | None) -> Image:
    """The image with what could not be read left as it is stored."""
    assert sighting.image is not None
    if stored is None or not sighting.unreadable:
        return sighting.image
    return msgspec.structs.replace(
        sighting.image, **{name: getattr(stored, name) for name in sighting.unreadable}
    )
