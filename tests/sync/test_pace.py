"""Pace: when a failing target is tried again, and how long rows are fresh."""

from __future__ import annotations

import pytest

from syncd.sync.pace import fresh_until, retry_delay
from tests.sync.make import T0, minutes


@pytest.mark.parametrize("failure", ["unreachable", "protocol", "incomplete", "configuration"])
def test_a_failing_target_is_tried_after_one_minute_then_every_two(failure):
    delays = [retry_delay(failure, count, minutes(30), None) / minutes(1) for count in range(1, 8)]
    assert delays == [1, 2, 2, 2, 2, 2, 2]


def test_a_shorter_interval_starts_from_itself():
    delays = [retry_delay("unreachable", count, minutes(0.25), None) / minutes(1) for count in range(1, 9)]
    assert delays == [0.25, 0.5, 1, 2, 2, 2, 2, 2]


def test_auth_is_tried_hourly():
    assert {retry_delay("auth", count, minutes(1), None) for count in (1, 2, 9)} == {minutes(60)}


@pytest.mark.parametrize(
    ("asked", "delay"), [(0.5, 1), (0.51, 0.51), (45, 45)], ids=["30 s", "just over", "45 min"]
)
def test_a_retry_after_over_30_seconds_sets_the_next(asked, delay):
    assert retry_delay("unreachable", 1, minutes(5), minutes(asked)) == minutes(delay)


def test_thousands_of_failures_overflow_nothing():
    assert retry_delay("unreachable", 100_000, minutes(0.01), None) == minutes(2)


@pytest.mark.parametrize(
    ("interval", "fresh"), [(1, 30), (10, 30), (10.1, 30.3), (60, 180), (24 * 60, 72 * 60)]
)
def test_fresh_for_the_larger_of_30_minutes_and_3_intervals(interval, fresh):
    assert fresh_until(T0, minutes(interval)) == T0 + minutes(fresh)
