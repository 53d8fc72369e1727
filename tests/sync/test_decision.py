"""Decision: diff, guard and confirm together, before anything is written."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from syncd.compshare.client import Lookup
from syncd.config import GuardConfig
from syncd.model import Image, Listing, Missing, fingerprint
from syncd.store.records import TargetState
from syncd.sync.decision import Decision, Reading, decide
from tests.sync.make import LAB, T0, image, listing, minutes, missing, sighting, unchanged
from tests.sync.test_confirm import Cloud

DAY = 24 * 60
ROWS = [image(letter) for letter in "abcdefghij"]
STATE = TargetState(LAB, scope="s", baseline_at=T0 - minutes(60), last_success_at=T0 - minutes(1))


def reading(
    seen: Listing,
    rows: list[Image] = ROWS,
    lacking: dict[str, Missing] | None = None,
    now: float = 0,
    **state: Any,
) -> Reading:
    """``now``: when the sync started, in minutes after T0; the last one was a minute before."""
    known = {row.image_id: fingerprint(row) for row in rows}
    of_target = replace(STATE, **state)
    return Reading(
        LAB, T0 + minutes(now), of_target, known, lacking or {}, {}, seen, scope="s", observed=minutes(1)
    )


def shows(rows: str, *, of: list[Image] = ROWS, **more: Any) -> Listing:
    """A complete listing of these of the rows, unchanged."""
    chosen = [row for row in of if row.image_id in rows]
    absent = [row.image_id for row in of if row.image_id not in rows]
    return listing(*((row.image_id, unchanged(row)) for row in chosen), absent=absent, **more)


class Yes(Cloud):
    """Every id that is asked for is gone, but for the ten rows' where they are the control."""

    def __init__(self, *there: str, **answers: Lookup) -> None:
        super().__init__({**dict.fromkeys(there, Lookup.FOUND), **answers})


async def judged(found: Reading, cloud: Cloud) -> Decision:
    return await decide(found, GuardConfig(), cloud, random.Random(1))


async def test_a_confirmed_loss_of_few_is_gone_at_once():
    found = await judged(reading(shows("abcdefghi")), Yes(*"abcdefghi"))
    assert found.gone == {"j": Missing(T0, 1, shown_at=T0 - minutes(1))}
    assert (found.kept, found.look_at, found.proving) == ({}, None, True)


@pytest.mark.parametrize("answer", [Lookup.FOUND, Lookup.UNDECIDED])
async def test_a_loss_that_lookups_do_not_prove_stays_live_and_is_looked_at_again(answer):
    found = await judged(reading(shows("abcdefghi")), Yes(*"abcdefghi", j=answer))
    assert found.gone == {}
    assert found.kept == {"j": Missing(T0, 1, held=False, shown_at=T0 - minutes(1))}
    assert found.look_at == T0 + minutes(1)
    assert found.proving == (answer is Lookup.FOUND)


async def test_too_many_are_held_without_asking():
    cloud = Yes(*"abcdef")
    found = await judged(reading(shows("abcdef")), cloud)
    assert cloud.asked == []
    assert (sorted(found.held), found.gone) == (["g", "h", "i", "j"], {})
    assert (found.until, found.look_at) == (T0 + minutes(60), T0 + minutes(1))


async def test_the_few_of_an_empty_list_are_held_as_well():
    cloud = Yes()
    found = await judged(reading(shows("", of=ROWS[:2]), ROWS[:2]), cloud)
    assert (cloud.asked, found.gone, sorted(found.held)) == ([], {}, ["a", "b"])
    assert found.until == T0 + minutes(DAY)


async def test_each_complete_sync_counts_and_keeps_the_first_moment():
    before = {"j": missing(-5, 2)}
    found = await judged(reading(shows("abcdefghi"), lacking=before), Yes(*"abcdefghi", j=Lookup.FOUND))
    assert found.kept == {"j": replace_missing(before["j"], syncs=3, waited=minutes(1))}


async def test_an_incomplete_listing_neither_counts_nor_resets_nor_asks():
    before = {"i": missing(-5, 2, held=True), "j": missing(-5, 2, held=True)}
    half = shows("abci", complete=False, reason="changing")
    cloud = Yes()
    found = await judged(reading(half, lacking=before), cloud)
    assert (found.kept, found.gone, cloud.asked) == ({"j": before["j"]}, {}, [])


