"""Checks that syncs run as often as the configuration promises: a line of cron may start them more rarely."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median_high
from typing import TYPE_CHECKING

from syncd.cli.doctor_checks.finding import Finding, ok, warning
from syncd.model import from_text

if TYPE_CHECKING:
    from syncd.config import Config
    from syncd.store.queries import RunRow

RUN_ROWS = 20
"""How many of the newest rows of `runs` are looked at for each target; one row may stand for many runs."""
MIN_GAPS = 3
"""With fewer gaps between runs than that, nothing is said about how often they run."""
MAX_INTERVALS = 2
"""Runs that are further apart than so many planned intervals are too rare."""


def check_sync_interval(config: Config, now: datetime) -> Iterator[Finding]:
    """Look at the target that is synced most rarely. While a daemon runs, it keeps the interval itself."""
    from syncd.errors import DatabaseError
    from syncd.schedule import interval_around
    from syncd.store.lock import holder
    from syncd.store.queries import Reader, runs, targets

    try:
        lock_holder = holder(config.database.path)
        if lock_holder is not None and lock_holder.kind == "daemon":
            return
        with Reader.open(config.database.path) as reader:
            runs_by_target = [
                runs(reader, target.account, target.region, limit=RUN_ROWS)
                for target in targets(reader)
                if target.active
            ]
    except DatabaseError:
        return
    gaps = [gap for gap in map(typical_gap, runs_by_target) if gap is not None]
    if gaps:
        yield compare(max(gaps), interval_around(config.schedule, now))


def compare(gap: timedelta, interval: timedelta) -> Finding:
    from syncd.sync.pace import fresh_for

    actual = f"a sync runs every {_spoken(gap)}"
    if gap <= MAX_INTERVALS * interval:
        return ok("sync interval", f"{actual}, as [schedule] asks for")
    stale = "; regions count as stale in between" if gap > fresh_for(interval) else ""
    return warning(
        "sync interval",
        f"{actual}, but [schedule] promises one every {_spoken(interval)}{stale}",
        f'set [schedule] interval = "{_as_setting(gap)}", or cron to the line that starts `syncd sync`',
    )


def typical_gap(rows: Sequence[RunRow]) -> timedelta | None:
    """The median time between two runs of a target; None if there were few. ``rows`` come oldest first."""
    gaps = [gap for row in rows for gap in _gaps_within(row)]
    gaps += [from_text(later.started_at) - from_text(row.finished_at) for row, later in pairwise(rows)]
    return median_high(gaps) if len(gaps) >= MIN_GAPS else None


def _gaps_within(row: RunRow) -> list[timedelta]:
    """A row stands for ``count`` runs; more than a few equal gaps would say nothing new."""
    count = row.count - 1
    if count < 1:
        return []
    return [(from_text(row.finished_at) - from_text(row.started_at)) / count] * min(count, RUN_ROWS)


def _spoken(span: timedelta) -> str:
    from syncd.cli.times import spoken_duration

    return spoken_duration(span.total_seconds())


def _as_setting(span: timedelta) -> str:
    minutes = max(1, round(span.total_seconds() / 60))
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"
