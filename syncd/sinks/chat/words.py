"""A digest in words: plain text, that a format escapes line by line. Pure.

Strangers' text is cut here, so that a line has a bounded length.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from syncd.sinks.chat.chinese import CHINESE
from syncd.sinks.chat.digest import Deed, Digest, Story
from syncd.sinks.chat.english import ENGLISH
from syncd.sinks.chat.event import Data, Event, Picture
from syncd.sinks.chat.language import Language, number
from syncd.sinks.chat.values import VALUE_LENGTH, Values, size
from syncd.sinks.text import ELLIPSIS, short

LANGUAGES: Mapping[str, Language] = {"en": ENGLISH, "zh": CHINESE}
NAME_LENGTH = 100
MESSAGE_LENGTH = 400
CHANGES_SHOWN = 8
DEEDS_SHOWN = 6
"""The last ones of an image; a flapping one has many."""
NOTICES_NAMED = 2
"""System events whose titles stand in the headline of a digest; more are counted."""


@dataclass(frozen=True, slots=True)
class Told:
    """One image or system event: a title and the lines under it."""

    title: str
    lines: tuple[str, ...]


class Words:
    """Tells in ``language`` with the times of ``zone`` (None: the machine's)."""

    def __init__(self, language: str, zone: tzinfo | None = None) -> None:
        self._in = LANGUAGES[language]
        self._values = Values(self._in, zone)

    def headline(self, digest: Digest) -> str:
        """ "Image shared: NAME", or "7 images shared, 2 revoked; Sync of lab fails"."""
        if len(digest.entries) == 1:
            return self._only(digest.entries[0])
        counts = digest.counts()
        done = [(counts[kind], word) for kind, word in self._in.done.items() if counts.get(kind)]
        parts = [self._in.counted_next.format(n=n, done=word) for n, word in done]
        if done:
            first, word = done[0]
            parts[0] = self._in.counted_first.format(images=number(self._in.images, first), done=word)
        counted = self._in.counting.join(parts)
        return self._in.sentences.join(filter(None, (counted, *self._headlines(digest.notices))))

    def away(self, start: datetime, end: datetime, digest: Digest) -> str:
        """The headline of the first message after a long absence of the receiver."""
        events = number(self._in.events, digest.events)
        start_end, headline = self._values.between(start, end), self.headline(digest)
        return self._in.away.format(start_end=start_end, events=events, headline=headline)

    def more(self, entries: int) -> str:
        """Ends a message that is too small for all of it."""
        return self._in.more.format(n=entries)

    def tell(self, digest: Digest, most: int) -> Sequence[Told]:
        """The first ``most`` entries; a single system event without its title, which is the headline."""
        entries = digest.entries[:most]
        told = [self._story(entry) if isinstance(entry, Story) else self._notice(entry) for entry in entries]
        alone = len(digest.entries) == 1 and not digest.stories
        return [Told("", told[0].lines)] if alone else told

    def _only(self, entry: Story | Event) -> str:
        if isinstance(entry, Event):
            return self._notice(entry).title
        kinds = dict.fromkeys(deed.kind for deed in entry.deeds)
        done = self._in.listing.join(self._in.done[kind] for kind in kinds)
        return self._in.one.format(done=done, name=_name(entry.image))

    def _headlines(self, notices: Sequence[Event]) -> Sequence[str]:
        if len(notices) > NOTICES_NAMED:
            return [number(self._in.notices, len(notices))]
        return [self._notice(event).title for event in notices]

    def _story(self, story: Story) -> Told:
        image, deeds = story.image, story.deeds
        name, image_id = _name(image), short(image.image_id, VALUE_LENGTH)
        earlier = [ELLIPSIS] if len(deeds) > DEEDS_SHOWN else []
        lines = [line for deed in deeds[-DEEDS_SHOWN:] for line in self._deed(deed, image)]
        facts = self._facts(image, deeds)
        when = self._values.span(min(deed.first for deed in deeds), max(deed.last for deed in deeds))
        title = name if name == image_id else f"{name} ({image_id})"
        return Told(title, tuple(filter(None, (*earlier, *lines, facts, when))))

    def _deed(self, deed: Deed, image: Picture) -> Sequence[str]:
        where = self._values.listed(deed.accounts) + self._values.places(deed.regions)
        if deed.kind == "status":
            return [*self._statuses(deed, where), *self._reason(image)]
        owner = _owner(image)
        by = self._in.by.format(owner=owner) if owner else ""
        line = self._in.deeds[deed.kind].format(by=by, where=where)
        if deed.kind == "revoked":
            return [line + self._unverified(deed)]
        return [line, *(self._changes(deed) if deed.kind == "updated" else [])]

    def _statuses(self, deed: Deed, where: str) -> Sequence[str]:
        sentence, value = self._in.deeds["status"], self._values.of_field
        return [
            sentence.format(
                before=value("status", change.before), after=value("status", change.after), where=where
            )
            for change in deed.changes[:CHANGES_SHOWN]
        ]

    def _reason(self, image: Picture) -> Sequence[str]:
        text = short(image.failed_reason or "", MESSAGE_LENGTH)
        return [self._in.reason.format(text=text)] if text else []

    def _changes(self, deed: Deed) -> Sequence[str]:
        lines = [
            self._in.change.format(
                field=self._values.field(change.field),
                before=self._values.of_field(change.field, change.before),
                after=self._values.of_field(change.field, change.after),
            )
            for change in deed.changes[:CHANGES_SHOWN]
        ]
        rest = len(deed.changes) - CHANGES_SHOWN
        return [*lines, *([self._in.more_changes.format(n=rest)] if rest > 0 else [])]

    def _unverified(self, deed: Deed) -> str:
        regions = [region for region in deed.unverified if region not in deed.regions]
        return self._in.unverified.format(regions=self._values.listed(regions)) if regions else ""

    def _facts(self, image: Picture, deeds: Sequence[Deed]) -> str:
        """Status (unless a deed tells it or the image is gone), owner (likewise), type, size, price, GPU."""
        kinds = {deed.kind for deed in deeds}
        price, owner = image.price_yuan_per_hour, "" if kinds - {"status", "updated"} else _owner(image)
        facts = (
            self._values.status(image.status) if image.status and not kinds & {"status", "revoked"} else "",
            self._in.owned.format(owner=owner) if owner else "",
            short(image.image_type or "", VALUE_LENGTH),
            size(image.size_mb) if image.size_mb else "",
            self._values.price(price) if price is not None else "",
            short(image.source_gpu_type or "", VALUE_LENGTH),
        )
        return " · ".join(filter(None, facts))

    def _notice(self, event: Event) -> Told:
        """Also one of a type that this version does not know."""
        data, gaps = event.data, self._gaps(event.data)
        sentences = self._in.told.get(event.type, ())
        if event.type == "sync.baseline" and not data.pending_regions:
            sentences = sentences[:1]
        title, *lines = [line.format(**gaps) for line in sentences] or [short(event.type, VALUE_LENGTH)]
        said = [short(text, MESSAGE_LENGTH) for text in (data.message, data.hint) if text]
        return Told(title, (*lines, *said, self._values.moment(event.time)))

    def _gaps(self, data: Data) -> Mapping[str, object]:
        language, values = self._in, self._values
        return {
            "account": short(data.account or "", VALUE_LENGTH),
            "sink": short(data.sink or "", VALUE_LENGTH),
            "places": values.places(data.regions or ((data.region,) if data.region else ())),
            "images": number(language.images, data.images),
            "pending": values.listed(data.pending_regions),
            "reminder": language.still if data.reminder else "",
            "failure": _word(language.failures, data.failure),
            "since": values.moment(data.since),
            "until": values.moment(data.until),
            "duration": values.duration(data.duration_seconds),
            "missing": data.missing,
            "live": data.live,
            "release": _word(language.releases, data.reason),
            "returned": data.returned,
            "revoked": data.revoked,
            "trouble": language.troubles.get(data.reason or "", language.in_trouble),
            "recovery": language.recoveries.get(data.reason or "", language.works_again),
        }


def _name(image: Picture) -> str:
    return short(image.name or "", NAME_LENGTH) or short(image.image_id, VALUE_LENGTH)


def _owner(image: Picture) -> str:
    return short(image.owner_name or "", VALUE_LENGTH) or short(image.owner_id or "", VALUE_LENGTH)


def _word(words: Mapping[str, str], key: str | None) -> str:
    return words.get(key or "") or short(key or "—", VALUE_LENGTH)
