"""What the other sinks are told about a sink that does not get its events. Pure functions."""

from __future__ import annotations

from datetime import datetime, timedelta

from syncd.model import Draft, to_text
from syncd.store.deliveries import SinkRecord

ANNOUNCED_AFTER = timedelta(hours=1)
"""A receiver that is away for longer than this is announced."""


def failed(sink: SinkRecord, reason: str, message: str, now: datetime) -> Draft:
    """``reason``: why the sink gets nothing (backing_off, gone, disabled) or what became of events (dead, expired)."""
    since = sink.away_since or sink.since if reason == "backing_off" else now
    data = {"sink": sink.name, "reason": reason, "since": to_text(since), "message": message}
    return Draft("sink.failed", now, data, sink=sink.name)


def recovered(sink: SinkRecord, now: datetime) -> Draft:
    """The sink gets its events again. ``sink`` is its record before that."""
    since = sink.away_since or sink.failed_said_at or now
    return _recovered(sink, sink.failed_reason or "backing_off", since, now)


def none_dead(sink: SinkRecord, now: datetime) -> Draft:
    """None of the sink's events is dead any more. ``sink`` is its record before that."""
    return _recovered(sink, "dead", sink.dead_said_at or now, now)


def _recovered(sink: SinkRecord, reason: str, since: datetime, now: datetime) -> Draft:
    seconds = max(0, round((now - since).total_seconds()))
    data = {"sink": sink.name, "reason": reason, "since": to_text(since), "duration_seconds": seconds}
    return Draft("sink.recovered", now, data, sink=sink.name)


def is_away_for_long(sink: SinkRecord, now: datetime) -> bool:
    return sink.away_since is not None and now - sink.away_since > ANNOUNCED_AFTER


def must_announce_absence(sink: SinkRecord, now: datetime) -> bool:
    """Whether the sink has been backing off for so long that the others are to be told."""
    return sink.state == "backing_off" and sink.failed_said_at is None and now - sink.since >= ANNOUNCED_AFTER
