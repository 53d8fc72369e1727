"""When a missing row may be called revoked: pure. An answer that is odd as a whole must last before it is believed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from syncd.config import GuardConfig
from syncd.model import Missing

BELIEVED_AFTER = timedelta(hours=24)
"""After so much observed time of complete listings that lack a row, lookups that prove nothing are not waited for."""

EXTRA_SYNCS = (timedelta(minutes=1), timedelta(minutes=3), timedelta(minutes=10))
"""A target with missing rows is synced again so long after the first sync that lacked them."""

OBSERVED_INTERVALS = 3
"""Of the gap between two complete syncs at most so many planned intervals count as observed."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with each missing row: it is due or held, or (found by its last lookup) neither."""

    due: frozenset[str] = frozenset()
    """Revoked now, once lookups confirm it."""
    believed: frozenset[str] = frozenset()
    """Of the due ones, those missing for so long that only a lookup which finds them keeps them."""
    held: frozenset[str] = frozenset()
    """Too many at once, or of an empty list: kept live until their time is up or they are released."""
    wait: timedelta = timedelta(0)
    """How long a held row must have been missing, in observed time."""


def judge(
    missing: Mapping[str, Missing],
    live: int,
    empty: bool,
    limits: GuardConfig,
    found: Collection[str] = (),
) -> Verdict:
    """``missing`` counts the present sync; ``live`` are the live rows before it; ``empty`` says so of the list.

    ``found`` are missing rows that their last lookup found: they are no loss, and make the others' no larger one.
    """
    wait = limits.hold_empty if empty else limits.hold

    def ordinary(count: int) -> bool:
        return not empty and (count < limits.min or count * 100 <= limits.percent * live)

    def lasted(row: Missing, time: timedelta) -> bool:
        return row.syncs >= limits.syncs and row.waited >= time

    there = frozenset(missing.keys() & found)
    lost = frozenset(missing) - there
    due = frozenset([image_id for image_id, row in missing.items() if lasted(row, wait)])
    if ordinary(len(lost)):
        due |= lost
    if ordinary(len(missing)):
        due |= there
    return Verdict(
        due=due,
        believed=frozenset([image_id for image_id in due if lasted(missing[image_id], BELIEVED_AFTER)]),
        held=lost - due,
        wait=wait,
    )


def observed(
    since: datetime | None, now: datetime, elapsed: timedelta | None, interval: timedelta
) -> timedelta:
    """How much of the gap between two complete syncs counts as watched: at most a few intervals, nothing of a jump.

    ``since`` and ``now`` are the starts of the two by the wall clock, ``elapsed`` the time between them by the
    monotonic clock, None where another process made the first.
    """
    if since is None:
        return timedelta(0)
    gap = now - since if elapsed is None else min(now - since, elapsed)
    return max(min(gap, OBSERVED_INTERVALS * interval), timedelta(0))


def next_look(
    missing: Mapping[str, Missing], verdict: Verdict, episode: datetime, now: datetime
) -> datetime | None:
    """When a target whose rows are still missing after the sync that began at ``now`` is synced besides its plan.

    ``episode`` is the start of the first sync that lacked any of them. None if nothing is missing, or the plan will do.
    """
    looks = [episode + after for after in EXTRA_SYNCS] if missing else []
    # Rows that went missing together have waited equally long: few of 100,000 waits differ.
    waited = {(image_id in verdict.held, row.waited) for image_id, row in missing.items()}
    looks += [now + (verdict.wait if held else BELIEVED_AFTER) - time for held, time in waited]
    return min((look for look in looks if look > now), default=None)
