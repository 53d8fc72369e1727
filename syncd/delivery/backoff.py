"""How long to wait for a receiver that fails, and when a refused event is tried again. Pure functions."""

from __future__ import annotations

import random
from datetime import timedelta

from syncd.sinks.sink import MAX_RETRY_AFTER

FIRST_WAIT = timedelta(seconds=5)
JITTER = 0.2
"""Waits vary by this part of themselves."""

MESSAGE_WAITS = (
    timedelta(minutes=1),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(hours=16),
)
"""How long an event waits after each refusal. After about a day in all it is dead."""


def receiver_wait(
    failures: int, longest: timedelta, retry_after: timedelta | None, rng: random.Random
) -> timedelta:
    """The wait after the ``failures``-th failure of a receiver in a row, or what the receiver asks for if longer."""
    planned = min(FIRST_WAIT * 2.0 ** min(failures - 1, 30), longest) * rng.uniform(1 - JITTER, 1 + JITTER)
    return max(planned, min(retry_after or timedelta(0), MAX_RETRY_AFTER))


def longest_message_wait(attempts: int) -> timedelta:
    """The longest wait that `message_wait` gives."""
    if attempts < 1:
        return timedelta(0)
    return MESSAGE_WAITS[min(attempts, len(MESSAGE_WAITS)) - 1] * (1 + JITTER)


def message_wait(attempts: int, rng: random.Random) -> timedelta | None:
    """The wait after the ``attempts``-th refusal of an event; None means that it is given up."""
    if attempts > len(MESSAGE_WAITS):
        return None
    return MESSAGE_WAITS[attempts - 1] * rng.uniform(1, 1 + JITTER)
