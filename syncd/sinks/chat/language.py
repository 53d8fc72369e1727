"""What a language supplies: words, and sentences with named gaps that the module `words` fills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from syncd.sinks.chat.digest import OccurrenceKind

Plural = tuple[str, str]
"""The text for one, and the text for any other number ``{n}``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """Sentences are for `str.format`; the names of their gaps stand below each."""

    listing: str
    """Stands between the names of a list."""
    counting: str
    """Stands between the counts of a headline."""
    sentences: str
    """Stands between the sentences of a headline."""
    images: Plural
    events: Plural
    notices: Plural
    happened: Mapping[OccurrenceKind, str]
    """What happened to images, for a headline, which keeps this order."""
    counted_first: str
    """Gaps: images, happened"""
    counted_next: str
    """Gaps: n, happened"""
    single_image: str
    """The headline about one image. Gaps: happened, name"""
    by: str
    """Gap: owner. Fills the gap ``by`` of an occurrence"""
    owned_by: str
    """Gap: owner. Stands among the facts, where no occurrence names the owner"""
    occurrences: Mapping[OccurrenceKind, str]
    """Gaps: by, where; those of status are before, after, where"""
    named_places: str
    """Gap: regions"""
    counted_places: str
    """Gap: n"""
    unverified: str
    """Gap: regions. Follows a revocation"""
    reason: str
    """Gap: text"""
    change: str
    """Gaps: field, before, after"""
    more_changes: str
    """Gap: n"""
    notice_texts: Mapping[str, tuple[str, ...]]
    """Event type → title and lines. Gaps are any of account, region, sink, places, images, pending, reminder, failure,
    since, until, duration, missing, live, release, returned, revoked, trouble, recovery"""
    still: str
    """Fills the gap ``reminder``"""
    failures: Mapping[str, str]
    releases: Mapping[str, str]
    troubles: Mapping[str, str]
    other_trouble: str
    """A trouble of a sink that is not among ``troubles``"""
    recoveries: Mapping[str, str]
    other_recovery: str
    """The end of a trouble that is not among ``recoveries``"""
    catching_up: str
    """The headline after a long absence. Gaps: start_end, events, headline"""
    more: str
    """Gap: n"""
    price: str
    """Gap: yuan (for an hour)"""
    days_hours_minutes: tuple[str, str, str]
    under_a_minute: str
    """A duration of less than a minute"""
    statuses: Mapping[str, str]
    """API status → word; a status without a word is shown as it is"""
    fields: Mapping[str, str]
    """Image field → word"""


def number(plural: Plural, n: int) -> str:
    return plural[n != 1].format(n=n)
