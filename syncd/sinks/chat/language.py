"""What a language supplies: words and sentences with named gaps; `words` fills them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from syncd.sinks.chat.digest import Kind

Plural = tuple[str, str]
"""For one, and for any other ``{n}``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """Sentences are for `str.format`; the gaps of each are named beside it."""

    listing: str
    """Between the names of a list."""
    counting: str
    """Between the counts of a headline."""
    sentences: str
    """Between the sentences of a headline."""
    images: Plural
    events: Plural
    notices: Plural
    done: Mapping[Kind, str]
    """What happened, in a headline; in the order of the headline."""
    counted_first: str
    """images, done"""
    counted_next: str
    """n, done"""
    one: str
    """done, name"""
    by: str
    """owner; goes into ``by`` of a deed"""
    owned: str
    """owner; among the facts, where no deed names him"""
    deeds: Mapping[Kind, str]
    """by, where; of status: before, after, where"""
    named_places: str
    """regions"""
    counted_places: str
    """n"""
    unverified: str
    """regions; follows a revocation"""
    reason: str
    """text"""
    change: str
    """field, before, after"""
    more_changes: str
    """n"""
    told: Mapping[str, tuple[str, ...]]
    """Event type → title and lines; any of account, region, sink, places, images, pending, reminder, failure,
    since, until, duration, missing, live, release, returned, revoked, trouble, recovery"""
    still: str
    """Goes into ``reminder``"""
    failures: Mapping[str, str]
    releases: Mapping[str, str]
    troubles: Mapping[str, str]
    in_trouble: str
    """A trouble of a sink that has no word"""
    recoveries: Mapping[str, str]
    works_again: str
    """The end of any other trouble"""
    away: str
    """start_end, events, headline"""
    more: str
    """n"""
    price: str
    """yuan (an hour)"""
    days_hours_minutes: tuple[str, str, str]
    moments: str
    """A duration of less than a minute"""
    statuses: Mapping[str, str]
    """API status → word; one without is shown as it is"""
    fields: Mapping[str, str]
    """Image field → word"""


def number(plural: Plural, n: int) -> str:
    return plural[n != 1].format(n=n)
