"""What the retention lets go, a few rows a transaction, so that syncs and deliveries go on between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

from syncd.config import RetentionConfig
from syncd.model import to_text
from syncd.store.engine import Database, Transaction

AT_ONCE = 500
"""Rows of one transaction."""

KEPT_ABSENT = timedelta(days=1)
"""How long the deliveries of a sink wait that the configuration no longer names."""

_SKIP_ABSENT = (
    "UPDATE deliveries SET state = 'skipped', finished_at = ?1, next_attempt_at = NULL WHERE state = 'pending'"
    " AND sink IN (SELECT name FROM sinks WHERE absent_since <= ?2)"
)
_FORGET_ABSENT = (
    "DELETE FROM sinks WHERE absent_since <= ? AND NOT EXISTS (SELECT 1 FROM deliveries WHERE sink = name)"
)
_EXPIRE = (
    "UPDATE deliveries SET state = 'dead', finished_at = ?1, next_attempt_at = NULL, last_error = ?2"
    " WHERE (event_seq, sink) IN (SELECT d.event_seq, d.sink FROM deliveries AS d JOIN events AS e"
    "  ON e.seq = d.event_seq WHERE d.state = 'pending' AND e.observed_at < ?3 LIMIT ?4)"
)
_FORGET_DELIVERIES = (
    "DELETE FROM deliveries WHERE (event_seq, sink) IN (SELECT event_seq, sink FROM deliveries"
    " WHERE finished_at < ?1 LIMIT ?2)"
)
_SAME_IMAGE = "o.image_id = e.image_id AND o.account = e.account AND o.region = e.region"
_UNFINISHED = "SELECT 1 FROM deliveries WHERE event_seq = {} AND state IN ('pending', 'dead')"
_OLD_EVENTS = (
    "SELECT e.seq FROM events AS e WHERE e.observed_at < ?1 AND e.seq > ?2"
    f" AND NOT EXISTS ({_UNFINISHED.format('e.seq')}) AND (e.image_id IS NULL OR ("
    # What is before it goes too: an image's history loses its beginning, never its middle.
    f" NOT EXISTS (SELECT 1 FROM events AS o WHERE {_SAME_IMAGE} AND o.seq < e.seq"
    f"  AND (o.observed_at >= ?1 OR EXISTS ({_UNFINISHED.format('o.seq')})))"
    # And a live row is told by its last event.
    f" AND (EXISTS (SELECT 1 FROM events AS o WHERE {_SAME_IMAGE} AND o.seq > e.seq)"
    "  OR NOT EXISTS (SELECT 1 FROM all_images AS r WHERE r.account = e.account AND r.region = e.region"
    "   AND r.image_id = e.image_id AND r.revoked_at IS NULL)))) ORDER BY e.seq LIMIT ?3"
)


async def prune(db: Database, retention: RetentionConfig, now: datetime) -> Mapping[str, int]:
    """Forget what is too old; how many ``events`` and ``deliveries`` went, and how many became ``dead`` or ``skipped``.

    An event goes with its finished deliveries, but not before one that is ``dead`` is forgotten for its own age.
    """
    async with db.write() as tx:
        skipped = await tx.execute_raw(_SKIP_ABSENT, (to_text(now), to_text(now - KEPT_ABSENT)))
    dead = await _repeat(db, lambda tx: _expire(tx, now, retention.events))
    deliveries = await _repeat(
        db, lambda tx: tx.execute_raw(_FORGET_DELIVERIES, (to_text(now - retention.deliveries), AT_ONCE))
    )
    events = await _forget_events(db, now - retention.events)
    async with db.write() as tx:
        await tx.execute_raw(_FORGET_ABSENT, (to_text(now - KEPT_ABSENT),))
    return {"events": events, "deliveries": deliveries, "dead": dead, "skipped": skipped}


async def _expire(tx: Transaction, now: datetime, kept: timedelta) -> int:
    why = f"not delivered within {kept.days} days, the retention of events"
    return await tx.execute_raw(_EXPIRE, (to_text(now), why, to_text(now - kept), AT_ONCE))


async def _forget_events(db: Database, before: datetime) -> int:
    last, count = 0, 0
    while True:
        async with db.write() as tx:
            rows = await tx.fetch(_OLD_EVENTS, (to_text(before), last, AT_ONCE))
            await tx.executemany("DELETE FROM deliveries WHERE event_seq = ?", rows)
            await tx.executemany("DELETE FROM events WHERE seq = ?", rows)
        count += len(rows)
        if len(rows) < AT_ONCE:
            return count
        last = rows[-1][0]


async def _repeat(db: Database, step: Callable[[Transaction], Awaitable[int]]) -> int:
    count = 0
    while True:
        async with db.write() as tx:
            changed = await step(tx)
        count += changed
        if changed < AT_ONCE:
            return count
