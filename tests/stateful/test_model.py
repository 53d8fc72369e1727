"""Random worlds, as many as fit in ten minutes.

``SYNCD_WORLDS=2000 SYNCD_MINUTES=60`` tries more of them, ``SYNCD_SEED=17`` those of one seed again, ``SYNCD_SHRINK=1``
makes the story of what it finds short, which takes minutes.
"""

from __future__ import annotations

import os
import time

import pytest
from hypothesis import Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.stateful.figures import FIGURES
from tests.stateful.machine import Machine

WORLDS = int(os.environ.get("SYNCD_WORLDS", "140"))
"""As many as two busy processors try in ten minutes; all of them were seen to pass."""
SECONDS = 60 * float(os.environ.get("SYNCD_MINUTES", "10"))
"""No seed begins later than that; one that has begun is tried to its end."""
WORLDS_OF_SEED = 10
FIRST_SEED = 1
PARTS = 2
"""Side by side, where there are processors."""
PHASES = [
    phase for phase in Phase if phase not in (Phase.shrink, Phase.explain) or "SYNCD_SHRINK" in os.environ
]


def test_whatever_happens_nothing_false_is_told_and_nothing_is_lost() -> None:
    try_worlds(0, worlds=5, steps=20)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(PARTS))
def test_nor_in_many_worlds(part: int) -> None:
    end = time.monotonic() + SECONDS
    seeds = range(FIRST_SEED + part, FIRST_SEED + WORLDS // WORLDS_OF_SEED, PARTS)
    for number in [int(os.environ["SYNCD_SEED"])] if "SYNCD_SEED" in os.environ else seeds:
        if time.monotonic() < end:
            try_worlds(number, worlds=WORLDS_OF_SEED, steps=50)
    print(FIGURES)  # noqa: T201  # for those who run it by hand, with -s


def try_worlds(number: int, *, worlds: int, steps: int) -> None:
    """The same ones for the same number."""
    print(f"SYNCD_SEED={number}")  # noqa: T201  # shown when one fails
    run_state_machine_as_test(
        seed(number)(Machine),
        settings=settings(max_examples=worlds, stateful_step_count=steps, phases=PHASES, database=None),
    )
