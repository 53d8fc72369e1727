"""What a format is: pure functions that make a request of events, and tell what came of it from the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import NamedTuple

from syncd.model import Secret
from syncd.sinks.sink import Item, SendResult


class Limit(NamedTuple):
    """The receiver takes at most so many messages within any so many seconds."""

    messages: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Options:
    """What the configuration says about a sink's messages; a format reads the part that concerns it."""

    language: str = "en"
    prefix: str = ""
    zone: tzinfo | None = None
    """The zone of the times in messages; None is the machine's."""
    secret: Secret | None = None
    secrets: tuple[Secret, ...] = ()
    body: str = ""
    content_type: str = "application/json"


class Attempt(NamedTuple):
    """When a message is made; ``away_since`` is set if the receiver was away for long until now."""

    now: datetime
    away_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What is posted. ``query`` is added to the URL's own. All of it may hold signatures, so it is never printed."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    signatures: tuple[str, ...] = field(default=(), repr=False)
    """The signatures in body, headers and query, so that an answer which repeats one is not shown."""
    left: frozenset[int] = frozenset()
    """The numbers of the events that a chat message has no room for. It shows all others."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back at the time ``at``: header names in lower case, the body cut and undecoded."""

    status: int
    at: datetime
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Doubtful:
    """The answer may mean receiver trouble or message trouble. The third one in a row counts as message trouble."""

    reason: str


class RenderError(Exception):
    """The message cannot be made of this event. The text of the error has no secrets."""


@dataclass(frozen=True, slots=True)
class Format:
    """How to talk to one kind of receiver. A ``chat`` format takes several events at once and writes for people.

    ``render`` raises RenderError. In the reasons that ``interpret`` gives, our own words stand before the first
    ``": "``, and the receiver's words after it.
    """

    name: str
    render: Callable[[Sequence[Item], Options, Attempt], Request]
    interpret: Callable[[Answer], SendResult | Doubtful]
    chat: bool = False
    limits: tuple[Limit, ...] = ()
    avoids_half_hours: bool = False
    """The receiver is overloaded at :00 and :30 sharp, and asks senders to avoid these moments."""
