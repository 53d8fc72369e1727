"""What an HTTP status means, whichever receiver it comes from. Pure functions."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from syncd.sinks.format import Answer
from syncd.sinks.sink import MAX_RETRY_AFTER, Delivered, MessageTrouble, ReceiverTrouble, SendResult
from syncd.sinks.text import short

REFUSALS = frozenset({400, 413, 415, 422})
"""These statuses speak of the message; all others except 2xx speak of the receiver."""

QUOTED_LENGTH = 200
"""How many characters of the receiver's own words a reason quotes."""


def interpret_status(answer: Answer) -> SendResult:
    """Any 2xx is success. Everything else is a failure, redirects included."""
    status = answer.status
    if 200 <= status < 300:
        return Delivered()
    reason = f"HTTP {status}{_advice(status)}" + quoted_body(answer)
    if status in REFUSALS:
        return MessageTrouble(reason)
    return ReceiverTrouble(reason, retry_after=retry_after(answer), gone=status == 410)


def retry_after(answer: Answer) -> timedelta | None:
    """The Retry-After header, which holds seconds or an HTTP date; None if absent, past or not understood.

    A date is read against the receiver's own clock, which its Date header tells, since our clock may be wrong.
    """
    value = answer.headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", value):
        wait = timedelta(seconds=int(value))
    else:
        moment = _http_date(value)
        wait = moment - (_http_date(answer.headers.get("date", "")) or answer.at) if moment else timedelta(0)
    return min(wait, MAX_RETRY_AFTER) if wait > timedelta(0) else None


def quoted(text: str) -> str:
    """A receiver's own words, made safe to print on one line."""
    return short(text, QUOTED_LENGTH)


def quoted_body(answer: Answer) -> str:
    """``: `` and the text of the answer, if it is readable; a web page is not quoted."""
    content_type = answer.headers.get("content-type", "").lower()
    if not answer.body or "html" in content_type or "content-encoding" in answer.headers:
        return ""
    try:
        text = quoted(answer.body[: QUOTED_LENGTH * 8].decode("utf-8", "ignore"))
    except UnicodeError:
        return ""
    return f": {text}" if text else ""


def _http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _advice(status: int) -> str:
    if 300 <= status < 400:
        return " (a redirect, not followed; the url must be the final one)"
    if status in (401, 403):
        return " (the receiver does not accept our credentials)"
    if status == 404:
        return " (nothing is at this url)"
    if status == 410:
        return " (gone for good)"
    return ""
