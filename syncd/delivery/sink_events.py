"""What the other sinks are told about one that does not get its events: pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from syncd.model import Draft, to_text
from syncd.store.deliveries import SinkRecord

SAID_AFTER = timedelta(hours=1)
"""A receiver that is away for longer is announced."""


def failed(sink: SinkRecord, reason: str, message: str, now: datetime) -> Draft:
    """``reason``: why it gets nothing (backing_off, gone, disabled), or what became of events (dead, expired)."""
    since = sink.away_since or sink.since if reason == "backing_off" else now
    data = {"sink": sink.name, "reason": reason, "since": to_text(since), "message": message}
    return Draft("sink.failed", now, data, sink=sink.name)


def recovered(sink: SinkRecord, now: datetime) -> Draft:
    """It gets its events again; ``sink`` as it was before."""
    since = sink.away_since or sink.failed_said_at or now
    return _recovered(sink, sink.failed_reason or "backing_off", since, now)


def none_dead(sink: SinkRecord, now: datetime) -> Draft:
    """None of its events is dead any more; ``sink`` as it was before."""
    return _recovered(sink, "dead", sink.dead_said_at or now, now)


def _recovered(sink: SinkRecord, reason: str, since: datetime, now: datetime) -> Draft:
    seconds = max(0, round((now - since).total_seconds()))
    data = {"sink": sink.name, "reason": reason, "since": to_text(since), "duration_seconds": seconds}
    return Draft("sink.recovered", now, data, sink=sink.name)


def away_for_long(sink: SinkRecord, now: datetime) -> bool:
    return sink.away_since is not None and now - sink.away_since > SAID_AFTER


def must_say_away(sink: SinkRecord, now: datetime) -> bool:
    """Whether it backs off for so long that it is announced."""
    return sink.state == "backing_off" and sink.failed_said_at is None and now - sink.since >= SAID_AFTER
