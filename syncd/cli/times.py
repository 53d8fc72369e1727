"""Times as people read and write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from syncd.errors import UsageError
from syncd.model import from_text

_AGO = re.compile(r"(\d+)(s|m|h|d)")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def ago(text: str | None, now: datetime) -> str:
    """``3 min``, ``2 h``, ``5 d`` since a stored time; negative spans are ``in 3 min``."""
    if not text:
        return ""
    seconds = (now - from_text(text)).total_seconds()
    span = spoken(abs(seconds))
    return f"in {span}" if seconds < -1 else f"{span} ago"


def spoken(seconds: float) -> str:
    for limit, unit, name in ((90, 1, "s"), (5400, 60, "min"), (129600, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds / 86400:.0f} d"


def local(text: str | None) -> str:
    """A stored time in the machine's zone, to the minute."""
    return from_text(text).astimezone().strftime("%Y-%m-%d %H:%M") if text else ""


def moment(text: str, now: datetime) -> datetime:
    """``2026-11-20``, ``2026-11-20T10:00`` (the machine's zone unless it says), or ``2h`` ago. Raises UsageError."""
    if (match := _AGO.fullmatch(text)) is not None:
        return now - timedelta(seconds=int(match[1]) * _UNITS[match[2]])
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{text!r} is no time", 'write "2026-11-20", "2026-11-20T10:00" or "2h" (ago)'
        ) from None


def place(text: str, now: datetime) -> int | datetime:
    """The number of an event, or a time. Raises UsageError."""
    return int(text) if text.isdigit() and len(text) < 19 else moment(text, now)
