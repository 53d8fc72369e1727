"""Whether the wall clock can be believed: nothing is deleted for its age while the clock may be wrong.

syncd looks at the clock now and then. A look long after the last one (the machine was off, or the clock jumped forward)
or before it (the clock was set back) begins a new span. Only when a span has lasted for a day is the clock believed
about how old things are.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from syncd.config import RetentionConfig
from syncd.model import from_text, to_text
from syncd.store.transaction import Transaction

STEADY_AFTER = timedelta(days=1)
LONGEST_GAP = timedelta(days=2)
"""The longest time between two looks of one span, so that a round from cron once a day is enough.

A smaller jump of the clock is not noticed: things are then deleted too early by that much.
"""
PRUNED_EVERY = timedelta(days=1)


class ClockCheck(NamedTuple):
    steady_at: datetime
    """From when on the clock is believed, if nothing happens to it."""
    pruned_at: datetime | None

    def is_steady(self, now: datetime) -> bool:
        return self.steady_at <= now

    def is_due(self, now: datetime) -> bool:
        """Whether the last pruning was long ago, or noted at a time that is still to come."""
        return self.pruned_at is None or not now - PRUNED_EVERY < self.pruned_at <= now


async def check_clock(tx: Transaction, retention: RetentionConfig, now: datetime) -> ClockCheck:
    """Note what the clock says now, and return how far it can be believed."""
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
