"""Gathers events for people: what happened to each image, in which accounts and regions. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from syncd.model import Change
from syncd.sinks.chat.event import Event, ShownImage

OccurrenceKind = Literal["known", "shared", "reshared", "revoked", "status", "updated"]
"""``known``: it was already shared when its target was first listed."""

OCCURRENCES_TOLD = 6
"""How many occurrences of one image a message tells. An image that flaps has many."""

Tone = Literal["good", "bad", "careful", "plain"]

_TONES: Mapping[str, Tone] = {
    "known": "good",
    "shared": "good",
    "reshared": "good",
    "revoked": "bad",
    "sync.baseline": "good",
    "sync.failed": "bad",
    "sync.recovered": "good",
    "sync.held": "careful",
    "sink.failed": "bad",
    "sink.recovered": "good",
}


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One thing that happened to an image, in one or more accounts. The times are texts, as in events."""

    kind: OccurrenceKind
    places: Mapping[str, tuple[str, ...]]
    """Account → its regions."""
    first: str
    last: str
    unverified: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def regions(self) -> frozenset[str]:
        return frozenset().union(*self.places.values())


@dataclass(frozen=True, slots=True)
class ImageSummary:
    """One image, as it is after the last thing that happened to it. ``seqs`` are the numbers of its events."""

    image: ShownImage
    occurrences: tuple[Occurrence, ...]
    seqs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Digest:
    """``entries`` are images and system events, in the order in which they first occur."""

    entries: tuple[ImageSummary | Event, ...]

    @property
    def seqs(self) -> frozenset[int]:
        """The numbers of the events that it tells."""
        notices = (event.seq for event in self.notices)
        return frozenset(notices).union(*(summary.seqs for summary in self.images))

    def first(self, count: int) -> Digest:
        return Digest(self.entries[:count])

    @property
    def images(self) -> Sequence[ImageSummary]:
        return [entry for entry in self.entries if isinstance(entry, ImageSummary)]

    @property
    def notices(self) -> Sequence[Event]:
        return [entry for entry in self.entries if isinstance(entry, Event)]

    def counts(self) -> Mapping[OccurrenceKind, int]:
        """How many images had what happen to them. An image that is shared again counts as shared."""
        counts: Counter[OccurrenceKind] = Counter()
        for summary in self.images:
            kinds = {occurrence.kind for occurrence in summary.occurrences}
            counts.update("shared" if kind == "reshared" else kind for kind in kinds)
        return counts

    def tone(self) -> Tone:
        kinds = [occurrence.kind for summary in self.images for occurrence in summary.occurrences]
        tones = {_TONES.get(kind, "plain") for kind in (*kinds, *(event.type for event in self.notices))}
        if len(tones) == 1:
            return tones.pop()
        failures = {"sync.failed", "sink.failed"} & {event.type for event in self.notices}
        return "bad" if failures else "careful" if "careful" in tones else "plain"


def gather(events: Iterable[Event]) -> Digest:
    """Of an image to which more happened than one message tells, the rest is left for the next message."""
    entries: dict[str, ImageSummary | Event] = {}
    full: set[str] = set()
    for event in events:
        image = event.data.image
        if image is None:
            entries[event.id] = event
            continue
        before = entries.get(image.image_id)
        occurrences, seqs = (
            (before.occurrences, before.seqs) if isinstance(before, ImageSummary) else ((), ())
        )
        occurrences = _added(occurrences, _occurrence(event))
        # In order: what comes after an occurrence that is left is left as well.
        if image.image_id in full or len(occurrences) > OCCURRENCES_TOLD:
            full.add(image.image_id)
        else:
            entries[image.image_id] = ImageSummary(image, occurrences, (*seqs, event.seq))
    return Digest(tuple(entries.values()))


def _occurrence(event: Event) -> Occurrence:
    data = event.data
    return Occurrence(
        kind=_kind(event),
        places={data.account or "": (*_optional(data.region), *event.other_regions)},
        first=event.time,
        last=event.time,
        unverified=data.unverified_regions,
        changes=data.changes,
    )


def _kind(event: Event) -> OccurrenceKind:
    match event.type:
        case "image.shared":
            return "reshared" if event.data.reshared else "known" if event.data.baseline else "shared"
        case "image.revoked":
            return "revoked"
        case "image.status_changed":
            return "status"
        case _:
            return "updated"


def _added(occurrences: tuple[Occurrence, ...], occurrence: Occurrence) -> tuple[Occurrence, ...]:
    """Merge it with an equal one, unless something else happened to the same account in between."""
    for index in reversed(range(len(occurrences))):
        if _equal(occurrences[index], occurrence):
            return (*occurrences[:index], _merged(occurrences[index], occurrence), *occurrences[index + 1 :])
        if occurrences[index].places.keys() & occurrence.places.keys():
            break
    return (*occurrences, occurrence)


def _equal(first: Occurrence, second: Occurrence) -> bool:
    return first.kind == second.kind and first.changes == second.changes


def _merged(first: Occurrence, second: Occurrence) -> Occurrence:
    return replace(
        first,
        places={
            account: _union(first.places.get(account, ()), second.places.get(account, ()))
            for account in (*first.places, *second.places)
        },
        unverified=_union(first.unverified, second.unverified),
        first=min(first.first, second.first),
        last=max(first.last, second.last),
    )


def _union(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))


def _optional(value: str | None) -> tuple[str, ...]:
    return () if value is None else (value,)
