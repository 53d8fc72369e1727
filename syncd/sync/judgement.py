"""What one sync read and what it makes of it: everything that is decided before the commit."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from syncd.config import GuardConfig
from syncd.model import Image, Listing, Missing, Target
from syncd.store.records import TargetState
from syncd.sync.confirm import Asks, Findings, confirm
from syncd.sync.diff import Plan, diff
from syncd.sync.guard import Verdict, judge, next_look


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

    @property
    def baseline(self) -> bool:
        return self.state.baseline_at is None or self.rebaseline

    @property
    def rebaseline(self) -> bool:
        return self.state.baseline_at is not None and self.state.scope != self.scope


@dataclass(frozen=True, slots=True)
class Judgement:
    plan: Plan
    gone: Mapping[str, Missing]
    """Rows to be called revoked."""
    kept: Mapping[str, Missing]
    """Rows that are missing and stay live; held ones say so."""
    look_at: datetime | None = None
    until: datetime | None = None
    """When the first held row's time is up."""
    proving: bool = True
    """False if lookups proved nothing."""

    @property
    def held(self) -> list[str]:
        return [image_id for image_id, row in self.kept.items() if row.held]


async def weigh(reading: Reading, limits: GuardConfig, cloud: Asks, rng: random.Random) -> Judgement:
    """Diff, guard, confirm."""
    plan = diff(reading.known, reading.lacking, reading.stored, reading.listing)
    if not reading.listing.complete:
        return Judgement(plan, gone={}, kept=_without(reading.lacking, plan.returned))
    missing = {image_id: _missed(reading, image_id) for image_id in plan.missing}
    if reading.rebaseline:
        return Judgement(plan, gone=missing, kept={})
    verdict = judge(missing, len(reading.known), not reading.listing.seen, limits, reading.started_at)
    findings = await confirm(cloud, reading.target.region, verdict.due, list(reading.listing.seen), rng)
    return _settle(reading, plan, missing, verdict, findings)


def _missed(reading: Reading, image_id: str) -> Missing:
    before = reading.lacking.get(image_id)
    if before is not None:
        return replace(before, syncs=before.syncs + 1)
    return Missing(reading.started_at, 1, shown_at=reading.state.last_success_at)


def _without(rows: Mapping[str, Missing], ids: frozenset[str]) -> dict[str, Missing]:
    return {image_id: row for image_id, row in rows.items() if image_id not in ids}


def _settle(
    reading: Reading, plan: Plan, missing: Mapping[str, Missing], verdict: Verdict, findings: Findings
) -> Judgement:
    """A row that the guard kept back stays held until it is revoked or listed again."""
    revoked = verdict.believed | findings.gone
    kept = {
        image_id: replace(row, held=row.held or image_id in verdict.held)
        for image_id, row in missing.items()
        if image_id not in revoked
    }
    episode = reading.state.episode_at or reading.started_at
    held = [row.since for row in kept.values() if row.held]
    return Judgement(
        plan,
        gone={image_id: missing[image_id] for image_id in revoked},
        kept=kept,
        look_at=next_look(kept, verdict, episode, reading.started_at),
        until=min(held) + verdict.wait if held else None,
        proving=findings.proving,
    )
