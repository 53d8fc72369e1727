"""What one sync read and what it makes of it: everything that is decided before the commit."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec.structs import replace

from syncd.config import GuardConfig
from syncd.model import Image, Listing, Missing, Target
from syncd.pieces import in_pieces
from syncd.store.records import TargetState
from syncd.sync.confirm import Asks, Findings, confirm
from syncd.sync.diff import Plan, diff
from syncd.sync.guard import EXTRA_SYNCS, Verdict, judge, next_look


@dataclass(frozen=True, slots=True)
class Reading:
    """The rows of a target as a sync found them, and the listing it compares with them."""

    target: Target
    started_at: datetime
    state: TargetState
    known: Mapping[str, bytes]
    """Live ids → fingerprints."""
    lacking: Mapping[str, Missing]
    """Live rows that earlier complete syncs lacked."""
    stored: Mapping[str, Image]
    listing: Listing
    scope: str
    """The account's; another one than the target's makes this a baseline."""
    candidate: bool = False
    """A discovered region that becomes a target with this listing."""
    monotonic: float = 0.0
    """When it began, by the monotonic clock."""
    observed: timedelta = timedelta(0)
    """Of the time since the last complete sync, what counts as watched (`guard.observed`)."""
    found: frozenset[str] = frozenset()
    """Rows that their last lookup found, though lists lack them."""
    found_lately: frozenset[str] = frozenset()
    """Those of them that need not be asked for again yet."""

    @property
    def baseline(self) -> bool:
        return self.state.baseline_at is None or self.rebaseline

    @property
    def rebaseline(self) -> bool:
        return self.state.baseline_at is not None and self.state.scope != self.scope

    @property
    def empty(self) -> bool:
        """The list is complete and shows nothing."""
        return self.listing.complete and not self.listing.seen


@dataclass(frozen=True, slots=True)
class Decision:
    plan: Plan
    gone: Mapping[str, Missing]
    """Rows to be called revoked."""
    kept: Mapping[str, Missing]
    """Rows that are missing and stay live; held ones say so."""
    look_at: datetime | None = None
    until: datetime | None = None
    """When the first held row's time is up, if the target is watched all the while."""
    proving: bool = True
    """False if lookups proved nothing."""
    found: frozenset[str] = frozenset()
    """Rows that the list lacks and a lookup finds."""
    empty_wait: Missing | None = None
    """What an empty list that may yet become the baseline has waited so far."""

    @property
    def is_quiet(self) -> bool:
        """Whether it finds no image shared, changed or gone; the commit may still have news (an alert that is over)."""
        return not (self.plan.added or self.plan.changed or self.gone)

    @property
    def held(self) -> list[str]:
        return [image_id for image_id, row in self.kept.items() if row.held]


async def decide(reading: Reading, limits: GuardConfig, cloud: Asks, rng: random.Random) -> Decision:
    """Diff, guard, confirm."""
    plan = await diff(reading.known, reading.lacking, reading.stored, reading.listing)
    if not reading.listing.complete:
        return Decision(plan, gone={}, kept=_without(reading.lacking, plan.returned))
    if reading.baseline and reading.empty:
        return _empty_first_list(reading, plan, limits)
    missing: dict[str, Missing] = {}
    async for ids in in_pieces(plan.missing):
        missing |= {image_id: _missed(reading, image_id) for image_id in ids}
    if reading.rebaseline:
        return Decision(plan, gone=missing, kept={})
    verdict = judge(missing, len(reading.known), reading.empty, limits, reading.found)
    shown = list(reading.listing.seen)
    findings = await confirm(cloud, reading.target.region, verdict, shown, rng, reading.found_lately)
    return await _settle(reading, plan, missing, verdict, findings)


def _empty_first_list(reading: Reading, plan: Plan, limits: GuardConfig) -> Decision:
    """No lookup can tell whether an empty first list is true: it counts once it has lasted as the guard demands."""
    before = reading.state.empty_wait
    waited = _longer(before, reading) if before else Missing(reading.started_at, 1)
    if waited.syncs >= limits.syncs and waited.waited >= limits.hold_empty:
        return Decision(
            plan, gone={image_id: _missed(reading, image_id) for image_id in plan.missing}, kept={}
        )
    looks = [waited.since + after for after in EXTRA_SYNCS]
    look_at = min((look for look in looks if look > reading.started_at), default=None)
    return Decision(plan, gone={}, kept=reading.lacking, look_at=look_at, empty_wait=waited)


def _missed(reading: Reading, image_id: str) -> Missing:
    before = reading.lacking.get(image_id)
    if before is not None:
        return _longer(before, reading)
    return Missing(reading.started_at, 1, shown_at=reading.state.last_success_at)


def _longer(before: Missing, reading: Reading) -> Missing:
    """One more complete sync lacks it."""
    return replace(before, syncs=before.syncs + 1, waited=before.waited + reading.observed)


def _without(rows: Mapping[str, Missing], ids: frozenset[str]) -> dict[str, Missing]:
    return {image_id: row for image_id, row in rows.items() if image_id not in ids}


async def _settle(
    reading: Reading, plan: Plan, missing: Mapping[str, Missing], verdict: Verdict, findings: Findings
) -> Decision:
    """A row that the guard kept back stays held until it is revoked or listed again."""
    kept: dict[str, Missing] = {}
    async for rows in in_pieces(missing.items()):
        kept |= {
            image_id: replace(row, held=True) if image_id in verdict.held and not row.held else row
            for image_id, row in rows
            if image_id not in findings.gone
        }
    now = reading.started_at
    longest = max((row.waited for row in kept.values() if row.held), default=None)
    return Decision(
        plan,
        gone={image_id: missing[image_id] for image_id in findings.gone},
        kept=kept,
        look_at=_look(kept, verdict, findings, reading),
        until=None if longest is None else now + max(verdict.wait - longest, timedelta(0)),
        proving=findings.proving,
        found=findings.found,
    )


def _look(
    kept: Mapping[str, Missing], verdict: Verdict, findings: Findings, reading: Reading
) -> datetime | None:
    """Rows whose turn to be asked for has not come are asked for soon, whatever the plan."""
    now = reading.started_at
    look = next_look(kept, verdict, reading.state.episode_at or now, now)
    soon = now + EXTRA_SYNCS[0]
    return min(look or soon, soon) if findings.postponed else look
