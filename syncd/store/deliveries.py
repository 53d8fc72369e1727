"""The dispatcher's half of the outbox: what waits for each sink, what became of it, and the state of the sink."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any, Literal, NamedTuple

from syncd.errors import UsageError
from syncd.model import Draft, Route, SinkFilter, from_text, to_text
from syncd.store.engine import Database
from syncd.store.routing import wants
from syncd.store.transaction import Transaction

SinkStatus = Literal["ok", "backing_off", "disabled"]

EVENTS_PER_TRANSACTION = 500
"""How many events one transaction of a replay looks at."""

_OF_SINK = (
    "state", "since", "next_attempt_at", "last_error", "failures", "failed_said_at", "failed_reason", "away_since",
    "dead_said_at", "tried_at",
)  # fmt: skip

# One statement for all: with `executemany` each row would contend with the event loop for the interpreter.
_DELIVERED = (
    "UPDATE deliveries SET state = 'delivered', attempts = attempts + 1, next_attempt_at = NULL, last_error = NULL,"
    " finished_at = ? WHERE sink = ? AND state = 'pending' AND event_seq IN (SELECT value FROM json_each(?))"
)
_SETTLED = (
    "UPDATE deliveries SET state = ?, attempts = ?, next_attempt_at = ?, last_error = ?, finished_at = ?, strikes = ?,"
    " tried_at = ? WHERE event_seq = ? AND sink = ? AND state = 'pending'"
)
_START_OVER = (
    "UPDATE deliveries SET attempts = 0, strikes = 0, next_attempt_at = NULL"
    " WHERE sink = ? AND state = 'pending' AND (attempts > 0 OR strikes > 0 OR next_attempt_at IS NOT NULL)"
)
_OF_KEY_BEFORE = (
    " AND event_seq < ? AND EXISTS (SELECT 1 FROM events"
    " WHERE seq = event_seq AND account IS ? AND image_id IS ?)"
)
_PROBE_NOW = "UPDATE sinks SET next_attempt_at = NULL WHERE name = ? AND state = 'backing_off'"


class Pending(NamedTuple):
    seq: int
    key: str
    """Events with the same key are delivered in order: those of an account's image, of an account, of the sinks."""
    attempts: int
    """How often the receiver refused it."""
    due: datetime | None
    """When it is tried again, if it has a schedule of its own."""
    strikes: int
    """How often it failed through the receiver's fault while other events were delivered."""
    tried_at: datetime | None
    """When it last failed through the receiver's fault."""


class DeliveryOutcome(NamedTuple):
    """What became of one event. A pending one is tried again, at ``due`` if it has a schedule of its own."""

    seq: int
    state: Literal["pending", "delivered", "dead"]
    attempts: int = 0
    due: datetime | None = None
    error: str | None = None
    strikes: int = 0
    tried_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SinkRecord:
    name: str
    state: SinkStatus
    since: datetime
    next_attempt_at: datetime | None = None
    last_error: str | None = None
    failures: int = 0
    failed_said_at: datetime | None = None
    """When it was announced that the sink gets nothing; None while it gets something."""
    failed_reason: str | None = None
    away_since: datetime | None = None
    """Since when the receiver has taken nothing; None after its next success."""
    dead_said_at: datetime | None = None
    """When it was announced that an event is dead; None while no event is dead."""
    tried_at: datetime | None = None
    """When ``next_attempt_at`` was set."""


async def pending(tx: Transaction, sink: str, after: int, limit: int) -> list[Pending]:
    """The events that wait for the sink and have numbers above ``after``, in order."""
    rows = await tx.fetch(
        "SELECT d.event_seq, e.account, e.image_id, d.attempts, d.next_attempt_at, d.strikes, d.tried_at"
        " FROM deliveries d INDEXED BY deliveries_pending JOIN events e ON e.seq = d.event_seq"
        " WHERE d.sink = ? AND d.state = 'pending' AND d.event_seq > ? ORDER BY d.event_seq LIMIT ?",
        (sink, after, limit),
    )
    return [
        Pending(seq, f"{account or ''}\n{image_id or ''}", attempts, _moment(due), strikes, _moment(tried_at))
        for seq, account, image_id, attempts, due, strikes, tried_at in rows
    ]


