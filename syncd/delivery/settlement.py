"""Decides what the results of some messages mean: for their deliveries, for the sink, and for the other sinks.

Receiver trouble makes the sink back off and charges no event. Message trouble only concerns the event itself.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from syncd.delivery import sink_events
from syncd.delivery.backoff import message_wait, receiver_wait
from syncd.delivery.queue import Entry
from syncd.delivery.results import SentMessage
from syncd.model import Draft
from syncd.sinks.sink import Delivered, MessageTrouble, ReceiverTrouble
from syncd.store.deliveries import DeliveryOutcome, SinkRecord

POISONED_AFTER = 5
"""An event that failed so often while others were delivered is itself the trouble, whatever the receiver answers."""

DOUBTED_AFTER = 3
"""After so many failures of a digest in a row one event goes alone, to see whether the receiver is there."""


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """What observers learn: what came of one message with ``count`` events."""

    sink: str
    outcome: Literal["delivered", "receiver_trouble", "message_trouble", "dead"]
    count: int


class Settlement:
    """Everything is decided when it is made; `SinkState` writes it, and `Settler` acts on it.

    ``delivered`` is how many events the worker of this sink delivered before; ``longest_backoff`` limits the wait;
    ``halved`` says that digests are short because one failed or was refused.
    """

    def __init__(
        self,
        sink: SinkRecord,
        messages: Sequence[SentMessage],
        now: datetime,
        *,
        delivered: int,
        longest_backoff: timedelta,
        rng: random.Random,
        halved: bool = False,
    ) -> None:
        self.before = sink
        self.sink = sink
        """The sink's record as it is to be."""
        self.delivered = delivered
        self.outcomes: list[tuple[Entry, DeliveryOutcome]] = []
        self.untouched: list[Entry] = []
        """Events that are tried again, as if nothing had happened to them."""
        self.left = [entry for message in messages for entry in message.left]
        """Events that the messages had no room for: they go with the next one at once."""
        self.records: list[DeliveryRecord] = []
        self.announcements: list[Draft] = []
        self.refused_together = 0
        """How many events a refused digest had: the next one is half as long."""
        self.doubts_digest = False
        self._first_dead: str | None = None
        self._now = now
        self._longest_backoff = longest_backoff
        self._halved = halved
        self._rng = rng
        self._decide(messages)

    @property
    def is_back(self) -> bool:
        """Whether an absence that was announced ends with this."""
        return self.sink.failed_said_at is not None and self._has_success and self.sink.state == "ok"

    @property
    def may_be_without_dead(self) -> bool:
        """Whether it was announced that an event is dead, and that may be over."""
        return self.sink.dead_said_at is not None and self._has_success

    def announce_recovery(self) -> None:
        self.announcements.append(sink_events.recovered(self.before, self._now))
        self.sink = replace(self.sink, failed_said_at=None, failed_reason=None)

    def announce_dead(self) -> None:
        """Only once, until no event is dead any more; whether the receiver is away meanwhile does not matter."""
        if self._first_dead is not None and self.sink.dead_said_at is None:
            self.sink = replace(self.sink, dead_said_at=self._now)
            self.announcements.append(sink_events.failed(self.sink, "dead", self._first_dead, self._now))

    def announce_none_dead(self) -> None:
        self.announcements.append(sink_events.none_dead(self.before, self._now))
        self.sink = replace(self.sink, dead_said_at=None)

    @property
    def _has_success(self) -> bool:
        return any(outcome.state == "delivered" for _, outcome in self.outcomes)

    def _decide(self, messages: Sequence[SentMessage]) -> None:
        """Successes come first, because they show that an event which fails is failing alone."""
        for message in messages:
            if isinstance(message.result, Delivered):
                self._succeed(message)
        failed: list[tuple[SentMessage, ReceiverTrouble]] = []
        for message in messages:
            result = message.result
            if isinstance(result, MessageTrouble):
                self._refuse(message.entries, result.reason)
            elif isinstance(result, ReceiverTrouble) and self._fail(message.entries, result):
                failed.append((message, result))
        if failed:
            self._back_off(failed)

    def _succeed(self, message: SentMessage) -> None:
        self.delivered += len(message.entries)
        self.records.append(DeliveryRecord(self.sink.name, "delivered", len(message.entries)))
        self.outcomes += [(entry, DeliveryOutcome(entry.seq, "delivered")) for entry in message.entries]
        if not message.is_current or self.sink.state == "disabled":
            return
        if self.sink.state == "backing_off":
            self.sink = replace(
                self.sink, state="ok", since=self._now, failures=0, next_attempt_at=None, last_error=None
            )
        if self.sink.away_since is not None:
            self.sink = replace(self.sink, away_since=None)

    def _refuse(self, entries: list[Entry], reason: str) -> None:
        """A refused digest is split. A refused event gets a schedule of its own, and is dead at its end."""
        if len(entries) > 1:
            self.refused_together = len(entries)
            self.untouched += entries
            self.records.append(DeliveryRecord(self.sink.name, "message_trouble", len(entries)))
            return
        (entry,) = entries
        attempts = entry.attempts + 1
        wait = message_wait(attempts, self._rng)
        if wait is None:
            self._add(entry, "dead", reason, attempts=attempts)
            self.records.append(DeliveryRecord(self.sink.name, "dead", 1))
            self._first_dead = self._first_dead or reason
        else:
            self._add(entry, "pending", reason, attempts=attempts, due=self._now + wait)
            self.records.append(DeliveryRecord(self.sink.name, "message_trouble", 1))

    def _fail(self, entries: list[Entry], trouble: ReceiverTrouble) -> bool:
        """Whether the failure says something about the receiver. An event that fails alone again and again does not."""
        if len(entries) > 1:
            self.untouched += entries
        else:
            (entry,) = entries
            strikes = entry.strikes + self._is_strike(entry, trouble)
            if strikes >= POISONED_AFTER and self.sink.state == "ok" and not trouble.gone:
                self._refuse(entries, trouble.reason)
                return False
            self._add(entry, "pending", trouble.reason, strikes=strikes, tried_at=self._now)
        self.records.append(DeliveryRecord(self.sink.name, "receiver_trouble", len(entries)))
        return True

    def _is_strike(self, entry: Entry, trouble: ReceiverTrouble) -> bool:
        """Whether others were delivered since it last failed. A receiver that says "later" does not mean the event."""
        later = trouble.retry_after is not None or trouble.gone
        return self.delivered > entry.delivered_before and not later

    def _back_off(self, failed: Sequence[tuple[SentMessage, ReceiverTrouble]]) -> None:
        trouble = _worst([trouble for _, trouble in failed])
        if self.sink.state == "disabled":
            return
        if trouble.gone:
            self._mark_away(trouble)
            self.sink = replace(self.sink, state="disabled", since=self._now, next_attempt_at=None)
            self._announce_failure("gone", trouble.reason)
        elif any(message.is_current for message, _ in failed) or (
            trouble.retry_after and self.sink.state == "ok"
        ):
            self._wait_longer(trouble, is_digest=any(len(message.entries) > 1 for message, _ in failed))
        elif trouble.retry_after is not None and self.sink.next_attempt_at is not None:
            wait = receiver_wait(1, self._longest_backoff, trouble.retry_after, self._rng)
            at = max(self.sink.next_attempt_at, self._now + wait)
            self.sink = replace(self.sink, next_attempt_at=at, tried_at=self._now)

    def _mark_away(self, trouble: ReceiverTrouble) -> None:
        since = self.sink.away_since or self._now
        self.sink = replace(self.sink, last_error=trouble.reason, away_since=since)

    def _wait_longer(self, trouble: ReceiverTrouble, is_digest: bool) -> None:
        self._mark_away(trouble)
        away = self.sink.state == "backing_off"
        failures = self.sink.failures + 1 if away else 1
        wait = receiver_wait(failures, self._longest_backoff, trouble.retry_after, self._rng)
        if is_digest and trouble.retry_after is None and (self._halved or failures > DOUBTED_AFTER):
            self.doubts_digest = True
            failures, wait = max(1, failures - 1), timedelta(0)
        self.sink = replace(
            self.sink,
            state="backing_off",
            since=self.sink.since if away else self._now,
            failures=failures,
            next_attempt_at=self._now + wait,
            tried_at=self._now,
        )

    def _add(
        self,
        entry: Entry,
        state: Literal["pending", "dead"],
        error: str,
        **changed: Any,
    ) -> None:
        """What is not ``changed`` stays as the entry has it, except ``due``, which only holds for one attempt."""
        kept = {name: getattr(entry, name) for name in ("attempts", "strikes", "tried_at")}
        self.outcomes.append((entry, DeliveryOutcome(entry.seq, state, error=error, **(kept | changed))))

    def _announce_failure(self, reason: str, message: str) -> None:
        self.sink = replace(self.sink, failed_said_at=self._now, failed_reason=reason)
        self.announcements.append(sink_events.failed(self.sink, reason, message, self._now))


def _worst(troubles: Sequence[ReceiverTrouble]) -> ReceiverTrouble:
    """Of failures at about the same time, the one that says most."""
    return max(troubles, key=lambda trouble: (trouble.gone, trouble.retry_after or timedelta(0)))
