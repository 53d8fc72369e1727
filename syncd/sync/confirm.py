"""Asking about rows before they are called revoked: a list may lack what an exact lookup still finds."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from syncd.compshare.client import Lookup
from syncd.pieces import sorted_in_pieces
from syncd.sync.concurrency import together
from syncd.sync.guard import Verdict

LOOKUPS_PER_SYNC = 200
"""Rows asked for in one sync; the others stay as they are until a later one asks for them."""

CONTROLS = 2
"""Ids tried as a control (twice as many in another region, whose list is older): one may have vanished since."""


class Asks(Protocol):
    async def lookup(self, region: str, image_id: str) -> Lookup:
        """Whether the API still shows the image; raises nothing but cancellation."""


@dataclass(frozen=True, slots=True)
class Findings:
    gone: frozenset[str] = frozenset()
    """Proved gone, or missing for so long that nothing but a lookup which finds them keeps them."""
    found: frozenset[str] = frozenset()
    """Still there, though the list lacks them."""
    postponed: int = 0
    """Rows whose turn comes with a later sync."""
    proving: bool = True
    """False if lookups prove nothing here: the control was not found, or answers decided nothing."""


async def confirm(
    cloud: Asks,
    region: str,
    verdict: Verdict,
    shown: Sequence[str],
    rng: random.Random,
    lately: Collection[str] = (),
) -> Findings:
    """Ask for the rows that are due. ``shown`` are ids of the same listing: one of them, as a control, must be found.

    An empty list has no control; the guard's longer time stands in for it. ``lately`` are rows that a lookup found a
    moment ago: they are not asked for again yet.
    """
    due = verdict.due.difference(lately)
    if not due:
        return Findings()
    proving = await control(cloud, region, rng.sample(shown, min(CONTROLS, len(shown)))) in (
        None,
        Lookup.FOUND,
    )
    wanted = await sorted_in_pieces(due if proving else verdict.believed.intersection(due))
    asked = wanted if len(wanted) <= LOOKUPS_PER_SYNC else rng.sample(wanted, LOOKUPS_PER_SYNC)
    answers = await _ask(cloud, region, asked)
    found = frozenset(image_id for image_id, answer in answers.items() if answer is Lookup.FOUND)
    proved = {image_id for image_id, answer in answers.items() if answer is Lookup.GONE and proving}
    return Findings(
        gone=frozenset(proved | (verdict.believed & answers.keys())) - found,
        found=found,
        postponed=len(wanted) - len(asked),
        proving=proving and Lookup.UNDECIDED not in answers.values(),
    )


async def control(cloud: Asks, region: str, ids: Sequence[str]) -> Lookup | None:
    """What a region's lookups say of ids that must be there: FOUND if they find one of them, else the last answer.

    None where there is no id to try.
    """
    answer = None
    for image_id in ids:
        answer = await cloud.lookup(region, image_id)
        if answer is Lookup.FOUND:
            break
    return answer


async def _ask(cloud: Asks, region: str, ids: Collection[str]) -> dict[str, Lookup]:
    answers = await together(cloud.lookup(region, image_id) for image_id in ids)
    return dict(zip(ids, answers, strict=True))
