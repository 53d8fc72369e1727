"""Guard: every line of it, on both sides of each limit."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.config import GuardConfig
from syncd.model import Missing
from syncd.sync.guard import BELIEVED_AFTER, FEW_WAIT, Verdict, judge, next_look
from tests.sync.make import T0, minutes, missing

DAY = 24 * 60


def verdict(
    count: int,
    live: int,
    *,
    syncs: int = 1,
    now: float = 0,
    empty: bool | None = None,
    limits: GuardConfig | None = None,
) -> Verdict:
    """``count`` rows of ``live``, missing alike since T0; ``now`` in minutes after it."""
    rows = {f"i{number}": missing(0, syncs) for number in range(count)}
    list_is_empty = count == live if empty is None else empty
    return judge(rows, live, list_is_empty, limits or GuardConfig(), T0 + minutes(now))


def kind(found: Verdict) -> str:
    """Which of the four all rows are."""
    kinds = [name for name in ("believed", "due", "held", "waiting") if getattr(found, name)]
    assert len(kinds) == 1
    return kinds[0]


@pytest.mark.parametrize(
    ("count", "live", "expected"),
    [
        (1, 2, "due"),
        (2, 3, "due"),  # fewer than 3, whatever the share
        (3, 4, "held"),
        (3, 10, "due"),  # exactly 30 %
        (3, 9, "held"),
        (30, 100, "due"),
        (31, 100, "held"),
        (99, 100, "held"),
    ],
)
def test_few_rows_or_at_most_30_percent_are_ordinary(count, live, expected):
    assert kind(verdict(count, live)) == expected


@pytest.mark.parametrize(("count", "expected"), [(1, "waiting"), (2, "waiting"), (3, "held"), (100, "held")])
def test_nothing_of_an_empty_list_is_ordinary(count, expected):
    assert kind(verdict(count, count)) == expected


def test_an_empty_list_is_not_ordinary_even_where_the_share_is_small():
    assert kind(verdict(3, 100, empty=True)) == "held"


@pytest.mark.parametrize(
    ("syncs", "now", "expected"),
    [(3, 10, "due"), (2, 10, "waiting"), (3, 9.99, "waiting"), (1, DAY, "waiting"), (3, DAY, "believed")],
)
def test_few_rows_of_an_empty_list_wait_10_minutes_and_3_syncs(syncs, now, expected):
    assert kind(verdict(2, 2, syncs=syncs, now=now)) == expected


@pytest.mark.parametrize(
    ("syncs", "now", "expected"),
    [(3, 60, "due"), (2, 60, "held"), (3, 59.99, "held"), (2, DAY, "held"), (3, DAY, "believed")],
)
def test_many_rows_wait_an_hour_and_3_syncs(syncs, now, expected):
    assert kind(verdict(5, 10, syncs=syncs, now=now)) == expected


@pytest.mark.parametrize(
    ("syncs", "now", "expected"),
    [(3, DAY, "believed"), (2, DAY, "held"), (3, DAY - 0.01, "held"), (1440, 60, "held")],
)
def test_many_rows_of_an_empty_list_wait_a_day_and_3_syncs(syncs, now, expected):
    assert kind(verdict(5, 5, syncs=syncs, now=now)) == expected


@pytest.mark.parametrize(
    ("syncs", "now", "expected"),
    [(3, DAY, "believed"), (2, DAY, "due"), (3, DAY - 0.01, "due"), (1, 0, "due")],
)
def test_an_ordinary_row_that_no_lookup_decided_is_believed_gone_after_a_day(syncs, now, expected):
    assert kind(verdict(1, 10, syncs=syncs, now=now)) == expected


def test_each_row_waits_for_itself():
    rows = {"old": missing(0, 60), "new": missing(50, 3), "c": missing(50, 3)}
    found = judge(rows, 4, False, GuardConfig(), T0 + minutes(60))
    assert (found.due, found.held) == ({"old"}, {"new", "c"})


def test_rows_become_ordinary_when_the_others_return():
    assert kind(verdict(5, 10)) == "held"
    assert kind(verdict(2, 10, syncs=2, now=1)) == "due"


@pytest.mark.parametrize(
    ("limits", "count", "live", "expected"),
    [
        ({"min": 5}, 4, 5, "due"),
        ({"min": 1}, 1, 2, "held"),
        ({"percent": 50}, 5, 10, "due"),
        ({"percent": 50}, 6, 10, "held"),
        ({"percent": 0}, 3, 1000, "held"),
        ({"percent": 100}, 9, 10, "due"),
        ({"percent": 100}, 10, 10, "held"),
    ],
)
def test_min_and_percent_are_the_user_s(limits, count, live, expected):
    assert kind(verdict(count, live, limits=GuardConfig(**limits))) == expected


def test_syncs_and_the_holds_are_the_user_s():
    short = GuardConfig(hold=timedelta(minutes=5), hold_empty=timedelta(minutes=20), syncs=1)
    assert kind(verdict(5, 10, now=5, limits=short)) == "due"
    assert kind(verdict(5, 5, now=19, limits=short)) == "held"
    assert kind(verdict(5, 5, now=20, limits=short)) == "due"
    assert kind(verdict(1, 1, now=10, limits=short)) == "due"


def test_a_hold_longer_than_a_day_is_kept():
    long = GuardConfig(hold_empty=timedelta(days=3))
    assert kind(verdict(5, 5, syncs=99, now=2 * DAY, limits=long)) == "held"
    assert kind(verdict(5, 5, syncs=99, now=3 * DAY, limits=long)) == "believed"


def test_nothing_missing_is_nothing_to_do():
    assert judge({}, 10, False, GuardConfig(), T0) == Verdict(wait=FEW_WAIT)
    assert next_look({}, Verdict(), T0, T0) is None


def looks(found: Verdict, rows: dict[str, Missing], until: float) -> list[float]:
    """Every look, in minutes, if each is taken when it comes and nothing changes."""
    now, times = T0, []
    while (look := next_look(rows, found, T0, now)) is not None and look <= T0 + minutes(until):
        times.append((look - T0) / minutes(1))
        now = look
    return times


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Verdict(held=frozenset("a"), wait=minutes(60)), [1, 3, 10, 60]),
        (Verdict(held=frozenset("a"), wait=minutes(DAY)), [1, 3, 10, DAY]),
        (Verdict(waiting=frozenset("a"), wait=FEW_WAIT), [1, 3, 10]),
        (Verdict(due=frozenset("a"), wait=FEW_WAIT), [1, 3, 10, DAY]),
    ],
)
def test_a_target_with_missing_rows_is_looked_at_after_1_3_and_10_minutes_and_when_the_wait_ends(
    found, expected
):
    assert looks(found, {"a": missing(0)}, until=2 * DAY) == expected


def test_the_early_looks_come_once_an_episode_and_the_earliest_wait_counts():
    rows = {"a": missing(0), "b": missing(30)}
    found = Verdict(held=frozenset("ab"), wait=minutes(60))
    assert looks(found, rows, until=2 * DAY) == [1, 3, 10, 60, 90]


def test_three_syncs_fit_into_the_shortest_wait():
    """0, 1, 3 and 10 minutes: the third sync comes before the wait is over, whatever the interval."""
    found = Verdict(waiting=frozenset("a"), wait=FEW_WAIT)
    assert 1 + len(looks(found, {"a": missing(0)}, until=10)) >= GuardConfig().syncs


row = st.builds(missing, st.integers(0, 2000), st.integers(1, 5))


@given(
    rows=st.dictionaries(st.sampled_from("abcdefgh"), row),
    extra=st.integers(0, 30),
    now=st.integers(2000, 5000),
)
def test_each_missing_row_gets_exactly_one_verdict(rows, extra, now):
    found = judge(rows, len(rows) + extra, extra == 0, GuardConfig(), T0 + minutes(now))
    parts = (found.believed, found.due, found.held, found.waiting)
    assert sum(map(len, parts)) == len(rows)
    assert frozenset().union(*parts) == rows.keys()
    assert all(rows[image_id].syncs >= 3 for image_id in found.believed)
    assert all(T0 + minutes(now) - rows[image_id].since >= BELIEVED_AFTER for image_id in found.believed)
