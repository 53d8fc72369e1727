"""What was seen of the wall clock: nothing is forgotten for its age while the clock may be wrong.

A look long after the last one (the machine was off, or the clock jumped forward), or in a time before it (the clock was
set back), begins a new span. Only a clock that went on without either for a day is believed about how old things are.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from syncd.config import RetentionConfig
from syncd.model import from_text, to_text
from syncd.store.transaction import Transaction

STEADY_AFTER = timedelta(days=1)
LONGEST_GAP = timedelta(days=2)
"""Between two looks; so a round from cron once a day is enough. A jump by less expires things so much too early."""
PRUNED_EVERY = timedelta(days=1)


class ClockCheck(NamedTuple):
    steady_at: datetime
    """When the clock is believed, if it goes on as it does."""
    pruned_at: datetime | None

    def is_steady(self, now: datetime) -> bool:
        return self.steady_at <= now

    def is_due(self, now: datetime) -> bool:
        """Whether the last pruning was long ago, or in a time that is not yet."""
        return self.pruned_at is None or not now - PRUNED_EVERY < self.pruned_at <= now


async def check_clock(tx: Transaction, retention: RetentionConfig, now: datetime) -> ClockCheck:
    """Note what the clock says now; how far it can be believed."""
    rows = await tx.fetch("SELECT seen_at, steady_since, pruned_at FROM clock")
    seen, since, pruned = (from_text(text) if text else None for text in rows[0]) if rows else (None,) * 3
    gap = min(LONGEST_GAP, retention.events / 2, retention.deliveries / 2, retention.runs / 2)
    if seen is None or since is None or not seen <= now <= seen + gap:
        since = now
    await tx.execute_raw(
        "INSERT INTO clock (id, seen_at, steady_since) VALUES (1, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, steady_since = excluded.steady_since",
        (to_text(now), to_text(since)),
    )
    return ClockCheck(since + STEADY_AFTER, pruned)


async def note_pruned(tx: Transaction, now: datetime) -> None:
    await tx.execute_raw("UPDATE clock SET pruned_at = ?", (to_text(now),))
