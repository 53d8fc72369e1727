"""What a language supplies: words, and sentences with named gaps that `words` and its parts fill."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from syncd.sinks.chat.digest import OccurrenceKind

Plural = tuple[str, str]
"""The text for one, and the text for any other number ``{n}``."""

Fact = Literal["sharer", "status", "image", "environment", "tags", "description", "reason"]
"""What a card says of an image, each on a line of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """Sentences are for `str.format`; the names of their gaps stand below each."""

    test: str
    """The headline of a message that `syncd sinks test` sends. Gap: headline"""
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
    """Gaps: n, images, happened"""
    counted_next: str
    """Gaps: n, happened"""
    single_image: Mapping[OccurrenceKind, str]
    """The headline about one image. Gap: name"""
    several_kinds: str
    """The headline about one image to which several things happened. Gaps: happened, name"""
    occurrences: Mapping[OccurrenceKind, str]
    """Gap: where; those of status are before, after, where"""
    named_places: str
    """Gap: regions"""
    counted_places: str
    """Gap: n"""
    unverified: str
    """Gap: regions. Follows a revocation"""
    change: str
    """Gaps: field, before, after"""
    more_changes: str
    """Gap: n. Ends a list of changes"""
    facts: Mapping[Fact, str]
    """Gap: text"""
    sharer_with_id: str
    """Gaps: name, id"""
    made_on: str
    """Gap: gpu. The GPU that the image was made on"""
    image_price: str
    """Gap: yuan (for an hour). It is the image's own price, and not that of a machine"""
    free: str
    """An image whose own price is zero"""
    price: str
    """Gap: yuan (for an hour)"""
    console: str
    """The text of the link to the console"""
    notice_texts: Mapping[str, tuple[str, ...]]
    """Event type → title and lines. Gaps are any of account, region, sink, places, images, pending, reminder, failure,
    since, until, duration, missing, live, release, returned, revoked, trouble, recovery"""
    still: str
    """Fills the gap ``reminder``"""
    failures: Mapping[str, str]
    remedies: Mapping[str, str]
    """Class of a failure → what to do; for any other class the event's own hint stands"""
    releases: Mapping[str, str]
    troubles: Mapping[str, tuple[str, str]]
    """Trouble of a sink → title and what to do. Gap: sink"""
    other_trouble: str
    """A trouble of a sink that is not among ``troubles``. Gap: sink"""
    recoveries: Mapping[str, str]
    """Gap: sink"""
    other_recovery: str
    """The end of a trouble that is not among ``recoveries``. Gap: sink"""
    error_text: Callable[[str], str]
    """Puts the text of an error, which is stored in English, into the language"""
    catching_up: str
    """The headline after a long absence. Gaps: start_end, events, headline"""
    more: str
    """The last line of a message that the next one continues. Gap: n"""
    days_hours_minutes: tuple[str, str, str]
    under_a_minute: str
    """A duration of less than a minute"""
    value_words: Mapping[str, Mapping[str, str]]
    """Image field → value of the API → word; a value without a word is shown as it is"""
    fields: Mapping[str, str]
    """Image field → word"""


def number(plural: Plural, n: int) -> str:
    return plural[n != 1].format(n=n)
