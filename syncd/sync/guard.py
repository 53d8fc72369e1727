"""When a missing row may be called revoked: pure. An answer that is odd as a whole must last before it is believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from syncd.config import GuardConfig
from syncd.model import Missing

FEW_WAIT = timedelta(minutes=10)
"""How long an empty list must last before the one or two rows it lacks are revoked."""

BELIEVED_AFTER = timedelta(hours=24)
"""After so long of complete listings that lack a row, no lookup is needed to believe them."""

EXTRA_SYNCS = (timedelta(minutes=1), timedelta(minutes=3), timedelta(minutes=10))
"""A target with missing rows is looked at again so long after the first sync that lacked them."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with each missing row: exactly one of the four."""

    believed: frozenset[str] = frozenset()
    """Missing for a day: revoked without asking."""
    due: frozenset[str] = frozenset()
    """Revoked now, if lookups confirm it."""
    held: frozenset[str] = frozenset()
    """Too many at once: kept live until their time is up or they are released."""
    waiting: frozenset[str] = frozenset()
    """Of an empty list, one or two: kept live for a short while, without noise."""
    wait: timedelta = timedelta(0)
    """How long a row that is held or waiting must be missing."""


def judge(
    missing: Mapping[str, Missing], live: int, empty: bool, limits: GuardConfig, now: datetime
) -> Verdict:
    """``missing`` counts the present sync; ``live`` are the live rows before it; ``now`` is its start."""
    few = len(missing) < limits.min
    ordinary = not empty and (few or len(missing) * 100 <= limits.percent * live)
    wait = _wait(few, empty, limits)

    def lasted(row: Missing, time: timedelta) -> bool:
        return row.syncs >= limits.syncs and now - row.since >= time

    ripe = {image_id for image_id, row in missing.items() if ordinary or lasted(row, wait)}
    believed = frozenset(image_id for image_id in ripe if lasted(missing[image_id], BELIEVED_AFTER))
    kept = frozenset(missing.keys() - ripe)
    return Verdict(
        believed=believed,
        due=frozenset(ripe - believed),
        held=frozenset() if few else kept,
        waiting=kept if few else frozenset(),
        wait=wait,
    )


def next_look(
    missing: Mapping[str, Missing], verdict: Verdict, episode: datetime, now: datetime
) -> datetime | None:
    """When a target whose rows are still missing after the sync that began at ``now`` is synced besides its plan.

    ``episode`` is the start of the first sync that lacked any of them. None if nothing is missing.
    """
    if not missing:
        return None
    looks = [episode + after for after in EXTRA_SYNCS]
    for image_id, row in missing.items():
        kept = image_id in verdict.held or image_id in verdict.waiting
        looks.append(row.since + (verdict.wait if kept else BELIEVED_AFTER))
    return min((look for look in looks if look > now), default=None)


def _wait(few: bool, empty: bool, limits: GuardConfig) -> timedelta:
    if few:
        return FEW_WAIT
    return limits.hold_empty if empty else limits.hold
