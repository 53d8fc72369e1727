"""Asking about rows before they are called revoked: a list may lack what an exact lookup still finds."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from syncd.compshare.client import Lookup
from syncd.sync.together import together

SAMPLE = 50
"""Of more rows, so many are asked for; the rest follow only if all of these are gone."""


class Asks(Protocol):
    async def lookup(self, region: str, image_id: str) -> Lookup:
        """Whether the API still shows the image; raises nothing but cancellation."""


@dataclass(frozen=True, slots=True)
class Findings:
    gone: frozenset[str] = frozenset()
    """Proved gone."""
    proving: bool = True
    """False if lookups prove nothing here: the control was not found, or answers decided nothing."""


async def confirm(
    cloud: Asks, region: str, due: Collection[str], shown: Sequence[str], rng: random.Random
) -> Findings:
    """Ask for ``due`` rows. ``shown`` are ids of the same listing: one of them, as a control, must be found.

    An empty list has no control; the guard's longer time stands in for it.
    """
    if not due:
        return Findings()
    if shown and await cloud.lookup(region, rng.choice(shown)) is not Lookup.FOUND:
        return Findings(proving=False)
    asked = sorted(due) if len(due) <= SAMPLE else rng.sample(sorted(due), SAMPLE)
    answers = await together(cloud.lookup(region, image_id) for image_id in asked)
    gone = frozenset(
        image_id for image_id, answer in zip(asked, answers, strict=True) if answer is Lookup.GONE
    )
    if len(gone) == len(asked):
        gone = frozenset(due)
    return Findings(gone, proving=Lookup.UNDECIDED not in answers)
