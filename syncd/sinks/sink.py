"""What the dispatcher knows of a receiver: its name, how to send to it, and what came of a message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

MAX_RETRY_AFTER = timedelta(days=1)
"""A receiver may ask for a longer wait, but gets this one: a slip of its clock must not silence it for a year."""


class Item(NamedTuple):
    """One event on its way to one sink. ``body`` holds the stored bytes: what is signed is what is sent."""

    seq: int
    event_id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver has taken all events of the message."""


@dataclass(frozen=True, slots=True)
class ReceiverTrouble:
    """The receiver cannot take anything now: the sink backs off, and no event is charged an attempt.

    ``reason`` is one line without secrets and without the URL. ``retry_after`` is the wait that the receiver asked
    for. ``gone`` (HTTP 410) disables the sink.
    """

    reason: str
    retry_after: timedelta | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class MessageTrouble:
    """The receiver refuses this message: it is tried again on a schedule of its own, and the others go on."""

    reason: str


SendResult = Delivered | ReceiverTrouble | MessageTrouble


class Sink(Protocol):
    """A receiver. ``send`` reports failures in its result; anything that it raises counts as receiver trouble."""

    name: str
    group_wait: timedelta
    """How long events are gathered into one message; zero means that each event is sent alone."""
    longest_backoff: timedelta
    """The longest wait between two attempts: 10 minutes for chat robots, an hour for webhooks."""

    async def send(self, items: Sequence[Item], away_since: datetime | None = None) -> SendResult:
        """Send one event, or with ``group_wait`` several events as one digest, in the order of their numbers.

        ``away_since`` is set on the first message after the receiver was away for more than an hour.
        """

    async def aclose(self) -> None:
        """Close connections and files."""
