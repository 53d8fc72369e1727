"""Faults around the rows: the world changes while it is read, something else answers, bytes are damaged."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from email.utils import formatdate
from typing import Any

from syncd.simulator.answer import MESSAGES, Answer, Refusal
from syncd.simulator.faults import kind
from syncd.simulator.page_faults import View
from syncd.simulator.query import Query

HTML = "<!DOCTYPE html><html><head><title>502</title></head><body><h1>网关错误 Bad Gateway</h1></body></html>"

# The world


@kind("world", on=("list",))
def list_changes(view: View, *, unshare: int = 1, share: int = 0, status: int = 0) -> None:
    """Before the page is read, random rows really leave the list, join it, or change their status: so many of each."""
    account, region = view.query.account, view.query.region
    if account is None or region not in view.world.regions:
        return
    ids = view.world.share_list(account, region).ids()
    chosen = view.rng.sample(ids, min(len(ids), unshare + status))
    for image in chosen[:unshare]:
        view.world.unshare(account, region, image)
    for image in chosen[unshare:]:
        view.world.set_status(image, view.rng.choice(("Available", "Offline", "UnAvailable")), region)
    view.world.fill(account, region, share)


# Instead of the API


@kind("instead")
def throttled(
    query: Query, *, code: int = 153, http: bool = False, retry_after: float | str | None = None
) -> Answer:
    """The answer is that there are too many requests: a RetCode, or HTTP 429 if ``http``; with Retry-After if it is
    given (in seconds, or as a date)."""
    headers = {} if retry_after is None else {"Retry-After": _seconds(retry_after)}
    if http:
        return Answer(b"Too Many Requests", status=429, headers=headers, content_type="text/plain")
    return replace(_refusal(query, code, MESSAGES[153]), headers=headers)


@kind("instead")
def retcode(query: Query, *, code: int = 130, message: str = "", status: int = 200) -> Answer:
    """The answer is this RetCode, with this message and HTTP status."""
    return replace(_refusal(query, code, message or MESSAGES.get(code, "Internal error")), status=status)


@kind("instead")
def http_error(query: Query, *, status: int = 503, retry_after: float | str | None = None) -> Answer:
    """The answer is a bare HTTP status, with Retry-After if it is given."""
    headers = {} if retry_after is None else {"Retry-After": _seconds(retry_after)}
    return Answer(b"upstream failed", status=status, headers=headers, content_type="text/plain")


@kind("instead")
def html(query: Query, *, status: int = 200) -> Answer:
    """The answer is the HTML page of a gateway."""
    return Answer(HTML.encode(), status=status, content_type="text/html")


@kind("instead")
def body(query: Query, *, text: str = "{}", status: int = 200) -> Answer:
    """The body is exactly this text."""
    return Answer(text.encode(), status=status)


# Bytes


@kind("body")
def truncated(answer: Answer, *, keep: float = 0.5) -> Answer:
    """The body ends after this share of it, and Content-Length agrees, as if a cache had kept half an answer."""
    return replace(answer, body=answer.body[: int(len(answer.body) * keep)])


@kind("body")
def digit_retcode(answer: Answer) -> Answer:
    """RetCode is a string of digits."""
    return replace(answer, body=re.sub(rb'^\{"RetCode":(-?\d+)', rb'{"RetCode":"\1"', answer.body))


@kind("body")
def content_type(answer: Answer, *, value: str = "text/html") -> Answer:
    """The body is as usual, but it is declared as something else."""
    return replace(answer, content_type=value)


@kind("body")
def clock_skew(answer: Answer, *, seconds: float = 3600.0) -> Answer:
    """The Date header is ahead by this many seconds."""
    return replace(answer, headers={**answer.headers, "Date": formatdate(time.time() + seconds, usegmt=True)})


def _refusal(query: Query, code: int, message: str) -> Answer:
    return Answer(Refusal(code, message).body(query.action), ret_code=code)


def _seconds(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)