async def test_held_rows_are_asked_for_when_their_time_is_up():
    before = {letter: missing(-60, 5, held=True, waited=59) for letter in "ghij"}
    cloud = Yes(*"abcdef")
    found = await judged(reading(shows("abcdef"), lacking=before), cloud)
    assert set(found.gone) == set("ghij")
    assert set(cloud.asked[1:]) == set("ghij")
    assert found.held == []


async def test_a_held_row_stays_held_while_its_lookups_decide_nothing():
    before = {letter: missing(-60, 5, held=True, waited=59) for letter in "ghij"}
    found = await judged(
        reading(shows("abcdef"), lacking=before, episode_at=T0 - minutes(60)),
        Yes(*"abcdef", j=Lookup.UNDECIDED),
    )
    assert (set(found.gone), found.held) == (set("ghi"), ["j"])
    assert found.look_at == T0 - minutes(60) + minutes(DAY)
    assert found.found == frozenset()


async def test_a_held_row_stays_held_when_the_whole_list_goes_blank_and_few_are_left():
    """Nothing was revoked or returned: the hold goes on, and must not be told as over."""
    before = {"a": missing(-5, 3, held=True)}
    found = await judged(reading(shows("", of=ROWS[:2]), ROWS[:2], before), Yes())
    assert "a" in found.held


@pytest.mark.parametrize("answer", list(Lookup))
async def test_after_a_day_a_row_is_believed_gone_unless_its_lookup_finds_it(answer):
    before = {"j": missing(-DAY, 900, waited=DAY - 1)}
    cloud = Yes(*"abcdefghi", j=answer)
    found = await judged(reading(shows("abcdefghi"), lacking=before), cloud)
    assert cloud.asked[-1] == "j"
    assert set(found.gone) == (set() if answer is Lookup.FOUND else {"j"})
    assert found.found == ({"j"} if answer is Lookup.FOUND else set())


async def test_the_early_looks_count_from_the_episode_not_from_each_row():
    before = {"i": missing(-5, 3)}
    found = await judged(
        reading(shows("abcdefgh"), lacking=before, episode_at=T0 - minutes(5)),
        Yes(*"abcdefgh", i=Lookup.FOUND, j=Lookup.FOUND),
    )
    assert set(found.kept) == {"i", "j"}
    assert found.look_at == T0 + minutes(5)


async def test_a_new_scope_takes_what_it_lists_without_guard_or_lookup():
    cloud = Yes()
    found = await judged(replace(reading(shows("a")), scope="another"), cloud)
    assert (set(found.gone), found.kept, cloud.asked) == (set("bcdefghij"), {}, [])


@pytest.mark.parametrize("known", [[], ROWS])
async def test_an_empty_list_is_a_baseline_only_once_it_has_lasted_for_a_day_and_3_syncs(known):
    """The first of a target, or of a new scope."""
    empty = replace(reading(shows("", of=known), known), scope="another")
    found = await judged(empty, Yes())
    assert (found.empty_wait, found.gone, found.look_at) == (Missing(T0, 1), {}, T0 + minutes(1))
    waited = {"empty_since": T0 - minutes(DAY), "empty_syncs": 2, "empty_seconds": (DAY - 2) * 60.0}
    found = await judged(replace(empty, state=replace(empty.state, **waited)), Yes())
    assert found.empty_wait == Missing(T0 - minutes(DAY), 3, waited=minutes(DAY - 1))
    too_few_syncs = replace(empty.state, **(waited | {"empty_syncs": 1, "empty_seconds": 2.0 * DAY * 60}))
    assert (await judged(replace(empty, state=too_few_syncs), Yes())).empty_wait is not None
    waited["empty_seconds"] += 60
    found = await judged(replace(empty, state=replace(empty.state, **waited)), Yes())
    assert (found.empty_wait, set(found.gone)) == (None, {row.image_id for row in known})


async def test_the_first_listing_of_a_target_is_a_baseline():
    fresh = reading(listing(sighting(image("a"))), [], scope=None, baseline_at=None)
    assert (fresh.baseline, fresh.rebaseline) == (True, False)
    assert (reading(shows("a")).baseline, replace(reading(shows("a")), scope="x").rebaseline) == (False, True)
    assert [one.image.image_id for one in (await judged(fresh, Yes())).plan.added] == ["a"]


def replace_missing(row: Missing, **fields: Any) -> Missing:
    return Missing(**{name: getattr(row, name) for name in Missing.__struct_fields__} | fields)
