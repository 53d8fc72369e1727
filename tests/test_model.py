"""No stored time is trusted beyond now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncd.model import is_fresh, trusted

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("seconds", [-86400, -1, 0, 1, 60])
def test_a_time_of_the_past_or_of_a_clock_that_was_corrected_by_little_is_trusted(seconds: float) -> None:
    moment = NOW + timedelta(seconds=seconds)
    assert trusted(moment, NOW) == moment


@pytest.mark.parametrize("seconds", [61, 8 * 3600, 366 * 86400])
def test_a_time_of_a_clock_that_ran_ahead_is_not(seconds: float) -> None:
    assert trusted(NOW + timedelta(seconds=seconds), NOW) is None


@pytest.mark.parametrize(
    ("success", "until", "fresh"),
    [
        (-10, 20, True),
        (-30, 0, False),
        (-31, -1, False),
        (0, 30, True),
        (480, 510, False),
        (None, None, False),
    ],
)
def test_fresh_is_between_a_success_that_is_not_in_the_future_and_its_end(
    success: float | None, until: float | None, fresh: bool
) -> None:
    times = [None if time is None else NOW + timedelta(minutes=time) for time in (success, until)]
    assert is_fresh(*times, NOW) is fresh
