"""What the syncs of one process remember of each target besides the database: a new process begins without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from syncd.model import Listing, Missing, Target
from syncd.store.engine import Database
from syncd.store.records import TargetState
from syncd.sync.accounts import Account
from syncd.sync.decision import Decision, Reading
from syncd.sync.guard import observed

FOUND_LATELY = 600.0
"""Seconds after which an image that a lookup found, and the list still lacks, is looked up again."""


READ_AGAIN = 3600.0
"""Seconds after which even a target that never changes is compared with the database itself."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A target about which nothing is open: a complete list that equals ``known`` leaves nothing to decide or say."""

    account: Account
    known: Mapping[str, bytes]
    """Its live ids → fingerprints, as the database has them."""
    run_id: int
    """The row of `runs` that its quiet syncs share."""
    revision: tuple[int, int]
    """`Database.revision` at that time: another one means that something else was written of it."""
    until: float
    """When the database is read again in any case, by the monotonic clock."""

    def is_listed(self, listing: Listing) -> bool:
        """Whether the list shows exactly what is known."""
        return (
            listing.complete
            and not (listing.absent or listing.conflicting or listing.unreadable)
            and len(listing.seen) == len(self.known)
            and all(sighting.image is None for sighting in listing.seen.values())
        )


@dataclass(frozen=True, slots=True)
class Listed:
    """A listing, the rows that it is compared with, and what was remembered of the target when it began."""

    target: Target
    started_at: datetime
    monotonic: float
    known: Mapping[str, bytes]
    lacking: Mapping[str, Missing]
    listing: Listing
    settled: Settled | None


class Memory:
    def __init__(self, db: Database) -> None:
        self._db = db
        self._settled: dict[Target, Settled] = {}
        self._complete_at: dict[Target, float] = {}
        """When each target's last complete sync began, by the monotonic clock; only missing rows ask for it.

        Syncs that found a settled target as it is known are left out: none follows them that rows were missing from.
        """
        self._found: dict[Target, dict[str, float]] = {}
        """Rows that lists lack and their last lookup found: when that was, by the monotonic clock."""

    def observed(
        self, state: TargetState, started: datetime, monotonic: float, interval: timedelta
    ) -> timedelta:
        """Of the time since the target's last complete sync, what counts as watched (`guard.observed`)."""
        seen = self._complete_at.get(state.target)
        elapsed = None if seen is None else timedelta(seconds=monotonic - seen)
        return observed(state.last_success_at, started, elapsed, interval)

    def settle(self, target: Target, settled: Settled | None) -> None:
        if settled is None:
            self._settled.pop(target, None)
        else:
            self._settled[target] = settled

    def settled(self, target: Target, account: Account, monotonic: float) -> Settled | None:
        """What is remembered of a target, if that still holds."""
        settled = self._settled.get(target)
        if settled is None or settled.account is not account or monotonic > settled.until:
            return None
        return settled if settled.revision == self._db.revision(target) else None

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