async def bodies(tx: Transaction, seqs: Sequence[int]) -> dict[int, tuple[str, bytes]]:
    """The number of each event → its id, and the exact bytes to send."""
    rows = await tx.fetch(
        "SELECT seq, id, body FROM events WHERE seq IN (SELECT value FROM json_each(?))",
        (json.dumps(list(seqs)),),
    )
    return {row[0]: (row[1], row[2].encode()) for row in rows}


async def settle(tx: Transaction, sink: str, outcomes: Sequence[DeliveryOutcome], now: datetime) -> None:
    """Write down what became of events.

    A delivery that is no longer pending stays as it is: a command or a prune came first.
    """
    delivered = [outcome.seq for outcome in outcomes if outcome.state == "delivered"]
    await tx.execute_raw(_DELIVERED, (to_text(now), sink, json.dumps(delivered)))
    await tx.executemany(
        _SETTLED, (_settled(outcome, sink, now) for outcome in outcomes if outcome.state != "delivered")
    )


def _settled(outcome: DeliveryOutcome, sink: str, now: datetime) -> tuple[Any, ...]:
    finished_at = None if outcome.state == "pending" else to_text(now)
    return (
        outcome.state, outcome.attempts, _text(outcome.due), outcome.error, finished_at, outcome.strikes,
        _text(outcome.tried_at), outcome.seq, sink,
    )  # fmt: skip


async def read_sink(tx: Transaction, name: str) -> SinkRecord | None:
    rows = await tx.fetch(f"SELECT {', '.join(_OF_SINK)} FROM sinks WHERE name = ?", (name,))
    if not rows:
        return None
    state, since, due, error, failures, said, reason, away, dead, tried = rows[0]
    return SinkRecord(
        name, state, from_text(since), _moment(due), error, failures, _moment(said), reason, _moment(away),
        _moment(dead), _moment(tried),
    )  # fmt: skip


async def save_sink(tx: Transaction, record: SinkRecord) -> None:
    await tx.execute_raw(
        f"INSERT INTO sinks (name, {', '.join(_OF_SINK)}) VALUES ({', '.join('?' * (1 + len(_OF_SINK)))})"
        f" ON CONFLICT (name) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _OF_SINK)}",
        (
            record.name,
            record.state,
            to_text(record.since),
            _text(record.next_attempt_at),
            record.last_error,
            record.failures,
            _text(record.failed_said_at),
            record.failed_reason,
            _text(record.away_since),
            _text(record.dead_said_at),
            _text(record.tried_at),
        ),
    )


async def has_dead(tx: Transaction, sink: str) -> bool:
    rows = await tx.fetch(
        "SELECT EXISTS (SELECT 1 FROM deliveries INDEXED BY deliveries_by_sink WHERE sink = ? AND state = 'dead')",
        (sink,),
    )
    return bool(rows[0][0])


async def start_over(tx: Transaction, sink: str) -> None:
    """Try at once what was refused, as if it never had been, and a receiver that is away."""
    await tx.execute_raw(_START_OVER, (sink,))
    await tx.execute_raw(_PROBE_NOW, (sink,))


async def reconcile(tx: Transaction, configured: Mapping[str, str | None], now: datetime) -> None:
    """Follow the configuration: add new sinks, and note since when others are no longer configured.

    ``configured`` maps each name to a digest of its settings. What a sink refused under other settings is tried again
    at once.
    """
    rows = await tx.fetch("SELECT name, absent_since, settings_digest FROM sinks")
    known = {name: (absent, digest) for name, absent, digest in rows}
    for name, digest in configured.items():
        absent, before = known.get(name, (None, None))
        if name not in known:
            await save_sink(tx, SinkRecord(name, "ok", now))
        if absent is not None:
            await tx.execute_raw("UPDATE sinks SET absent_since = NULL WHERE name = ?", (name,))
        if digest is not None and digest != before:
            await tx.execute_raw("UPDATE sinks SET settings_digest = ? WHERE name = ?", (digest, name))
        if digest is not None and before is not None and digest != before:
            await start_over(tx, name)
    for name in known.keys() - configured.keys():
        absent, _ = known[name]
        if absent is None or from_text(absent) > now:
            await tx.execute_raw("UPDATE sinks SET absent_since = ? WHERE name = ?", (to_text(now), name))


