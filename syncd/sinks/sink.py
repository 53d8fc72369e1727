"""What a receiver is to the dispatcher: a name, a send, and a verdict that says what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol


class Item(NamedTuple):
    """One event on its way to one sink. ``body`` is the stored bytes: what is signed is what is sent."""

    seq: int
    event_id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver has them all."""


@dataclass(frozen=True, slots=True)
class ReceiverTrouble:
    """The receiver cannot take anything now: the sink backs off, no event is charged an attempt.

    ``reason`` is one line without secrets (no URL); ``gone`` (HTTP 410) disables the sink.
    """

    reason: str
    retry_after: timedelta | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class MessageTrouble:
    """The receiver refuses this message: it is retried on its own schedule, others go on."""

    reason: str


Verdict = Delivered | ReceiverTrouble | MessageTrouble


class Sink(Protocol):
    """A receiver. ``send`` raises nothing that it can name; what it raises counts as receiver trouble."""

    name: str
    group_wait: timedelta
    """How long events are gathered into one message; zero: each event is sent alone."""
    longest_backoff: timedelta
    """The cap of its back-off: 10 minutes for chat robots, an hour for webhooks."""

    async def send(self, items: Sequence[Item], away_since: datetime | None = None) -> Verdict:
        """Send one event, or with ``group_wait`` several as one digest, in seq order.

        ``away_since`` is set on the first message after the receiver was away for more than an hour.
        """

    async def aclose(self) -> None:
        """Let go of connections and files."""
