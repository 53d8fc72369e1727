"""Guard: every line of it, on both sides of each limit."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.config import GuardConfig
from syncd.sync.guard import BELIEVED_AFTER, Verdict, judge, next_look, observed
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
    """``count`` rows of ``live``, missing alike for ``now`` observed minutes."""
    rows = {f"i{number}": missing(0, syncs, waited=now) for number in range(count)}
    list_is_empty = count == live if empty is None else empty
    return judge(rows, live, list_is_empty, limits or GuardConfig())


def kind(found: Verdict) -> str:
    """What all rows are: held, due, or due and believed."""
    assert not (found.held and found.due)
    assert found.believed in (frozenset(), found.due)
    return "held" if found.held else "believed" if found.believed else "due"


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


@pytest.mark.parametrize(("count", "expected"), [(1, "held"), (2, "held"), (3, "held"), (100, "held")])
def test_nothing_of_an_empty_list_is_ordinary(count, expected):
    assert kind(verdict(count, count)) == expected


def test_an_empty_list_is_not_ordinary_even_where_the_share_is_small():
    assert kind(verdict(3, 100, empty=True)) == "held"


@pytest.mark.parametrize(
    ("syncs", "now", "expected"),
    [(3, 60, "due"), (2, 60, "held"), (3, 59.99, "held"), (2, DAY, "held"), (3, DAY, "believed")],
)
def test_many_rows_wait_an_hour_and_3_syncs(syncs, now, expected):
    assert kind(verdict(5, 10, syncs=syncs, now=now)) == expected


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize(
    ("syncs", "now", "expected"),
    [(3, DAY, "believed"), (2, DAY, "held"), (3, DAY - 0.01, "held"), (1440, 60, "held")],
)
def test_the_rows_of_an_empty_list_wait_a_day_and_3_syncs(count, syncs, now, expected):
    assert kind(verdict(count, count, syncs=syncs, now=now)) == expected


@pytest.mark.parametrize(
    ("syncs", "now", "expected"),
    [(3, DAY, "believed"), (2, DAY, "due"), (3, DAY - 0.01, "due"), (1, 0, "due")],
)
def test_an_ordinary_row_that_no_lookup_decided_is_believed_gone_after_a_day(syncs, now, expected):
    assert kind(verdict(1, 10, syncs=syncs, now=now)) == expected


def test_each_row_waits_for_itself():
    rows = {
        "old": missing(0, 60, waited=60),
        "new": missing(50, 3, waited=10),
        "c": missing(50, 3, waited=10),
    }
    found = judge(rows, 4, False, GuardConfig())
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
    assert kind(verdict(1, 1, now=19, limits=short)) == "held"


def test_a_hold_longer_than_a_day_is_kept():
    long = GuardConfig(hold_empty=timedelta(days=3))
    assert kind(verdict(5, 5, syncs=99, now=2 * DAY, limits=long)) == "held"
    assert kind(verdict(5, 5, syncs=99, now=3 * DAY, limits=long)) == "believed"


def test_what_lookups_find_makes_no_loss_a_larger_one_and_is_not_held():
    """Three of nine are missing, two of which a lookup finds."""
    rows = {name: missing() for name in "abc"}
    assert judge(rows, 9, False, GuardConfig(), found="ab") == Verdict(
        due=frozenset("c"), wait=GuardConfig().hold
    )
    lasted = {name: missing(syncs=3, waited=60) for name in "abc"}
    assert judge(lasted, 9, False, GuardConfig(), found="ab").due == set("abc")


def test_nothing_missing_is_nothing_to_do():
    assert judge({}, 10, False, GuardConfig()) == Verdict(wait=GuardConfig().hold)
    assert next_look({}, Verdict(), T0, T0) is None


def looks(found: Verdict, since: dict[str, float], until: float) -> list[float]:
    """Every look, in minutes, at rows missing since so many, if each is taken when it comes and all time is watched."""
    now, times = T0 + minutes(max(since.values())), []
    while True:
        rows = {row: missing(at, waited=(now - T0) / minutes(1) - at) for row, at in since.items()}
        look = next_look(rows, found, T0, now)
        if look is None or look > T0 + minutes(until):
            return times
        times.append((look - T0) / minutes(1))
        now = look


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Verdict(held=frozenset("a"), wait=minutes(60)), [1, 3, 10, 60]),
        (Verdict(held=frozenset("a"), wait=minutes(DAY)), [1, 3, 10, DAY]),
        (Verdict(due=frozenset("a"), wait=minutes(60)), [1, 3, 10, DAY]),
    ],
)
def test_a_target_with_missing_rows_is_looked_at_after_1_3_and_10_minutes_and_when_the_wait_ends(
    found, expected
):
    assert looks(found, {"a": 0}, until=2 * DAY) == expected


def test_the_early_looks_come_once_an_episode_and_the_earliest_wait_counts():
    found = Verdict(held=frozenset("ab"), wait=minutes(60))
    assert looks(found, {"a": 0, "b": 30}, until=2 * DAY) == [60, 90]


def test_three_syncs_fit_into_an_hour_whatever_the_interval():
    found = Verdict(held=frozenset("a"), wait=minutes(60))
    assert 1 + len(looks(found, {"a": 0}, until=60)) >= GuardConfig().syncs


@pytest.mark.parametrize(
    ("gap", "elapsed", "interval", "expected"),
    [
        (1, 1, 1, 1),
        (3, None, 1, 3),
        (3.5, None, 1, 3),  # at most three intervals
        (DAY, DAY, 1, 3),  # a day of outages
        (DAY, None, 1, 3),  # a day of being off
        (DAY, None, DAY, DAY),
        (480, 1, 60, 1),  # the wall clock was set forward
        (1, 480, 60, 1),  # the wall clock was set back: the lesser of the two
        (-479, 1, 60, 0),
        (-479, None, 60, 0),
    ],
)
def test_only_watched_time_is_waiting(gap, elapsed, interval, expected):
    """All in minutes: the gap by the wall clock, by the monotonic clock, the planned interval."""
    by_monotonic = None if elapsed is None else minutes(elapsed)
    assert observed(T0, T0 + minutes(gap), by_monotonic, minutes(interval)) == minutes(expected)


def test_before_the_first_complete_sync_nothing_was_watched():
    assert observed(None, T0, minutes(5), minutes(60)) == minutes(0)


row = st.builds(missing, st.just(0), st.integers(1, 5), st.booleans(), st.integers(0, 3000))


@given(rows=st.dictionaries(st.sampled_from("abcdefgh"), row), extra=st.integers(0, 30))
def test_each_missing_row_is_due_or_held(rows, extra):
    found = judge(rows, len(rows) + extra, extra == 0, GuardConfig())
    assert found.due | found.held == rows.keys()
    assert not found.due & found.held
    assert found.believed <= found.due
    assert all(rows[image_id].syncs >= 3 for image_id in found.believed)
    assert all(rows[image_id].waited >= BELIEVED_AFTER for image_id in found.believed)
