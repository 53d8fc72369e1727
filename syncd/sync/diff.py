"""What a listing says that the database does not: from known rows and a listing to a plan, asking nobody else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from syncd.model import COMPARED, Change, Image, Listing, Sighting, fingerprint
from syncd.pieces import in_pieces


class Addition(msgspec.Struct, frozen=True, gc=False):
    """A row that is not live yet; ``before`` is its last known image if it was live once."""

    sighting: Sighting
    fingerprint: bytes
    before: Image | None

    @property
    def image(self) -> Image:
        """Made anew each time, see `Sighting.image`."""
        return _readable(self.sighting, self.before)

    @property
    def payload(self) -> str:
        assert self.sighting.payload is not None
        return self.sighting.payload


class Update(msgspec.Struct, frozen=True):
    before: Image
    after: Image
    payload: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    added: list[Addition] = field(default_factory=list)
    """In the order of their ids; the sync empties it when they are written."""
    changed: tuple[Update, ...] = ()
    missing: frozenset[str] = frozenset()
    """Live rows that the listing proved absent; empty unless it is complete."""
    returned: frozenset[str] = frozenset()
    """Rows that were missing and are listed again."""


def ids_to_load(listing: Listing) -> Sequence[str]:
    """The ids whose stored image `diff` needs: those whose sighting brings an image.

    Sorted, so that rows and index entries are written in their order: a first sync of 100,000 images writes a quarter.
    """
    return listing.news


async def diff(
    known: Mapping[str, bytes], lacking: Iterable[str], stored: Mapping[str, Image], listing: Listing
) -> Plan:
    """Plan the step from ``known`` (live image ids → fingerprints) to ``listing``.

    ``lacking`` are the live ids that earlier syncs missed; ``stored`` the last known images, live or revoked,
    of `ids_to_load`. Nothing is awaited but other tasks' turns.
    """
    added: list[Addition] = []
    changed: list[Update] = []
    async for ids in in_pieces(ids_to_load(listing)):
        for image_id in ids:
            sighting, before = listing.seen[image_id], stored.get(image_id)
            if image_id not in known:
                mark = sighting.fingerprint or fingerprint(_readable(sighting, before))
                added.append(Addition(sighting, mark, before))
            elif before is not None and (update := _update(sighting, before)):
                changed.append(update)
    missing = listing.absent & known.keys() if listing.complete else frozenset()
    return Plan(added, tuple(changed), missing, frozenset(lacking) & listing.seen.keys())


def _update(sighting: Sighting, before: Image) -> Update | None:
    """None if no compared field changed."""
    assert sighting.payload is not None
    after = _readable(sighting, before)
    changes = compare(before, after)
    return Update(before, after, sighting.payload, changes) if changes else None


def compare(before: Image, after: Image) -> tuple[Change, ...]:
    """The compared fields that differ, in the order of `COMPARED`."""
    return tuple(
        Change(name, old, new)
        for name in COMPARED
        if (old := getattr(before, name)) != (new := getattr(after, name))
    )


def _readable(sighting: Sighting, stored: Image | None) -> Image:
    """The image with what could not be read left as it is stored."""
    image = sighting.image
    assert image is not None
    if stored is None or not sighting.unreadable:
        return image
    return msgspec.structs.replace(image, **{name: getattr(stored, name) for name in sighting.unreadable})
