"""Events gathered for people: what happened to each image, over its accounts and regions. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from syncd.model import Change
from syncd.sinks.chat.event import Event, Picture

Kind = Literal["known", "shared", "reshared", "revoked", "status", "updated"]
"""``known``: shared already when its target was first listed."""

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
class Deed:
    """One thing that happened to an image, in one or more accounts and regions; times as in events."""

    kind: Kind
    accounts: tuple[str, ...]
    regions: tuple[str, ...]
    first: str
    last: str
    unverified: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Story:
    """One image, as it is after the last of its deeds."""

    image: Picture
    deeds: tuple[Deed, ...]


@dataclass(frozen=True, slots=True)
class Digest:
    """``entries``: images and system events in the order in which they first came up."""

    entries: tuple[Story | Event, ...]
    events: int

    @property
    def stories(self) -> Sequence[Story]:
        return [entry for entry in self.entries if isinstance(entry, Story)]

    @property
    def notices(self) -> Sequence[Event]:
        return [entry for entry in self.entries if isinstance(entry, Event)]

    def counts(self) -> Mapping[Kind, int]:
        """Images by what happened to them; shared again is shared."""
        found: Counter[Kind] = Counter()
        for story in self.stories:
            kinds = {deed.kind for deed in story.deeds}
            found.update("shared" if kind == "reshared" else kind for kind in kinds)
        return found

    def tone(self) -> Tone:
        kinds = [deed.kind for story in self.stories for deed in story.deeds]
        tones = {_TONES.get(kind, "plain") for kind in (*kinds, *(event.type for event in self.notices))}
        if len(tones) == 1:
            return tones.pop()
        failures = {"sync.failed", "sink.failed"} & {event.type for event in self.notices}
        return "bad" if failures else "careful" if "careful" in tones else "plain"


def gather(events: Iterable[Event]) -> Digest:
    entries: dict[str, Story | Event] = {}
    count = 0
    for event in events:
        count += 1
        image = event.data.image
        if image is None:
            entries[event.id] = event
            continue
        before = entries.get(image.image_id)
        deeds = before.deeds if isinstance(before, Story) else ()
        entries[image.image_id] = Story(image, _with(deeds, _deed(event)))
    return Digest(tuple(entries.values()), count)


def _deed(event: Event) -> Deed:
    data = event.data
    return Deed(
        kind=_kind(event),
        accounts=_some(data.account),
        regions=_some(data.region),
        first=event.time,
        last=event.time,
        unverified=data.unverified_regions,
        changes=data.changes,
    )


def _kind(event: Event) -> Kind:
    match event.type:
        case "image.shared":
            return "reshared" if event.data.reshared else "known" if event.data.baseline else "shared"
        case "image.revoked":
            return "revoked"
        case "image.status_changed":
            return "status"
        case _:
            return "updated"


def _with(deeds: tuple[Deed, ...], deed: Deed) -> tuple[Deed, ...]:
    """Join it to an equal one, unless that would carry it over another deed of the same account."""
    for index in reversed(range(len(deeds))):
        if _same(deeds[index], deed):
            return (*deeds[:index], _join(deeds[index], deed), *deeds[index + 1 :])
        if set(deeds[index].accounts) & set(deed.accounts):
            break
    return (*deeds, deed)


def _same(one: Deed, other: Deed) -> bool:
    return one.kind == other.kind and one.changes == other.changes


def _join(one: Deed, other: Deed) -> Deed:
    return replace(
        one,
        accounts=_union(one.accounts, other.accounts),
        regions=_union(one.regions, other.regions),
        unverified=_union(one.unverified, other.unverified),
        first=min(one.first, other.first),
        last=max(one.last, other.last),
    )


def _union(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one, *other)))


def _some(value: str | None) -> tuple[str, ...]:
    return () if value is None else (value,)
