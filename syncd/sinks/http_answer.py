"""What an HTTP status means, for every receiver: pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from syncd.sinks.format import Answer
from syncd.sinks.sink import Delivered, MessageTrouble, ReceiverTrouble, Verdict
from syncd.sinks.text import short

REFUSALS = frozenset({400, 413, 415, 422})
"""Statuses that speak of the message; all others but 2xx speak of the receiver."""

LONGEST_RETRY_AFTER = timedelta(hours=24)
WORDS_SHOWN = 200
"""Characters of the receiver's own words in a reason."""


def judge_status(answer: Answer) -> Verdict:
    """2xx is success and everything else failure, a redirect included."""
    status = answer.status
    if 200 <= status < 300:
        return Delivered()
    reason = f"HTTP {status}{_advice(status)}" + said(answer)
    if status in REFUSALS:
        return MessageTrouble(reason)
    return ReceiverTrouble(reason, retry_after=retry_after(answer), gone=status == 410)


def retry_after(answer: Answer) -> timedelta | None:
    """The Retry-After header, in seconds or as an HTTP date; None if absent, past or not understood.

    A date is one of the receiver's clock, and so is its Date header: ours may be wrong.
    """
    value = answer.headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", value):
        wait = timedelta(seconds=int(value))
    else:
        moment = _http_date(value)
        wait = moment - (_http_date(answer.headers.get("date", "")) or answer.at) if moment else timedelta(0)
    return min(wait, LONGEST_RETRY_AFTER) if wait > timedelta(0) else None


def words(text: str) -> str:
    """A receiver's own words, safe to print on one line."""
    return short(text, WORDS_SHOWN)


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


def said(answer: Answer) -> str:
    """``: `` and the receiver's own words, if it sent readable ones; not those of a web page."""
    kind = answer.headers.get("content-type", "").lower()
    if not answer.body or "html" in kind or "content-encoding" in answer.headers:
        return ""
    try:
        text = words(answer.body[: WORDS_SHOWN * 8].decode("utf-8", "ignore"))
    except UnicodeError:
        return ""
    return f": {text}" if text else ""
