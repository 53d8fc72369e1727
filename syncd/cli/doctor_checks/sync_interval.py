"""How often syncs run, against the interval that the configuration promises: a cron line may run them more rarely."""

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

ROWS = 20
"""The newest rows of the ledger that are looked at for each target; one row may stand for many runs."""
ENOUGH = 3
"""Gaps between runs, to speak of a rhythm."""
TOO_RARE = 2
"""Intervals between two runs."""


def of_rhythm(config: Config, now: datetime) -> Iterator[Finding]:
    """Of the target that is synced most rarely. Nothing is said while a daemon runs: it keeps the interval itself."""
    from syncd.errors import DatabaseError
    from syncd.schedule import interval_around
    from syncd.store.lock import holder
    from syncd.store.queries import Reader, runs, targets

    try:
        found = holder(config.database.path)
        if found is not None and found.kind == "daemon":
            return
        with Reader.open(config.database.path) as reader:
            rows = [
                runs(reader, one.account, one.region, limit=ROWS) for one in targets(reader) if one.active
            ]
    except DatabaseError:
        return
    rhythms = [rhythm for rhythm in map(rhythm_of, rows) if rhythm is not None]
    if rhythms:
        yield of_gap(max(rhythms), interval_around(config.schedule, now))


def of_gap(gap: timedelta, interval: timedelta) -> Finding:
    from syncd.sync.pace import fresh_for

    said = f"a sync runs every {_spoken(gap)}"
    if gap <= TOO_RARE * interval:
        return ok("rhythm", f"{said}, as [schedule] asks for")
    stale = "; regions count as stale in between" if gap > fresh_for(interval) else ""
    return warning(
        "rhythm",
        f"{said}, but [schedule] promises one every {_spoken(interval)}{stale}",
        f'set [schedule] interval = "{_setting(gap)}", or cron to the line that starts `syncd sync`',
    )


def rhythm_of(rows: Sequence[RunRow]) -> timedelta | None:
    """The median of the time between two runs of a target; ``rows`` are oldest first. None where runs are few."""
    gaps = [gap for row in rows for gap in _within(row)]
    gaps += [from_text(later.started_at) - from_text(row.finished_at) for row, later in pairwise(rows)]
    return median_high(gaps) if len(gaps) >= ENOUGH else None


def _within(row: RunRow) -> list[timedelta]:
    """A row stands for its ``count`` runs; more than a few of them say nothing new."""
    gaps = row.count - 1
    if gaps < 1:
        return []
    return [(from_text(row.finished_at) - from_text(row.started_at)) / gaps] * min(gaps, ROWS)


def _spoken(span: timedelta) -> str:
    from syncd.cli.times import spoken

    return spoken(span.total_seconds())


def _setting(span: timedelta) -> str:
    minutes = max(1, round(span.total_seconds() / 60))
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"
