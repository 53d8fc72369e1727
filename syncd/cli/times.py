"""Times and durations as people read and write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from syncd.errors import UsageError
from syncd.model import from_text

_AGO = re.compile(r"(\d+)(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def ago(text: str | None, now: datetime) -> str:
    """How long ago a stored time was: ``3 min ago``; ``in 3 min`` if it is still to come; "" for None."""
    if not text:
        return ""
    seconds = (now - from_text(text)).total_seconds()
    span = spoken_duration(abs(seconds))
    return f"in {span}" if seconds < -1 else f"{span} ago"


def spoken_duration(seconds: float) -> str:
    """``40 s``, ``3 min``, ``2 h`` or ``5 d``."""
    for limit, unit, name in ((90, 1, "s"), (5400, 60, "min"), (129600, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds / 86400:.0f} d"


def local_time(text: str | None) -> str:
    """A stored time in this machine's time zone, to the minute; "" for None."""
    return from_text(text).astimezone().strftime("%Y-%m-%d %H:%M") if text else ""


def parse_time(text: str, now: datetime) -> datetime:
    """Read ``2026-11-20``, ``2026-11-20T10:00`` or ``2h``, which is two hours ago.

    A time without a zone is in this machine's. Raises UsageError.
    """
    if (match := _AGO.fullmatch(text)) is not None:
        return now - timedelta(seconds=int(match[1]) * _SECONDS[match[2]])
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{text!r} is not a time",
            'write a date such as "2026-11-20" or "2026-11-20T10:00", or how long ago, such as "2h"',
        ) from None


def parse_seq_or_time(text: str, now: datetime) -> int | datetime:
    """Read the number of an event, or a time as `parse_time` does. Raises UsageError."""
    return int(text) if text.isdigit() and len(text) < 19 else parse_time(text, now)
