"""What a format is: pure functions from events to a request, and from an answer to a verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import NamedTuple

from syncd.model import Secret
from syncd.sinks.sink import Item, Verdict


class Limit(NamedTuple):
    """At most so many messages in any so many seconds."""

    messages: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Options:
    """What the configuration says of a sink's messages; a format reads the part that concerns it."""

    language: str = "en"
    prefix: str = ""
    zone: tzinfo | None = None
    """Of the times in messages; None is the machine's."""
    secret: Secret | None = None
    secrets: tuple[Secret, ...] = ()
    body: str = ""
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Attempt:
    """When a message is made; ``away_since`` when the receiver had been away for long until now."""

    now: datetime
    away_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be posted. ``query`` joins the URL's own. Both maps may hold signatures: never printed."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    signatures: tuple[str, ...] = field(default=(), repr=False)
    """Those in body, headers and query, so that an answer that repeats one is not shown."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, as received at ``at``: header names in lower case, the body cut and undecoded."""

    status: int
    at: datetime
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Doubtful:
    """The receiver's words fit trouble of either kind: the third time in a row it is the message's."""

    reason: str


class RenderError(Exception):
    """The message cannot be made of this event. Its text has no secrets."""


@dataclass(frozen=True, slots=True)
class Format:
    """A receiver's language. A ``chat`` format takes several events at once and speaks to people.

    ``render`` raises RenderError. The reasons of ``judge`` are its own words up to the first ``": "``,
    the receiver's after it.
    """

    name: str
    render: Callable[[Sequence[Item], Options, Attempt], Request]
    judge: Callable[[Answer], Verdict | Doubtful]
    chat: bool = False
    limits: tuple[Limit, ...] = ()
    avoids_half_hours: bool = False
    """The receiver is overrun at :00 and :30 sharp and asks senders to stay away from them."""
