"""Deletes what the retention no longer keeps, a few rows in each transaction, so that syncs and deliveries go on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from syncd.config import RetentionConfig
from syncd.model import to_text
from syncd.store.engine import Database
from syncd.store.transaction import Transaction

ROWS_PER_TRANSACTION = 500
"""How many rows one transaction looks at, or deletes."""

KEPT_ABSENT = timedelta(days=1)
"""How long the deliveries of a sink still wait after the configuration stopped naming it."""

EXPIRED = "not delivered for as long as events are kept"

Announce = Callable[[Transaction, Mapping[str, int], str], Awaitable[object]]
"""Is called with how many events of each sink are about to be given up, and why."""

# In all statements below, a subquery with LIMIT chooses the rows of one transaction.
_SKIP_ABSENT = (
    "UPDATE deliveries SET state = 'skipped', finished_at = ?1, next_attempt_at = NULL, last_error = 'the sink is gone'"
    " WHERE (event_seq, sink) IN (SELECT event_seq, sink FROM deliveries WHERE state = 'pending'"
    "  AND sink IN (SELECT name FROM sinks WHERE absent_since <= ?2) LIMIT ?3)"
)
_FORGET_ABSENT = (
    # The sink's own row goes last: until then it says whose deliveries these are.
    "DELETE FROM sinks WHERE absent_since <= ? AND NOT EXISTS (SELECT 1 FROM deliveries WHERE sink = name)"
)
_EXPIRE = (
    "UPDATE deliveries SET state = 'dead', finished_at = ?1, next_attempt_at = NULL, last_error = ?2"
    # Old by its time, and by its number too (?4, see _LAST_OLD): a clock that was set back may have given a new
    # event an old time.
    " WHERE (event_seq, sink) IN (SELECT d.event_seq, d.sink FROM deliveries AS d JOIN events AS e"
    "  ON e.seq = d.event_seq WHERE d.state = 'pending' AND d.event_seq <= ?4 AND e.observed_at < ?3 LIMIT ?5)"
)
_EXPIRING = (
    "SELECT d.sink, COUNT(*) FROM deliveries AS d JOIN events AS e ON e.seq = d.event_seq"
    " WHERE d.state = 'pending' AND d.event_seq <= ?2 AND e.observed_at < ?1 GROUP BY d.sink"
)
# A clock that ran ahead noted times that are still to come. They would keep their rows for far too long.
_FINISHED_LATER = "UPDATE deliveries SET finished_at = ?1 WHERE finished_at > ?1"
_FORGET_DELIVERIES = (
    "DELETE FROM deliveries WHERE (event_seq, sink) IN (SELECT event_seq, sink FROM deliveries"
    " WHERE finished_at < ?1 LIMIT ?2)"
)
_SAME_IMAGE = "o.image_id = e.image_id AND o.account = e.account AND o.region = e.region"
_UNFINISHED = "SELECT 1 FROM deliveries WHERE event_seq = {} AND state IN ('pending', 'dead')"
_LAST_OLD = (
    # The number of the last event that may be deleted: the one before the first event that is young enough to stay.
    # Times beyond now (?2) come from a clock that ran ahead and say nothing. If every event is old, the last one.
    "SELECT COALESCE((SELECT seq - 1 FROM events INDEXED BY events_by_time"
    "  WHERE observed_at >= ?1 AND observed_at <= ?2 ORDER BY observed_at, seq LIMIT 1),"
    " (SELECT MAX(seq) FROM events INDEXED BY events_by_time WHERE observed_at < ?1))"
)
_MAY_GO = (
    # Each of its deliveries is done with; one that is dead stays so long that it can be replayed.
    f"NOT EXISTS ({_UNFINISHED.format('e.seq')}) AND (e.image_id IS NULL OR ("
    # All events of the image before it can go too: a history loses its beginning, never its middle.
    f" NOT EXISTS (SELECT 1 FROM events AS o WHERE {_SAME_IMAGE} AND o.seq < e.seq"
    f"  AND (o.observed_at >= ?1 OR EXISTS ({_UNFINISHED.format('o.seq')})))"
    # The last event of an image is deleted only once the image is gone: the events always give the live rows.
    f" AND (EXISTS (SELECT 1 FROM events AS o WHERE {_SAME_IMAGE} AND o.seq > e.seq)"
    "  OR NOT EXISTS (SELECT 1 FROM all_images AS r WHERE r.account = e.account AND r.region = e.region"
    "   AND r.image_id = e.image_id AND r.revoked_at IS NULL))))"
)
_OLD_EVENTS = (
    # NOT INDEXED: the events are read in the order of their numbers, which is the order in which they may go.
    f"SELECT e.seq, {_MAY_GO} FROM (SELECT seq, account, region, image_id FROM events NOT INDEXED"
    "  WHERE observed_at < ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq LIMIT ?4) AS e ORDER BY e.seq"
)


async def _unannounced(_: Transaction, __: Mapping[str, int], ___: str) -> None:
    """For tests, and for callers that have no sinks to tell."""


async def prune(
    db: Database, retention: RetentionConfig, now: datetime, announce: Announce = _unannounced
) -> Mapping[str, int]:
    """Delete what is too old.

    Returns how many ``events`` and ``deliveries`` were deleted, and how many deliveries became ``dead`` or ``skipped``.
    An event is deleted together with its finished deliveries, but not while one of them is ``dead``: such a delivery
    is first deleted for its own age. An event with a higher number than the oldest one that stays is younger than
    that one, whatever its time says: the clock was behind when it was written.
    """
    absent, before = to_text(now - KEPT_ABSENT), to_text(now - retention.events)
    async with db.read() as tx:
        ((end,),) = await tx.fetch(_LAST_OLD, (before, to_text(now)))
    skipped = await _repeat(db, _SKIP_ABSENT, (to_text(now), absent, ROWS_PER_TRANSACTION))
    async with db.write() as tx:
        if expiring := dict(await tx.fetch(_EXPIRING, (before, end))):
            await announce(tx, expiring, EXPIRED)
        await tx.execute_raw(_FINISHED_LATER, (to_text(now),))
    dead = await _repeat(db, _EXPIRE, (to_text(now), EXPIRED, before, end, ROWS_PER_TRANSACTION))
    deliveries = await _repeat(
        db, _FORGET_DELIVERIES, (to_text(now - retention.deliveries), ROWS_PER_TRANSACTION)
    )
    events = await _forget_events(db, before, end or 0)
    async with db.write() as tx:
        await tx.execute_raw(_FORGET_ABSENT, (absent,))
    return {"events": events, "deliveries": deliveries, "dead": dead, "skipped": skipped}


async def _forget_events(db: Database, before: str, end: int) -> int:
    """Delete old events in the order of their numbers: wherever this is interrupted, what is left is consistent."""
    looked_at, count = 0, 0
    while looked_at < end:
        async with db.write() as tx:
            rows = await tx.fetch(_OLD_EVENTS, (before, looked_at, end, ROWS_PER_TRANSACTION))
            gone = [(seq,) for seq, may_go in rows if may_go]
            await tx.executemany("DELETE FROM deliveries WHERE event_seq = ?", gone)
            await tx.executemany("DELETE FROM events WHERE seq = ?", gone)
        count += len(gone)
        looked_at = rows[-1][0] if rows else end
    return count


async def _repeat(db: Database, sql: str, params: Sequence[Any]) -> int:
    """Repeat the statement until it changes fewer than `ROWS_PER_TRANSACTION` rows; how many it changed in all."""
    count = 0
    while True:
        async with db.write() as tx:
            changed = await tx.execute_raw(sql, params)
        count += changed
        if changed < ROWS_PER_TRANSACTION:
            return count
