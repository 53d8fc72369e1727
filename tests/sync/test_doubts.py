"""What an account was told of a state that the region which showed it no longer shows."""

from __future__ import annotations

import pytest

from syncd.sync.doubts import agreement
from tests.sync.rig import REGIONS


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ([("new", True)], "agrees"),
        ([("new", True), ("old", False)], "agrees"),
        ([("old", True)], "differs"),
        ([("old", True), ("new", True)], "agrees"),
        ([("old", True), ("new", False)], "unknown"),  # that region may say otherwise once it is read
        ([("old", True), ("old", False)], "differs"),
    ],
)
def test_what_was_told_holds_while_a_region_shows_it(shown, expected):
    assert agreement("new", shown) == expected


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
    assert rig.rows("SELECT image_id FROM facts WHERE doubted_at IS NOT NULL") == []
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
