"""Puts a digest into words: plain text, which a format escapes line by line. Pure functions.

Strangers' text is cut here, so that the length of a line is bounded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from syncd.sinks.chat.chinese import CHINESE
from syncd.sinks.chat.digest import Digest, ImageSummary, Occurrence
from syncd.sinks.chat.english import ENGLISH
from syncd.sinks.chat.event import Data, Event, ShownImage
from syncd.sinks.chat.language import Language, number
from syncd.sinks.chat.values import VALUE_LENGTH, Values, size
from syncd.sinks.text import ELLIPSIS, short

LANGUAGES: Mapping[str, Language] = {"en": ENGLISH, "zh": CHINESE}
NAME_LENGTH = 100
MESSAGE_LENGTH = 400
CHANGES_SHOWN = 8
OCCURRENCES_SHOWN = 6
"""How many of an image's occurrences are shown, the last ones. An image that flaps has many."""
NOTICES_NAMED = 2
"""Up to so many system events stand in the headline of a digest with their titles; more are only counted."""


@dataclass(frozen=True, slots=True)
class Section:
    """One image or system event: a title and the lines under it."""

    title: str
    lines: tuple[str, ...]


class Words:
    """The words of one ``language``, with times in ``zone`` (None: the machine's)."""

    def __init__(self, language: str, zone: tzinfo | None = None) -> None:
        self._language = LANGUAGES[language]
        self._values = Values(self._language, zone)

    def headline(self, digest: Digest) -> str:
        """ "Image shared: NAME", or "7 images shared, 2 revoked; Sync of lab fails"."""
        if len(digest.entries) == 1:
            return self._single(digest.entries[0])
        counts = digest.counts()
        happened = [
            (counts[kind], word) for kind, word in self._language.happened.items() if counts.get(kind)
        ]
        parts = [self._language.counted_next.format(n=n, happened=word) for n, word in happened]
        if happened:
            first, word = happened[0]
            parts[0] = self._language.counted_first.format(
                images=number(self._language.images, first), happened=word
            )
        counted = self._language.counting.join(parts)
        return self._language.sentences.join(filter(None, (counted, *self._headlines(digest.notices))))

    def catching_up(self, start: datetime, end: datetime, digest: Digest) -> str:
        """The headline of the first message after a long absence of the receiver."""
        events = number(self._language.events, digest.events)
        start_end, headline = self._values.between(start, end), self.headline(digest)
        return self._language.catching_up.format(start_end=start_end, events=events, headline=headline)

    def more(self, entries: int) -> str:
        """The last line of a message that has no room for so many more entries."""
        return self._language.more.format(n=entries)

    def sections(self, digest: Digest, limit: int) -> Sequence[Section]:
        """The first ``limit`` entries. A single system event has no title here, because that is the headline."""
        entries = digest.entries[:limit]
        sections = [
            self._image(entry) if isinstance(entry, ImageSummary) else self._notice(entry)
            for entry in entries
        ]
        alone = len(digest.entries) == 1 and not digest.images
        return [Section("", sections[0].lines)] if alone else sections

    def _single(self, entry: ImageSummary | Event) -> str:
        if isinstance(entry, Event):
            return self._notice(entry).title
        kinds = dict.fromkeys(occurrence.kind for occurrence in entry.occurrences)
        happened = self._language.listing.join(self._language.happened[kind] for kind in kinds)
        return self._language.single_image.format(happened=happened, name=_name(entry.image))

    def _headlines(self, notices: Sequence[Event]) -> Sequence[str]:
        if len(notices) > NOTICES_NAMED:
            return [number(self._language.notices, len(notices))]
        return [self._notice(event).title for event in notices]

    def _image(self, summary: ImageSummary) -> Section:
        image, occurrences = summary.image, summary.occurrences
        name, image_id = _name(image), short(image.image_id, VALUE_LENGTH)
        earlier = [ELLIPSIS] if len(occurrences) > OCCURRENCES_SHOWN else []
        lines = [
            line
            for occurrence in occurrences[-OCCURRENCES_SHOWN:]
            for line in self._occurrence(occurrence, image)
        ]
        facts = self._facts(image, occurrences)
        when = self._values.span(
            min(occurrence.first for occurrence in occurrences),
            max(occurrence.last for occurrence in occurrences),
        )
        title = name if name == image_id else f"{name} ({image_id})"
        return Section(title, tuple(filter(None, (*earlier, *lines, facts, when))))

    def _occurrence(self, occurrence: Occurrence, image: ShownImage) -> Sequence[str]:
        where = self._values.listed(occurrence.accounts) + self._values.places(occurrence.regions)
        if occurrence.kind == "status":
            return [*self._statuses(occurrence, where), *self._reason(image)]
        owner = _owner(image)
        by = self._language.by.format(owner=owner) if owner else ""
        line = self._language.occurrences[occurrence.kind].format(by=by, where=where)
        if occurrence.kind == "revoked":
            return [line + self._unverified(occurrence)]
        return [line, *(self._changes(occurrence) if occurrence.kind == "updated" else [])]

    def _statuses(self, occurrence: Occurrence, where: str) -> Sequence[str]:
        sentence, value = self._language.occurrences["status"], self._values.of_field
        return [
            sentence.format(
                before=value("status", change.before), after=value("status", change.after), where=where
            )
            for change in occurrence.changes[:CHANGES_SHOWN]
        ]

    def _reason(self, image: ShownImage) -> Sequence[str]:
        text = short(image.failed_reason or "", MESSAGE_LENGTH)
        return [self._language.reason.format(text=text)] if text else []

    def _changes(self, occurrence: Occurrence) -> Sequence[str]:
        lines = [
            self._language.change.format(
                field=self._values.field(change.field),
                before=self._values.of_field(change.field, change.before),
                after=self._values.of_field(change.field, change.after),
            )
            for change in occurrence.changes[:CHANGES_SHOWN]
        ]
        rest = len(occurrence.changes) - CHANGES_SHOWN
        return [*lines, *([self._language.more_changes.format(n=rest)] if rest > 0 else [])]

    def _unverified(self, occurrence: Occurrence) -> str:
        regions = [region for region in occurrence.unverified if region not in occurrence.regions]
        return self._language.unverified.format(regions=self._values.listed(regions)) if regions else ""

    def _facts(self, image: ShownImage, occurrences: Sequence[Occurrence]) -> str:
        """Status and owner (unless the occurrences tell them or the image is gone), type, size, price and GPU."""
        kinds = {occurrence.kind for occurrence in occurrences}
        price, owner = image.price_yuan_per_hour, "" if kinds - {"status", "updated"} else _owner(image)
        facts = (
            self._values.status(image.status) if image.status and not kinds & {"status", "revoked"} else "",
            self._language.owned_by.format(owner=owner) if owner else "",
            short(image.image_type or "", VALUE_LENGTH),
            size(image.size_mb) if image.size_mb else "",
            self._values.price(price) if price is not None else "",
            short(image.source_gpu_type or "", VALUE_LENGTH),
        )
        return " · ".join(filter(None, facts))

    def _notice(self, event: Event) -> Section:
        """A system event, even if this version does not know its type."""
        data, gaps = event.data, self._gaps(event.data)
        sentences = self._language.notice_texts.get(event.type, ())
        if event.type == "sync.baseline" and not data.pending_regions:
            sentences = sentences[:1]
        title, *lines = [line.format(**gaps) for line in sentences] or [short(event.type, VALUE_LENGTH)]
        details = [short(text, MESSAGE_LENGTH) for text in (data.message, data.hint) if text]
        return Section(title, (*lines, *details, self._values.moment(event.time)))

    def _gaps(self, data: Data) -> Mapping[str, object]:
        language, values = self._language, self._values
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
            "trouble": language.troubles.get(data.reason or "", language.other_trouble),
            "recovery": language.recoveries.get(data.reason or "", language.other_recovery),
        }


def _name(image: ShownImage) -> str:
    return short(image.name or "", NAME_LENGTH) or short(image.image_id, VALUE_LENGTH)


def _owner(image: ShownImage) -> str:
    return short(image.owner_name or "", VALUE_LENGTH) or short(image.owner_id or "", VALUE_LENGTH)


def _word(words: Mapping[str, str], key: str | None) -> str:
    return words.get(key or "") or short(key or "—", VALUE_LENGTH)
