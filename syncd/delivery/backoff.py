"""How long to wait for a receiver, and when an event of its own is tried again: pure."""

from __future__ import annotations

import random
from datetime import timedelta

FIRST = timedelta(seconds=5)
JITTER = 0.2

LONGEST_ASKED = timedelta(days=1)
"""What a receiver asks for counts up to here: a slip of its clock must not silence it for a year."""

SCHEDULE = (
    timedelta(minutes=1),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(hours=16),
)
"""After each refusal an event waits so long; about a day altogether, then it is dead."""


def receiver_wait(
    failures: int, longest: timedelta, retry_after: timedelta | None, rng: random.Random
) -> timedelta:
    """After the ``failures``-th failure in a row of a receiver; what it asks for counts if it is longer."""
    planned = min(FIRST * 2.0 ** min(failures - 1, 30), longest) * rng.uniform(1 - JITTER, 1 + JITTER)
    return max(planned, min(retry_after or timedelta(0), LONGEST_ASKED))


def longest_message_wait(attempts: int) -> timedelta:
    """What `message_wait` gives at most."""
    if attempts < 1:
        return timedelta(0)
    return SCHEDULE[min(attempts, len(SCHEDULE)) - 1] * (1 + JITTER)


def message_wait(attempts: int, rng: random.Random) -> timedelta | None:
    """After the ``attempts``-th refusal of one event; None: it is given up."""
    if attempts > len(SCHEDULE):
        return None
    return SCHEDULE[attempts - 1] * rng.uniform(1, 1 + JITTER)
