"""Asking about rows before they are called revoked: a list may lack what an exact lookup still finds."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from syncd.compshare.client import Lookup
from syncd.sync.concurrency import together
from syncd.sync.guard import Verdict

ASKED_AT_ONCE = 200
"""Rows asked for in one sync; the others stay as they are until a later one asks for them."""

CONTROLS = 2
"""Ids tried as a control: one of them may vanish between the list and its lookup."""


class Asks(Protocol):
    async def lookup(self, region: str, image_id: str) -> Lookup:
        """Whether the API still shows the image; raises nothing but cancellation."""


@dataclass(frozen=True, slots=True)
class Findings:
    gone: frozenset[str] = frozenset()
    """Proved gone, or missing for so long that nothing but a lookup which finds them keeps them."""
    found: frozenset[str] = frozenset()
    """Still there, though the list lacks them."""
    unasked: int = 0
    """Rows whose turn comes with a later sync."""
    proving: bool = True
    """False if lookups prove nothing here: the control was not found, or answers decided nothing."""


async def confirm(
    cloud: Asks, region: str, verdict: Verdict, shown: Sequence[str], rng: random.Random
) -> Findings:
    """Ask for the rows that are due. ``shown`` are ids of the same listing: one of them, as a control, must be found.

    An empty list has no control; the guard's longer time stands in for it.
    """
    if not verdict.due:
        return Findings()
    controls = rng.sample(shown, min(CONTROLS, len(shown)))
    proving = await answers_well(cloud, region, controls)
    wanted = sorted(verdict.due if proving else verdict.believed)
    asked = wanted if len(wanted) <= ASKED_AT_ONCE else rng.sample(wanted, ASKED_AT_ONCE)
    answers = await _ask(cloud, region, asked)
    found = frozenset(image_id for image_id, answer in answers.items() if answer is Lookup.FOUND)
    proved = {image_id for image_id, answer in answers.items() if answer is Lookup.GONE and proving}
    return Findings(
        gone=frozenset(proved | (verdict.believed & answers.keys())) - found,
        found=found,
        unasked=len(wanted) - len(asked),
        proving=proving and Lookup.UNDECIDED not in answers.values(),
    )


async def answers_well(cloud: Asks, region: str, controls: Sequence[str]) -> bool:
    """Whether a region's lookups find one of the ids that must be there; True where there is none to try."""
    for image_id in controls:
        if await cloud.lookup(region, image_id) is Lookup.FOUND:
            return True
    return not controls


async def _ask(cloud: Asks, region: str, ids: Collection[str]) -> dict[str, Lookup]:
    answers = await together(cloud.lookup(region, image_id) for image_id in ids)
    return dict(zip(ids, answers, strict=True))
