"""What an account was told of a state that the region which showed it no longer shows."""

from __future__ import annotations

import pytest

from syncd.store.records import Fact
from syncd.sync.doubts import Shows, next_step
from tests.sync.make import T0, minutes
from tests.sync.rig import REGIONS

DIGEST = b"d" * 16
TOLD = DIGEST + b"Available"
OTHER = DIGEST + b"Offline"


def fact(**fields) -> Fact:
    return Fact(True, "Available", DIGEST, unsettled_at=T0, **fields)


@pytest.mark.parametrize(
    ("shows", "step"),
    [
        ([], "wait"),
        ([(TOLD, True)], "agrees"),
        ([(TOLD, False)], "wait"),  # not read since
        ([(OTHER, False)], "wait"),
        ([(OTHER, True)], "differs"),
        ([(OTHER, True), (TOLD, True)], "agrees"),
        ([(OTHER, True), (TOLD, False)], "wait"),  # that region may say otherwise once it is read
        ([(OTHER, True), (OTHER, False)], "differs"),
    ],
)
def test_a_state_is_told_anew_once_a_region_was_read_and_none_shows_the_old_one(shows, step):
    rows = [Shows(f"cn-{number}", *row) for number, row in enumerate(shows)]
    assert next_step(fact(), rows, bool(rows), T0 + minutes(1)) == step


@pytest.mark.parametrize(
    ("listed", "found", "step"),
    [(False, None, "ask"), (True, None, "wait"), (False, 5, "wait"), (False, -5, "ask"), (False, 11, "ask")],
)
def test_a_lost_image_that_no_list_shows_is_asked_for(listed, found, step):
    """``found``: so many minutes ago a lookup found it; a time in the future is none."""
    found_at = None if found is None else T0 + minutes(20 - found)
    assert next_step(fact(lost_region="cn-a", found_at=found_at), [], listed, T0 + minutes(20)) == step


async def told_offline_by_one(make_rig) -> tuple:
    """An image in three regions; cn-a turned it Offline, and the account heard."""
    rig = await make_rig(regions=REGIONS)
    rig.world.fill("lab", "*", 10)
    image = rig.world.share("lab", "*", Status="Available")
    await rig.settle()
    rig.world.set_status(image, "Offline", "cn-a")
    await rig.sync(*REGIONS)
    assert told(rig) == [("status_changed", "cn-a", "Offline")]
    return rig, image


def told(rig) -> list[tuple]:
    return [
        (event.type.removeprefix("image."), event.region, event.data["image"]["status"])
        for event in rig.news()
        if event.scope == "account"
    ]


async def test_the_others_state_is_told_when_the_region_that_told_another_loses_the_image(make_rig):
    rig, image = await told_offline_by_one(make_rig)
    broken = [rig.fault("retcode", region, code=130) for region in ("cn-b", "cn-c")]
    rig.world.unshare("lab", "cn-a", image)
    await rig.sync(*REGIONS)
    assert told(rig) == []
    for fault in broken:
        fault.remove()
    await rig.sync("cn-b")
    (event,) = [event for event in rig.news() if event.scope == "account"]
    assert (event.type, event.region) == ("image.status_changed", "cn-b")
    assert event.data["changes"] == [{"field": "status", "from": "Offline", "to": "Available"}]
    assert event.data["previous"] == {"status": "Offline"}
    await rig.sync(*REGIONS)
    assert told(rig) == []
    rig.world.set_status(image, "UnAvailable", ("cn-b", "cn-c"))
    await rig.sync(*REGIONS)
    assert told(rig) == [("status_changed", "cn-b", "UnAvailable")]
    rig.check()


async def test_the_others_state_is_told_when_the_region_that_told_another_is_retired(make_rig):
    rig, image = await told_offline_by_one(make_rig)
    await rig.restart(regions=("cn-b", "cn-c"))
    await rig.sync("cn-b", "cn-c")
    assert told(rig) == [("status_changed", "cn-b", "Available")]
    rig.world.set_status(image, "UnAvailable", ("cn-b", "cn-c"))
    await rig.sync("cn-b", "cn-c")
    assert told(rig) == [("status_changed", "cn-b", "UnAvailable")]


async def test_a_region_that_is_retired_and_comes_back_says_nothing_that_is_known(make_rig):
    rig, _ = await told_offline_by_one(make_rig)
    await rig.restart(regions=("cn-b", "cn-c"))
    await rig.restart(regions=REGIONS)
    await rig.sync(*REGIONS)
    assert told(rig) == []


async def test_nothing_is_told_where_all_show_what_was_told(make_rig):
    rig, image = await told_offline_by_one(make_rig)
    rig.world.set_status(image, "Offline", ("cn-b", "cn-c"))
    await rig.sync(*REGIONS)
    rig.news()
    rig.world.unshare("lab", "cn-a", image)
    await rig.sync(*REGIONS)
    assert told(rig) == []
    assert rig.rows("SELECT image_id FROM facts WHERE unsettled_at IS NOT NULL") == []
    rig.check(globally=True)


async def test_an_image_lost_in_an_old_scope_is_not_told_in_the_new_one(make_rig):
    rig = await make_rig(regions=REGIONS[:2])
    rig.world.fill("lab", "*", 10)
    image = rig.world.share("lab", "*")
    await rig.settle()
    rig.world.unshare("lab", "cn-a", image)
    await rig.sync("cn-a")
    await rig.restart(project_id=rig.world.account("lab").projects[1])
    rig.news()
    rig.world.remove(image)
    await rig.sync("cn-a")
    rig.advance(minutes=40)
    await rig.sync("cn-a", "cn-b", "cn-a")
    assert told(rig) == []
