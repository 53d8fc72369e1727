from __future__ import annotations

import os

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.figures import FIGURES
from tests.model.machine import Machine

WORLDS = int(os.environ.get("SYNCD_WORLDS", "20"))
"""More with SYNCD_WORLDS=2000; other ones with --hypothesis-profile=random."""

PHASES = [
    phase for phase in Phase if phase not in (Phase.shrink, Phase.explain) or "SYNCD_SHRINK" in os.environ
]
"""Making a failing story short takes minutes: only where it is asked for."""


def test_whatever_happens_nothing_false_is_told_and_nothing_is_lost() -> None:
    run_state_machine_as_test(
        Machine, settings=settings(max_examples=5, stateful_step_count=20, phases=PHASES)
    )


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_nor_in_many_worlds() -> None:
    run_state_machine_as_test(
        Machine, settings=settings(max_examples=WORLDS, stateful_step_count=50, phases=PHASES)
    )
    print(FIGURES)  # noqa: T201  # for those who run it by hand, with -s
