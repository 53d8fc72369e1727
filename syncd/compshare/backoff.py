"""How long to wait before a request is tried again."""

from __future__ import annotations

import random
from datetime import timedelta

from syncd.errors import ApiError, Throttled

FIRST_WAIT = 0.5
"""Seconds before the first retry. The wait doubles each time, and is twice as long if the API throttles."""
LONGEST_WAIT = 15.0
"""Seconds before a retry, at most."""
LONGEST_HEEDED = timedelta(seconds=30)
"""If the server asks us to wait longer than this, the call fails, and the next sync waits instead."""


def delay(error: ApiError, attempt: int, retries: int, rng: random.Random) -> float | None:
    """Seconds before retry number ``attempt`` (from 0), or None if the call should fail now."""
    if attempt >= retries:
        return None
    step = FIRST_WAIT * 2 if isinstance(error, Throttled) else FIRST_WAIT
    own = min(LONGEST_WAIT, step * 2.0**attempt) * rng.uniform(0.5, 1.0)
    if error.retry_after is None:
        return own
    if error.retry_after > LONGEST_HEEDED:
        return None
    return error.retry_after.total_seconds() + rng.uniform(0.0, own)
