"""What the syncs of one process remember of each target besides the database: a new process begins without it."""

from __future__ import annotations

from datetime import datetime, timedelta

from syncd.model import Target
from syncd.store.records import TargetState
from syncd.sync.decision import Decision, Reading
from syncd.sync.guard import observed

FOUND_LATELY = 600.0
"""Seconds after which an image that a lookup found, and the list still lacks, is looked up again."""


class Memory:
    def __init__(self) -> None:
        self._complete_at: dict[Target, float] = {}
        """When each target's last complete sync began, by the monotonic clock."""
        self._found: dict[Target, dict[str, float]] = {}
        """Rows that lists lack and their last lookup found: when that was, by the monotonic clock."""

    def observed(
        self, state: TargetState, started: datetime, monotonic: float, interval: timedelta
    ) -> timedelta:
        """Of the time since the target's last complete sync, what counts as watched (`guard.observed`)."""
        seen = self._complete_at.get(state.target)
        elapsed = None if seen is None else timedelta(seconds=monotonic - seen)
        return observed(state.last_success_at, started, elapsed, interval)

    def found(self, target: Target) -> frozenset[str]:
        return frozenset(self._found.get(target, ()))

    def found_lately(self, target: Target, monotonic: float) -> frozenset[str]:
        found = self._found.get(target, {})
        return frozenset(image_id for image_id, at in found.items() if monotonic - at < FOUND_LATELY)

    def remember(self, reading: Reading, decision: Decision) -> None:
        """A committed sync."""
        if not reading.listing.complete:
            return
        self._complete_at[reading.target] = reading.monotonic
        found = self._found.get(reading.target, {}) | dict.fromkeys(decision.found, reading.monotonic)
        still = {image_id: at for image_id, at in found.items() if image_id in decision.kept}
        if still:
            self._found[reading.target] = still
        else:
            self._found.pop(reading.target, None)
