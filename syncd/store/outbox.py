"""The outbox: events get their number, id and exact bytes, and a delivery for each sink that wants them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
import uuid_utils

from syncd.model import Draft, Route, to_text
from syncd.store.engine import Transaction
from syncd.store.pruning import prune
from syncd.store.routing import takers

__all__ = ["append", "body", "new_id", "prune"]

_encode = msgspec.json.Encoder().encode

_EVENT = (
    "INSERT INTO events (seq, id, type, account, region, image_id, observed_at, scope, baseline, run_id, body)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_DELIVERY = "INSERT INTO deliveries (event_seq, sink) VALUES (?, ?)"


async def append(
    tx: Transaction, drafts: Sequence[Draft], routes: Sequence[Route], *, run_id: int | None = None
) -> list[int]:
    """Record the events in this order; their numbers, given without gaps and never again."""
    rows = await tx.fetch("SELECT seq FROM sqlite_sequence WHERE name = 'events'")
    first = (rows[0][0] if rows else 0) + 1
    await tx.executemany(_EVENT, (_row(seq, draft, run_id) for seq, draft in enumerate(drafts, first)))
    await tx.executemany(_DELIVERY, _deliveries(first, drafts, routes))
    return list(range(first, first + len(drafts)))


def body(seq: int, event_id: str, draft: Draft) -> bytes:
    """The event as it is stored, signed and sent: a CloudEvent that is a Standard Webhooks payload too."""
    time = to_text(draft.time)
    envelope: dict[str, Any] = {
        "specversion": "1.0",
        "id": event_id,
        "source": ":".join(part for part in ("urn:syncd", draft.account, draft.region) if part),
        "type": draft.type,
    }
    if draft.image_id is not None:
        envelope["subject"] = draft.image_id
    envelope |= {
        "time": time,
        "timestamp": time,
        "sequence": f"{seq:020d}",
        "datacontenttype": "application/json",
        "data": draft.data,
    }
    return _encode(envelope)


def new_id(moment: datetime) -> str:
    """A UUIDv7 of this moment: ids sort by time."""
    return str(uuid_utils.uuid7(nanoseconds=int(moment.timestamp() * 1000) * 1_000_000))


def _row(seq: int, draft: Draft, run_id: int | None) -> tuple[Any, ...]:
    event_id = new_id(draft.time)
    return (
        seq, event_id, draft.type, draft.account, draft.region, draft.image_id, to_text(draft.time),
        draft.scope, int(draft.baseline), run_id, body(seq, event_id, draft).decode(),
    )  # fmt: skip


def _deliveries(first: int, drafts: Sequence[Draft], routes: Sequence[Route]) -> Iterator[tuple[int, str]]:
    for seq, draft in enumerate(drafts, first):
        for sink in takers(routes, draft):
            yield seq, sink
