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
    other_regions: tuple[str, ...] = ()
    """For chat messages: the other regions of the account in which the same is true of the image now."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver has taken all events of the message, which had no room for those with the numbers ``left``."""

    left: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class ReceiverTrouble:
    """The receiver cannot take anything now: the sink backs off, and no event is charged an attempt.

    ``reason`` is one line without secrets and without the URL. ``retry_after`` is the wait that the receiver asked
    for. ``gone`` (HTTP 410) disables the sink. The message had no room for the events with the numbers ``left``.
    """

    reason: str
    retry_after: timedelta | None = None
    gone: bool = False
    left: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class MessageTrouble:
    """The receiver refuses this message: it is tried again on a schedule of its own, and the others go on.

    The message had no room for the events with the numbers ``left``: they are not refused.
    """

    reason: str
    left: frozenset[int] = frozenset()


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

        The result names the events that the digest had no room for: they are sent with the next message.

        ``away_since`` is set on the first message after the receiver was away for more than an hour.
        """

    async def aclose(self) -> None:
        """Close connections and files."""
