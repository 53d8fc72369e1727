"""Cron plans mean what crontab(5) says, whatever the scheduler counts from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.triggers.cron import CronTrigger
from hypothesis import given
from hypothesis import strategies as st

from syncd.config.cron import DAYS, BadCronError, normalize_cron

NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def days_of(text: str) -> set[str]:
    """The weekdays on which the scheduler would run, over three weeks."""
    trigger = CronTrigger.from_crontab(normalize_cron(text), timezone=UTC)
    now = datetime(2026, 11, 24, tzinfo=UTC)
    days, fire = set(), trigger.get_next_fire_time(None, now)
    while fire is not None and fire < now + timedelta(days=21):
        days.add(NAMES[fire.weekday()])
        fire = trigger.get_next_fire_time(fire, fire + timedelta(microseconds=1))
    return days


@pytest.mark.parametrize(
    ("field", "days"),
    [
        ("0", {"sun"}),
        ("1", {"mon"}),
        ("7", {"sun"}),
        ("1-5", {"mon", "tue", "wed", "thu", "fri"}),
        ("5-7", {"fri", "sat", "sun"}),
        ("SUN", {"sun"}),
        ("sun-tue", {"sun", "mon", "tue"}),
        ("mon-fri/2", {"mon", "wed", "fri"}),
        ("*/2", {"sun", "tue", "thu", "sat"}),
        ("1,sat", {"mon", "sat"}),
        ("*", set(DAYS)),
    ],
)
def test_a_day_of_the_week_is_the_one_that_cron_means(field: str, days: set[str]) -> None:
    assert days_of(f"0 9 * * {field}") == days


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("*/5 * * * *", "*/5 * * * *"),
        ("  0  4  *  *  * ", "0 4 * * *"),
        ("0 8-10 * * *", "0 8,9,10 * * *"),
        ("50/5 * * * *", "50,55 * * * *"),
        ("0 0 1 jan,jul *", "0 0 1 1,7 *"),
        ("0 0 29 2 *", "0 0 29 2 *"),
    ],
)
def test_other_notations_are_spelled_out(text: str, written: str) -> None:
    assert normalize_cron(text) == written


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@hourly",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "5-1 * * * *",
        "*/0 * * * *",
        "*/60 * * * *",
        ", * * * *",
        "² * * * *",
        "mon * * * *",
        "0 0 30 feb *",
        "0 0 1 * mon",
    ],
)
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(BadCronError):
        normalize_cron(text)


NUMBER = st.integers(0, 61).map(str)
PART = st.one_of(
    st.just("*"), NUMBER, st.tuples(NUMBER, NUMBER).map("-".join), NUMBER.map("*/".__add__),
    st.tuples(NUMBER, NUMBER, NUMBER).map(lambda three: f"{three[0]}-{three[1]}/{three[2]}"),
)  # fmt: skip
PLAN = st.lists(st.lists(PART, min_size=1, max_size=3).map(",".join), min_size=5, max_size=5).map(" ".join)


@given(PLAN)
def test_whatever_is_accepted_the_scheduler_accepts_and_runs(text: str) -> None:
    try:
        written = normalize_cron(text)
    except BadCronError:
        return
    trigger = CronTrigger.from_crontab(written, timezone=UTC)
    assert trigger.get_next_fire_time(None, datetime(2026, 11, 24, tzinfo=UTC)) is not None
