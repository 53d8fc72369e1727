"""The outbox: gives events their number, id and exact bytes, and a delivery for each sink that wants them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from syncd.model import Draft, Image, Route, to_text
from syncd.store.envelope import body, new_id
from syncd.store.routing import sinks_for
from syncd.store.transaction import Transaction

__all__ = ["append", "body", "images_told", "new_id"]

_EVENT = (
    "INSERT INTO events (seq, id, type, account, region, image_id, observed_at, scope, baseline, run_id, body)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
EVENTS_LOOKED_AT = 100
"""How far back `images_told` goes."""


class _Data(msgspec.Struct):
    image: Image


class _Body(msgspec.Struct):
    data: _Data


_body = msgspec.json.Decoder(_Body).decode
_DELIVERY = "INSERT INTO deliveries (event_seq, sink) VALUES (?, ?)"


async def append(
    tx: Transaction, drafts: Sequence[Draft], routes: Sequence[Route], *, run_id: int | None = None
) -> list[int]:
    """Record the events in this order and return their numbers, which have no gaps and are never given again."""
    if not drafts:
        return []
    tx.require_durable()
    rows = await tx.fetch("SELECT seq FROM sqlite_sequence WHERE name = 'events'")
    first = (rows[0][0] if rows else 0) + 1
    await tx.executemany(_EVENT, (_row(seq, draft, run_id) for seq, draft in enumerate(drafts, first)))
    await tx.executemany(_DELIVERY, _deliveries(first, drafts, routes))
    return list(range(first, first + len(drafts)))


async def images_told(tx: Transaction, account: str, image_id: str) -> list[Image]:
    """The images of the account's events about one image, the newest first."""
    rows = await tx.fetch(
        "SELECT body FROM events INDEXED BY events_by_image WHERE image_id = ? AND account = ?"
        " AND type LIKE 'image.%' ORDER BY seq DESC LIMIT ?",
        (image_id, account, EVENTS_LOOKED_AT),
    )
    return [_body(body.encode()).data.image for (body,) in rows]


def _row(seq: int, draft: Draft, run_id: int | None) -> tuple[Any, ...]:
    event_id = new_id(draft.time)
    return (
        seq, event_id, draft.type, draft.account, draft.region, draft.image_id, to_text(draft.time),
        draft.scope, int(draft.baseline), run_id, body(seq, event_id, draft).decode(),
    )  # fmt: skip


def _deliveries(first: int, drafts: Sequence[Draft], routes: Sequence[Route]) -> Iterator[tuple[int, str]]:
    for seq, draft in enumerate(drafts, first):
        for sink in sinks_for(routes, draft):
            yield seq, sink
