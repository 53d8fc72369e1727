"""When a target is tried again after a failure, and until when its rows count as fresh: pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from syncd.errors import FailureClass

FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(minutes=2)
"""So a recovery is seen soon; with an interval of a minute, a failing target still costs less than others."""
AUTH_RETRY = timedelta(hours=1)
LONG_RETRY_AFTER = timedelta(seconds=30)
"""A server that asks for more ends the sync and sets the next."""

FRESH_AT_LEAST = timedelta(minutes=30)
FRESH_INTERVALS = 3


def retry_delay(
    failure: FailureClass, failures: int, interval: timedelta, retry_after: timedelta | None
) -> timedelta:
    """How long after the ``failures``-th failure in a row the next attempt starts, instead of the plan."""
    if retry_after is not None and retry_after > LONG_RETRY_AFTER:
        return retry_after
    if failure == "auth":
        return AUTH_RETRY
    doublings: int = 2 ** min(failures - 1, 16)
    return min(min(FIRST_RETRY, interval) * doublings, LONGEST_RETRY)


def fresh_until(started: datetime, interval: timedelta) -> datetime:
    """``started`` is the start of a complete sync, ``interval`` the time between two planned ones."""
    return started + fresh_for(interval)


def fresh_for(interval: timedelta) -> timedelta:
    return max(FRESH_AT_LEAST, FRESH_INTERVALS * interval)
