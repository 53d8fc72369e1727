"""What a group of verdicts means for deliveries, sink and news: decided here, written and carried out by the worker.

Trouble of the receiver backs the sink off and charges no event; trouble with a message is that event's own.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from syncd.model import Draft, to_text
from syncd.sinks.backoff import message_wait, receiver_wait
from syncd.sinks.queue import Entry
from syncd.sinks.sink import Delivered, MessageTrouble, ReceiverTrouble, Verdict
from syncd.store.deliveries import Outcome, SinkRecord

POISONED_AFTER = 5
"""An event that failed so often while others were delivered is itself the trouble, whatever the answer says."""

SAID_AFTER = timedelta(hours=1)
"""A receiver that is away for longer is announced to the other sinks."""

Arrival = tuple[list[Entry], Verdict]
"""The events of one message, and what came of it."""


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """For observers: ``count`` events of one message."""

    sink: str
    outcome: Literal["delivered", "receiver_trouble", "message_trouble", "dead"]
    count: int


class Settlement:
    """Decided at once when it is made; who made it writes it and carries it out.

    ``delivered`` are the events that this sink's worker delivered before; ``longest`` caps its back-off.
    """

    def __init__(
        self,
        state: SinkRecord,
        arrived: Sequence[Arrival],
        now: datetime,
        *,
        delivered: int,
        longest: timedelta,
        rng: random.Random,
    ) -> None:
        self.before = state
        self.state = state
        self.delivered = delivered
        self.outcomes: list[tuple[Entry, Outcome]] = []
        self.records: list[DeliveryRecord] = []
        self.split: set[str] = set()
        """Keys whose digest was refused: they go event by event."""
        self.news: list[Draft] = []
        self._now = now
        self._longest = longest
        self._rng = rng
        self._decide(arrived)

    @property
    def may_be_over(self) -> bool:
        """Whether an announced trouble ends with this, unless dead events were the trouble and some are left."""
        succeeded = any(outcome.state == "delivered" for _, outcome in self.outcomes)
        return self.before.failed_said_at is not None and succeeded and self.state.state == "ok"

    def say_over(self) -> None:
        self.news.append(recovered(self.before, self._now))
        self.state = replace(self.state, failed_said_at=None, failed_reason=None)

    def _decide(self, arrived: Sequence[Arrival]) -> None:
        """Successes first: they end a back-off, and show that a failing event is failing alone."""
        successes = [entries for entries, verdict in arrived if isinstance(verdict, Delivered)]
        for entries in successes:
            self._succeed(entries)
        failures = [pair for pair in arrived if not isinstance(pair[1], Delivered)]
        receiver: ReceiverTrouble | None = None
        for entries, verdict in failures:
            if isinstance(verdict, MessageTrouble):
                self._refuse(entries, verdict.reason)
            elif isinstance(verdict, ReceiverTrouble) and self._fail(entries, verdict):
                receiver = _worse(receiver, verdict)
        if receiver is not None:
            self._back_off(receiver)

    def _succeed(self, entries: list[Entry]) -> None:
        self.delivered += len(entries)
        self.records.append(DeliveryRecord(self.state.name, "delivered", len(entries)))
        self.outcomes += [(entry, Outcome(entry.seq, "delivered", entry.attempts)) for entry in entries]
        if self.state.state == "backing_off":
            self.state = replace(
                self.state, state="ok", since=self._now, failures=0, next_attempt_at=None, last_error=None
            )

    def _refuse(self, entries: list[Entry], reason: str) -> None:
        """A refused digest is split; a refused event takes its own schedule, and dies at its end."""
        if len(entries) > 1:
            self.split |= {entry.key for entry in entries}
            self.outcomes += [
                (entry, Outcome(entry.seq, "pending", entry.attempts, error=reason)) for entry in entries
            ]
            self.records.append(DeliveryRecord(self.state.name, "message_trouble", len(entries)))
            return
        (entry,) = entries
        attempts = entry.attempts + 1
        wait = message_wait(attempts)
        if wait is None:
            self.outcomes.append((entry, Outcome(entry.seq, "dead", attempts, error=reason)))
            self.records.append(DeliveryRecord(self.state.name, "dead", 1))
            self._say_failed("dead", reason)
        else:
            self.outcomes.append((entry, Outcome(entry.seq, "pending", attempts, self._now + wait, reason)))
            self.records.append(DeliveryRecord(self.state.name, "message_trouble", 1))

    def _fail(self, entries: list[Entry], trouble: ReceiverTrouble) -> bool:
        """Whether it says something about the receiver: an event that fails alone again and again does not."""
        if len(entries) == 1 and not trouble.gone:
            (entry,) = entries
            if self.delivered > entry.seen_deliveries:
                entry.strikes += 1
                entry.seen_deliveries = self.delivered
            if entry.strikes >= POISONED_AFTER:
                self._refuse(entries, trouble.reason)
                return False
        self.records.append(DeliveryRecord(self.state.name, "receiver_trouble", len(entries)))
        self.outcomes += [
            (entry, Outcome(entry.seq, "pending", entry.attempts, error=trouble.reason)) for entry in entries
        ]
        return True

    def _back_off(self, trouble: ReceiverTrouble) -> None:
        if trouble.gone:
            self.state = replace(
                self.state,
                state="disabled",
                since=self._now,
                next_attempt_at=None,
                last_error=trouble.reason,
            )
            self._say_failed("gone", trouble.reason)
            return
        away = self.state.state == "backing_off"
        failures = self.state.failures + 1 if away else 1
        wait = receiver_wait(failures, self._longest, trouble.retry_after, self._rng)
        self.state = replace(
            self.state,
            state="backing_off",
            since=self.state.since if away else self._now,
            failures=failures,
            next_attempt_at=self._now + wait,
            last_error=trouble.reason,
        )
        if self._now - self.state.since >= SAID_AFTER:
            self._say_failed("backing_off", trouble.reason)

    def _say_failed(self, reason: str, message: str) -> None:
        worse = reason == "gone" and self.state.failed_reason != "gone"
        if self.state.failed_said_at is None or worse:
            self.state = replace(self.state, failed_said_at=self._now, failed_reason=reason)
            self.news.append(failed(replace(self.state, last_error=message), reason, self._now))


def failed(state: SinkRecord, reason: str, now: datetime) -> Draft:
    data = {
        "sink": state.name,
        "reason": reason,
        "since": to_text(state.since),
        "message": state.last_error or "",
    }
    return Draft("sink.failed", now, data, sink=state.name)


def recovered(state: SinkRecord, now: datetime) -> Draft:
    since = state.failed_said_at if state.failed_reason == "dead" else state.since
    assert since is not None
    seconds = max(0, round((now - since).total_seconds()))
    data = {"sink": state.name, "since": to_text(since), "duration_seconds": seconds}
    return Draft("sink.recovered", now, data, sink=state.name)


def _worse(first: ReceiverTrouble | None, second: ReceiverTrouble) -> ReceiverTrouble:
    """Of several failures of one moment the one that says most."""
    if first is None or second.gone:
        return second
    if first.gone:
        return first
    return max(first, second, key=lambda one: one.retry_after or timedelta(0))