async def replay(
    db: Database,
    route: Route,
    *,
    since_seq: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    event_id: str | None = None,
    dead: bool = False,
) -> int:
    """Make deliveries pending again, also ones that never were but that the sink's filter wants; how many.

    A single event, named by its id, is sent whatever the filter says, even if it waits to be tried again; and earlier
    events of the same image that wait are tried before it. With ``dead`` only what was given up is sent. A receiver
    that is away is tried at once. Raises UsageError if there is no event with the id.
    """
    condition, params = _condition(since_seq, since, until, event_id)
    count, after = 0, 0
    while True:
        async with db.write() as tx:
            rows = await tx.fetch(
                "SELECT e.seq, e.type, e.account, e.region, e.image_id, e.scope, e.baseline, e.body, d.state"
                " FROM events e LEFT JOIN deliveries d ON d.event_seq = e.seq AND d.sink = ?"
                f" WHERE e.seq > ? AND {condition} ORDER BY e.seq LIMIT {EVENTS_PER_TRANSACTION}",
                (route.sink, after, *params),
            )
            if not rows:
                if event_id is not None and not after:
                    raise UsageError(
                        f"there is no event {event_id}", "`syncd events --format json` shows the ids"
                    )
                return count
            after = rows[-1][0]
            await tx.execute_raw(_PROBE_NOW, (route.sink,))
            if event_id is not None:
                seq, _, account, _, image_id, *_ = rows[0]
                await tx.execute_raw(_START_OVER + _OF_KEY_BEFORE, (route.sink, seq, account, image_id))
            chosen = [row[0] for row in rows if _replayed(row, route, dead, event_id)]
            await tx.executemany(
                "INSERT INTO deliveries (event_seq, sink) VALUES (?, ?) ON CONFLICT (event_seq, sink) DO UPDATE SET"
                " state = 'pending', attempts = 0, next_attempt_at = NULL, last_error = NULL, finished_at = NULL,"
                " strikes = 0, tried_at = NULL",
                [(seq, route.sink) for seq in chosen],
            )
            count += len(chosen)


def _condition(
    since_seq: int | None, since: datetime | None, until: datetime | None, event_id: str | None
) -> tuple[str, list[Any]]:
    conditions: list[str] = ["1"]
    params: list[Any] = []
    for condition, value in (
        ("e.seq >= ?", since_seq),
        ("e.observed_at >= ?", since and to_text(since)),
        ("e.observed_at < ?", until and to_text(until)),
        ("e.id = ?", event_id),
    ):
        if value is not None:
            conditions.append(condition)
            params.append(value)
    return " AND ".join(conditions), params


def _replayed(row: Sequence[Any], route: Route, dead: bool, event_id: str | None) -> bool:
    state = row[8]
    if dead:
        return bool(state == "dead")
    if event_id is not None:
        return True
    if state is not None:
        return bool(state != "pending")
    return wants_stored(route.wants, row)


def wants_stored(sink_filter: SinkFilter, row: Sequence[Any]) -> bool:
    """`routing.wants` for a stored event: seq, type, account, region, image_id, scope, baseline, body."""
    data = json.loads(row[7])["data"]
    versions = [data.get(part) or {} for part in ("image", "previous")]
    names, *owners = (
        [version.get(key) for version in versions] for key in ("name", "owner_id", "owner_name")
    )
    draft = Draft(
        type=row[1],
        time=datetime.min,  # noqa: DTZ901  # no filter looks at the time
        data=data,
        account=row[2],
        region=row[3],
        image_id=row[4],
        scope=row[5],
        baseline=bool(row[6]),
        names=tuple(filter(None, names)),
        owners=tuple(filter(None, chain(*owners))),
        regions=tuple(data.get("regions") or ()),
    )
    return wants(sink_filter, draft) and data.get("sink") is None


def _moment(text: str | None) -> datetime | None:
    return from_text(text) if text else None


def _text(moment: datetime | None) -> str | None:
    return to_text(moment) if moment else None
