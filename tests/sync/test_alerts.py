"""Alerts: when an account's trouble is announced, repeated and over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from syncd.config import AlertsConfig
from syncd.sync.alerts import ADVICE, Extent, Trouble, after_failure, is_over
from tests.sync.make import T0, alert, minutes

DAY = 24 * 60


def trouble(failure: Any = "unreachable", failures: int = 1, fresh: bool = True) -> Trouble:
    return Trouble(failure, failures, T0, fresh)


def said(opened: Any, found: Trouble, now: float = 5, **limits: Any) -> str | None:
    return after_failure(opened, found, AlertsConfig(**limits), T0 + minutes(now))[1]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (trouble(failures=1), None),
        (trouble(failures=2), None),
        (trouble(failures=3), "failed"),
        (trouble(failures=1, fresh=False), "failed"),
        (trouble("auth"), "failed"),
        (trouble("configuration", failures=2), None),
        (trouble("configuration", failures=3), "failed"),
        (trouble("incomplete", failures=3), "failed"),
        (trouble("protocol", failures=3), "failed"),
    ],
)
def test_an_alert_opens_after_3_failures_at_once_for_auth_and_when_a_target_is_not_fresh(found, expected):
    assert said(None, found) == expected


def test_how_many_failures_open_it_is_the_user_s():
    assert said(None, trouble(failures=1), after=1) == "failed"
    assert said(None, trouble(failures=4), after=5) is None


def test_an_opened_alert_knows_since_when_and_what():
    opened, _ = after_failure(None, trouble("protocol", 3), AlertsConfig(), T0 + minutes(5), Extent(("a",)))
    assert opened == replace(alert("protocol", opened=5), since=T0, named=("a",), failed=("a",))


def test_further_failures_of_the_same_cause_are_not_said_while_it_is_open():
    found = trouble("unreachable", 9, fresh=False)
    assert after_failure(alert(), found, AlertsConfig(), T0 + minutes(5)) == (alert(), None)


@pytest.mark.parametrize("failure", ["protocol", "incomplete"])
@pytest.mark.parametrize(("failures", "expected"), [(1, None), (2, None), (3, "failed")])
def test_another_cause_is_said_besides_once_it_would_be_by_itself(failure, failures, expected):
    opened, say = after_failure(alert(), trouble(failure, failures), AlertsConfig(), T0 + minutes(5))
    assert say == expected
    assert said(opened, trouble(failure, 9)) == (None if expected else "failed")


ALL = ("a", "b")


def grown(opened: Any, extent: Extent) -> tuple[Any, str | None]:
    return after_failure(opened, trouble(failures=3), AlertsConfig(), T0 + minutes(5), extent)


def test_when_all_regions_fail_it_is_said_again_and_once():
    opened = replace(alert(), named=("a",), failed=("a",))
    opened, say = grown(opened, Extent(ALL))
    assert (say, opened.named, opened.failed) == (None, ("a",), ALL)
    opened, say = grown(opened, Extent(ALL, everywhere=True))
    assert (say, opened.named) == ("failed", ALL)
    assert grown(opened, Extent(ALL, everywhere=True)) == (opened, None)


def test_a_region_that_was_not_well_since_the_trouble_began_is_part_of_it():
    opened = replace(alert("auth"), named=("a",))
    opened, say = after_failure(
        opened, trouble("auth"), AlertsConfig(), T0 + minutes(5), Extent(ALL, unwell=ALL, everywhere=True)
    )
    assert (say, opened.named) == (None, ALL)


def test_an_alert_of_a_clock_that_ran_ahead_counts_as_said_now_and_repeats_and_closes():
    ahead = alert(opened=8 * 60)
    opened, say = after_failure(ahead, trouble(failures=9), AlertsConfig(), T0 + minutes(5))
    assert say is None
    assert (opened.since, opened.opened_at, opened.said_at) == (T0, T0 + minutes(5), T0 + minutes(5))
    assert said(opened, trouble(failures=99), DAY + 5) == "reminder"
    assert is_over(opened, [T0 + minutes(6)], [], AlertsConfig())


@pytest.mark.parametrize("failure", ["auth", "configuration"])
def test_the_first_failure_that_only_a_person_can_mend_is_said_besides(failure):
    opened, say = after_failure(alert("unreachable"), trouble(failure), AlertsConfig(), T0 + minutes(5))
    assert say == "failed"
    assert opened is not None
    assert (opened.failure, opened.told) == (failure, ("unreachable", failure))
    assert (opened.since, opened.opened_at) == (T0, T0)
    assert said(opened, trouble(failure, 2)) is None


def test_auth_then_configuration_are_both_said_once():
    opened, _ = after_failure(None, trouble("auth"), AlertsConfig(), T0)
    opened, say = after_failure(opened, trouble("configuration"), AlertsConfig(), T0)
    assert say == "failed"
    assert said(opened, trouble("auth", 2)) is None


@pytest.mark.parametrize(("now", "expected"), [(DAY - 0.1, None), (DAY, "reminder")])
def test_a_reminder_comes_a_day_after_the_last_word(now, expected):
    assert said(alert(said=0), trouble(failures=99), now) == expected


def test_one_reminder_a_day():
    opened, say = after_failure(alert(), trouble(failures=99), AlertsConfig(), T0 + minutes(DAY))
    assert say == "reminder"
    assert said(opened, trouble(failures=100), DAY + 1) is None
    assert said(opened, trouble(failures=101), 2 * DAY) == "reminder"


def test_how_often_it_is_repeated_is_the_user_s():
    assert said(alert(), trouble(failures=9), 60, repeat=timedelta(hours=1)) == "reminder"


@pytest.mark.parametrize(
    ("successes", "over"),
    [
        ([6], True),
        ([5], True),
        ([4.9], False),
        ([6, 4], False),
        ([6, None], False),
        ([6, 7], True),
        ([], False),
    ],
)
def test_it_is_over_when_every_target_had_a_complete_sync_since(successes, over):
    times = [None if time is None else T0 + minutes(time) for time in successes]
    assert is_over(alert(opened=5), times, [], AlertsConfig()) is over


@pytest.mark.parametrize(
    ("found", "over"),
    [
        (trouble(failures=2), True),
        (trouble(failures=3), False),
        (trouble(failures=1, fresh=False), False),
        (trouble("auth"), False),
        (trouble("configuration"), False),  # it was announced while the alert was open
    ],
)
def test_it_is_not_over_while_a_target_is_in_trouble_that_would_be_announced(found, over):
    assert is_over(alert(opened=5), [T0 + minutes(6)], [found], AlertsConfig()) is over


def test_every_class_comes_with_advice():
    assert set(ADVICE) == {"auth", "configuration", "unreachable", "protocol", "incomplete"}
    assert all(advice.endswith(".") for advice in ADVICE.values())
