"""How long to wait before a request is tried again: pure."""

from __future__ import annotations

import random
from datetime import timedelta

from syncd.errors import ApiError, Throttled

FIRST_WAIT = 0.5
"""Seconds before the first retry, doubled each time; twice that when throttled."""
LONGEST_WAIT = 15.0
"""Seconds."""
LONGEST_HEEDED = timedelta(seconds=30)
"""A server that asks for more ends the call; the next sync heeds it."""


def delay(error: ApiError, attempt: int, retries: int, rng: random.Random) -> float | None:
    """Seconds before retry number ``attempt`` (from 0), or None if the call is to fail now."""
    if attempt >= retries:
        return None
    step = FIRST_WAIT * 2 if isinstance(error, Throttled) else FIRST_WAIT
    own = min(LONGEST_WAIT, step * 2.0**attempt) * rng.uniform(0.5, 1.0)
    if error.retry_after is None:
        return own
    if error.retry_after > LONGEST_HEEDED:
        return None
    return error.retry_after.total_seconds() + rng.uniform(0.0, own)
