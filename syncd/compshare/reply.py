"""An HTTP answer: what its status and headers say before its body is read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from syncd.compshare.json_answer import NOT_COMPSHARE, excerpt
from syncd.errors import Misconfigured, ProtocolError, Throttled, Transient

LONGEST_RETRY_AFTER = timedelta(days=1)
"""Whatever a server asks us to wait, we take it for no more than this."""


class Reply(NamedTuple):
    status: int
    headers: Mapping[str, str]
    """Names are found in upper and lower case."""
    body: bytes


def accepted(reply: Reply) -> bytes:
    """The body of a 2xx answer. Raises the ApiError for another status, or for a body that is encoded.

    Errors of the API, even a wrong key, come as HTTP 200; another status comes from the gateway or a proxy.
    """
    status = reply.status
    if status == 429:
        raise Throttled("HTTP 429", "lower api.rate or lengthen schedule.interval if it lasts")
    if status == 408 or status >= 500:
        raise Transient(f"HTTP {status}", "nothing to do unless it lasts")
    if status == 407:
        raise Misconfigured("HTTP 407: the proxy asks for a user and a password", "put them into api.proxy")
    if not 200 <= status < 300:
        raise ProtocolError(f"HTTP {status}: {excerpt(reply.body)}", NOT_COMPSHARE)
    encoding = reply.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("identity", ""):
        raise ProtocolError("the answer is compressed, which syncd did not ask for", NOT_COMPSHARE)
    return reply.body


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How long ``Retry-After`` asks us to wait; a date is compared with the server's own ``Date``, if there is one."""
    asked = headers.get("Retry-After", "").strip()
    if not asked:
        return None
    if asked.isascii() and asked.isdigit():
        return min(timedelta(seconds=min(int(asked[:9]), 10**8)), LONGEST_RETRY_AFTER)
    until = http_date(asked)
    if until is None:
        return None
    return min(max(until - (served_at(headers) or now), timedelta(0)), LONGEST_RETRY_AFTER)


def served_at(headers: Mapping[str, str]) -> datetime | None:
    """The time of the server's clock."""
    return http_date(headers.get("Date", ""))


def http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
