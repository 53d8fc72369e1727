"""Puts a digest into words: plain text, which a format escapes line by line. Pure functions.

Strangers' text is cut here, so that the length of a line is bounded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from syncd.sinks.chat.chinese import CHINESE
from syncd.sinks.chat.digest import Digest, ImageSummary
from syncd.sinks.chat.english import ENGLISH
from syncd.sinks.chat.event import Event
from syncd.sinks.chat.image_words import ImageWords, name_of
from syncd.sinks.chat.language import Language, number
from syncd.sinks.chat.notice_words import NoticeWords
from syncd.sinks.chat.values import Values

LANGUAGES: Mapping[str, Language] = {"en": ENGLISH, "zh": CHINESE}
NOTICES_NAMED = 2
"""Up to so many system events stand in the headline of a digest with their titles; more are only counted."""


@dataclass(frozen=True, slots=True)
class Section:
    """One image or system event: a title and the lines under it.

    ``beside`` is a short form, which stands on the line of the title, and in place of the lines if it is not too long.
    """

    title: str
    lines: tuple[str, ...]
    beside: str = ""


class Words:
    """The words of one ``language``, with times in ``zone`` (None: the machine's)."""

    def __init__(self, language: str, zone: tzinfo | None = None) -> None:
        self._language = LANGUAGES[language]
        self._values = Values(self._language, zone)
        self._images = ImageWords(self._language, self._values)
        self._notices = NoticeWords(self._language, self._values)

    @property
    def console(self) -> str:
        return self._language.console

    def headline(self, digest: Digest) -> str:
        """ "Image shared: NAME", or "7 images shared, 2 changed status; Sync of lab fails"."""
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
                n=first, images=number(self._language.images, first), happened=word
            )
        counted = self._language.counting.join(parts)
        return self._language.sentences.join(filter(None, (counted, *self._headlines(digest.notices))))

    def marked_as_test(self, headline: str) -> str:
        return self._language.test.format(headline=headline)

    def catching_up(self, start: datetime, end: datetime, events: int, headline: str) -> str:
        """The headline of the first message after a long absence of the receiver, in which ``events`` came together."""
        return self._language.catching_up.format(
            start_end=self._values.between(start, end),
            events=number(self._language.events, events),
            headline=headline,
        )

    def more(self, entries: int) -> str:
        """The last line of a message that has no room for so many more entries: the next message has them."""
        return self._language.more.format(n=entries)

    def sections(self, digest: Digest) -> Sequence[Section]:
        """A single entry has no title here, because that is the headline; an image among others has one line."""
        if len(digest.entries) == 1:
            return [Section("", tuple(self._alone(digest.entries[0])))]
        return [
            Section(name_of(entry.image), tuple(self._images.card(entry)), self._images.line(entry))
            if isinstance(entry, ImageSummary)
            else Section(self._notices.title(entry), tuple(self._notices.lines(entry)))
            for entry in digest.entries
        ]

    def _alone(self, entry: ImageSummary | Event) -> Sequence[str]:
        return self._notices.lines(entry) if isinstance(entry, Event) else self._images.card(entry)

    def _single(self, entry: ImageSummary | Event) -> str:
        if isinstance(entry, Event):
            return self._notices.title(entry)
        name, kinds = name_of(entry.image), dict.fromkeys(what.kind for what in entry.occurrences)
        if len(kinds) == 1:
            return self._language.single_image[next(iter(kinds))].format(name=name)
        happened = self._language.listing.join(self._language.happened[kind] for kind in kinds)
        return self._language.several_kinds.format(happened=happened, name=name)

    def _headlines(self, notices: Sequence[Event]) -> Sequence[str]:
        if len(notices) > NOTICES_NAMED:
            return [number(self._language.notices, len(notices))]
        return [self._notices.title(event) for event in notices]
