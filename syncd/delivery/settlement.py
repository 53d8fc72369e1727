"""What a group of verdicts means for deliveries, sink and news: decided here, written and carried out by the worker.

Trouble of the receiver backs the sink off and charges no event; trouble with a message is that event's own.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from syncd.delivery import sink_events
from syncd.delivery.backoff import message_wait, receiver_wait
from syncd.delivery.queue import Entry
from syncd.model import Draft
from syncd.sinks.sink import Delivered, MessageTrouble, ReceiverTrouble, Verdict
from syncd.store.deliveries import DeliveryOutcome, SinkRecord

POISONED_AFTER = 5
"""An event that failed so often while others were delivered is itself the trouble, whatever the answer says."""

DOUBTED_AFTER = 3
"""A digest that failed so often in a row is doubted: one event goes alone, to see whether the receiver is there."""


class Arrival(NamedTuple):
    """The events of one message, and what came of it."""

    entries: list[Entry]
    verdict: Verdict
    current: bool = True
    """Whether it was sent after the last failure known now: only such a one says how the receiver is."""


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """For observers: ``count`` events of one message."""

    sink: str
    outcome: Literal["delivered", "receiver_trouble", "message_trouble", "dead"]
    count: int


class Settlement:
    """Decided at once when it is made; who made it writes it and carries it out.

    ``delivered`` are the events that this sink's worker delivered before; ``longest`` caps its back-off; ``halved``:
    its digests are short because one failed or was refused.
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
        halved: bool = False,
    ) -> None:
        self.before = state
        self.state = state
        self.delivered = delivered
        self.outcomes: list[tuple[Entry, DeliveryOutcome]] = []
        self.untouched: list[Entry] = []
        """What is tried again as it was."""
        self.records: list[DeliveryRecord] = []
        self.news: list[Draft] = []
        self.refused_together = 0
        """The events of a digest that was refused as a whole: the next one is half as long."""
        self.doubts_digest = False
        self._first_dead: str | None = None
        self._now = now
        self._longest = longest
        self._halved = halved
        self._rng = rng
        self._decide(arrived)

    @property
    def is_back(self) -> bool:
        """Whether an announced absence ends with this."""
        return self.state.failed_said_at is not None and self._has_success and self.state.state == "ok"

    @property
    def may_be_without_dead(self) -> bool:
        """Whether it was announced that an event is dead, and that may be over."""
        return self.state.dead_said_at is not None and self._has_success

    def say_back(self) -> None:
        self.news.append(sink_events.recovered(self.before, self._now))
        self.state = replace(self.state, failed_said_at=None, failed_reason=None)

    def say_dead(self) -> None:
        """Once, until none is dead any more: whether the receiver is away meanwhile is another matter."""
        if self._first_dead is not None and self.state.dead_said_at is None:
            self.state = replace(self.state, dead_said_at=self._now)
            self.news.append(sink_events.failed(self.state, "dead", self._first_dead, self._now))

    def say_none_dead(self) -> None:
        self.news.append(sink_events.none_dead(self.before, self._now))
        self.state = replace(self.state, dead_said_at=None)

    @property
    def _has_success(self) -> bool:
        return any(outcome.state == "delivered" for _, outcome in self.outcomes)

    def _decide(self, arrived: Sequence[Arrival]) -> None:
        """Successes first: they show that a failing event is failing alone."""
        for one in arrived:
            if isinstance(one.verdict, Delivered):
                self._succeed(one)
        receiver: list[Arrival] = []
        for one in arrived:
            if isinstance(one.verdict, MessageTrouble):
                self._refuse(one.entries, one.verdict.reason)
            elif isinstance(one.verdict, ReceiverTrouble) and self._fail(one.entries, one.verdict):
                receiver.append(one)
        if receiver:
            self._back_off(receiver)

    def _succeed(self, one: Arrival) -> None:
        self.delivered += len(one.entries)
        self.records.append(DeliveryRecord(self.state.name, "delivered", len(one.entries)))
        self.outcomes += [(entry, DeliveryOutcome(entry.seq, "delivered")) for entry in one.entries]
        if not one.current or self.state.state == "disabled":
            return
        if self.state.state == "backing_off":
            self.state = replace(
                self.state, state="ok", since=self._now, failures=0, next_attempt_at=None, last_error=None
            )
        if self.state.away_since is not None:
            self.state = replace(self.state, away_since=None)

    def _refuse(self, entries: list[Entry], reason: str) -> None:
        """A refused digest is split; a refused event takes its own schedule, and dies at its end."""
        if len(entries) > 1:
            self.refused_together = len(entries)
            self.untouched += entries
            self.records.append(DeliveryRecord(self.state.name, "message_trouble", len(entries)))
            return
        (entry,) = entries
        attempts = entry.attempts + 1
        wait = message_wait(attempts, self._rng)
        if wait is None:
            self._add(entry, "dead", reason, attempts=attempts)
            self.records.append(DeliveryRecord(self.state.name, "dead", 1))
            self._first_dead = self._first_dead or reason
        else:
            self._add(entry, "pending", reason, attempts=attempts, due=self._now + wait)
            self.records.append(DeliveryRecord(self.state.name, "message_trouble", 1))

    def _fail(self, entries: list[Entry], trouble: ReceiverTrouble) -> bool:
        """Whether it says something about the receiver: an event that fails alone again and again does not."""
        if len(entries) > 1:
            self.untouched += entries
        else:
            (entry,) = entries
            strikes = entry.strikes + self._is_strike(entry, trouble)
            if strikes >= POISONED_AFTER and self.state.state == "ok" and not trouble.gone:
                self._refuse(entries, trouble.reason)
                return False
            self._add(entry, "pending", trouble.reason, strikes=strikes, tried_at=self._now)
        self.records.append(DeliveryRecord(self.state.name, "receiver_trouble", len(entries)))
        return True

    def _is_strike(self, entry: Entry, trouble: ReceiverTrouble) -> bool:
        """Others got through since it failed last. A receiver that says "later" does not mean the event."""
        later = trouble.retry_after is not None or trouble.gone
        return self.delivered > entry.seen_deliveries and not later

    def _back_off(self, failed: Sequence[Arrival]) -> None:
        trouble = _worst([one.verdict for one in failed if isinstance(one.verdict, ReceiverTrouble)])
        if self.state.state == "disabled":
            return
        if trouble.gone:
            self._mark_away(trouble)
            self.state = replace(self.state, state="disabled", since=self._now, next_attempt_at=None)
            self._say_failed("gone", trouble.reason)
        elif any(one.current for one in failed) or (trouble.retry_after and self.state.state == "ok"):
            self._wait_longer(trouble, together=max(len(one.entries) for one in failed) > 1)
        elif trouble.retry_after is not None and self.state.next_attempt_at is not None:
            wait = receiver_wait(1, self._longest, trouble.retry_after, self._rng)
            at = max(self.state.next_attempt_at, self._now + wait)
            self.state = replace(self.state, next_attempt_at=at, tried_at=self._now)

    def _mark_away(self, trouble: ReceiverTrouble) -> None:
        since = self.state.away_since or self._now
        self.state = replace(self.state, last_error=trouble.reason, away_since=since)

    def _wait_longer(self, trouble: ReceiverTrouble, together: bool) -> None:
        self._mark_away(trouble)
        away = self.state.state == "backing_off"
        failures = self.state.failures + 1 if away else 1
        wait = receiver_wait(failures, self._longest, trouble.retry_after, self._rng)
        if together and trouble.retry_after is None and (self._halved or failures > DOUBTED_AFTER):
            self.doubts_digest = True
            failures, wait = max(1, failures - 1), timedelta(0)
        self.state = replace(
            self.state,
            state="backing_off",
            since=self.state.since if away else self._now,
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
        """What is not changed stays as the entry has it; ``due`` only counts for the attempt that set it."""
        kept = {name: getattr(entry, name) for name in ("attempts", "strikes", "tried_at")}
        self.outcomes.append((entry, DeliveryOutcome(entry.seq, state, error=error, **(kept | changed))))

    def _say_failed(self, reason: str, message: str) -> None:
        self.state = replace(self.state, failed_said_at=self._now, failed_reason=reason)
        self.news.append(sink_events.failed(self.state, reason, message, self._now))


def _worst(troubles: Sequence[ReceiverTrouble]) -> ReceiverTrouble:
    """Of several failures of one moment the one that says most."""
    return max(troubles, key=lambda one: (one.gone, one.retry_after or timedelta(0)))
