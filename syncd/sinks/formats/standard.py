"""``standard``: the stored event as JSON, signed by Standard Webhooks v1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from syncd.sinks import signatures
from syncd.sinks.format import Attempt, Format, Options, Request
from syncd.sinks.http_answer import interpret_status
from syncd.sinks.sink import Item


def signed(item: Item, options: Options, attempt: Attempt, content_type: str) -> Request:
    """The stored bytes with their id, the time of this attempt, and a signature for each secret."""
    timestamp = int(attempt.now.timestamp())
    headers = {"Content-Type": content_type, **identity(item, timestamp)}
    if not options.secrets:
        return Request(item.body, headers)
    header = signatures.standard(options.secrets, item.event_id, timestamp, item.body)
    headers["webhook-signature"] = header
    return Request(item.body, headers, signatures=tuple(header.replace("v1,", "").split()))


def identity(item: Item, timestamp: int) -> Mapping[str, str]:
    """``webhook-id`` is the same at every attempt, so that receivers can drop what they have seen."""
    return {"webhook-id": item.event_id, "webhook-timestamp": str(timestamp)}


def render(items: Sequence[Item], options: Options, attempt: Attempt) -> Request:
    (item,) = items
    return signed(item, options, attempt, "application/json")


FORMAT = Format("standard", render, interpret_status)
