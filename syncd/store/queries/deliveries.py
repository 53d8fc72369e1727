"""Sinks with their backlog, and the deliveries of events to them."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any, get_args

from syncd.store.queries.reader import Reader
from syncd.store.queries.row_types import DeliveryRow, DeliveryState, SinkRow

_OF_SINK = "FROM deliveries WHERE sink = name AND state"
_REFUSED = (
    "FROM deliveries INDEXED BY deliveries_refused WHERE sink = name AND state = 'pending' AND attempts > 0"
)
_SINKS = f"""
SELECT name, state, since, next_attempt_at, last_error, failures, absent_since,
  (SELECT COUNT(*) {_OF_SINK} = 'pending'), oldest, (SELECT observed_at FROM events WHERE seq = oldest),
  (SELECT COUNT(*) {_OF_SINK} = 'dead'),
  (SELECT COUNT(*) {_REFUSED}), (SELECT observed_at FROM events WHERE seq = oldest_refused),
  (SELECT last_error FROM deliveries WHERE sink = name AND event_seq = COALESCE(newest_refused, newest_dead)),
  failed_said_at, failed_reason, dead_said_at
FROM (
  SELECT *, (SELECT MIN(event_seq) {_OF_SINK} = 'pending') AS oldest,
    (SELECT MIN(event_seq) {_REFUSED}) AS oldest_refused, (SELECT MAX(event_seq) {_REFUSED}) AS newest_refused,
    (SELECT MAX(event_seq) {_OF_SINK} = 'dead') AS newest_dead
  FROM sinks
) ORDER BY name
"""


def sinks(reader: Reader) -> list[SinkRow]:
    """All sinks with their backlog, in the order of their names."""
    rows = reader.all(_SINKS)
    return [SinkRow(*row) for row in rows]


def deliveries(
    reader: Reader, sink: str | None = None, state: DeliveryState | None = None, limit: int | None = None
) -> Iterator[DeliveryRow]:
    """The newest ``limit`` deliveries asked for, or all of them; in the order of their events."""
    if limit is None:
        return _deliveries(
            reader, "(?1 IS NULL OR d.sink = ?1) AND (?2 IS NULL OR d.state = ?2)", (sink, state)
        )
    keys = islice(_newest_deliveries(reader, sink, state, limit), limit)
    return chain.from_iterable(
        _deliveries(reader, "d.event_seq = ? AND d.sink = ?", key) for key in reversed(list(keys))
    )


def count_deliveries(reader: Reader, sink: str | None = None, state: DeliveryState | None = None) -> int:
    """How many rows `deliveries` has without a limit."""
    where = "(?1 IS NULL OR sink = ?1) AND (?2 IS NULL OR state = ?2)"
    return int(reader.value(f"SELECT COUNT(*) FROM deliveries WHERE {where}", (sink, state)))


def _deliveries(reader: Reader, where: str, values: Sequence[Any]) -> Iterator[DeliveryRow]:
    for row in reader.rows(
        "SELECT d.event_seq, d.sink, d.state, d.attempts, d.next_attempt_at, d.last_error, d.finished_at, e.id,"
        " e.type, e.account, e.region, e.image_id, e.observed_at"
        f" FROM deliveries AS d LEFT JOIN events AS e ON e.seq = d.event_seq WHERE {where} ORDER BY d.event_seq",
        values,
    ):
        yield DeliveryRow(*row)


def _newest_deliveries(
    reader: Reader, sink: str | None, state: DeliveryState | None, limit: int
) -> Iterator[tuple[Any, ...]]:
    """(event, sink), the newest first.

    Each sink and state is read along its own part of the index, so that a rare state is found at once.
    """
    if sink is None and state is None:
        return reader.rows(
            "SELECT event_seq, sink FROM deliveries ORDER BY event_seq DESC, sink DESC LIMIT ?", (limit,)
        )
    names = [sink] if sink is not None else [name for (name,) in reader.all("SELECT name FROM sinks")]
    states = [state] if state is not None else get_args(DeliveryState)
    return heapq.merge(
        *(
            reader.rows(
                "SELECT event_seq, sink FROM deliveries INDEXED BY deliveries_by_sink"
                " WHERE sink = ? AND state = ? ORDER BY event_seq DESC LIMIT ?",
                (name, delivery_state, limit),
            )
            for name in names
            for delivery_state in states
        ),
        reverse=True,
    )
