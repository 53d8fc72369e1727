"""Before an account is told that an image is gone, each of its other regions is asked for it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from syncd.compshare.client import Lookup
from syncd.model import Target
from syncd.store.records import TargetState
from syncd.sync.other_regions import OtherRegions, other_regions
from tests.sync.make import T0, minutes
from tests.sync.rig import REGIONS, Rig, brief

FRESH = {"scope": "s", "fresh_until": T0 + minutes(30)}
STALE = {"scope": "s", "fresh_until": T0 - minutes(1)}


def state(region: str, **fields) -> TargetState:
    return TargetState(Target("lab", region), **fields)


@pytest.mark.parametrize(
    ("other", "listing", "answer", "expected"),
    [
        (state("b", **FRESH), {"b"}, None, OtherRegions(listed=True)),
        (state("b", **FRESH), set(), None, OtherRegions(awaited=True, unverified=("b",))),
        (state("b", **FRESH), set(), Lookup.GONE, OtherRegions()),
        (state("b", **FRESH), set(), Lookup.FOUND, OtherRegions(found=True)),
        (state("b", **STALE), {"b"}, Lookup.GONE, OtherRegions(stale=True)),
        (state("b", **STALE), set(), Lookup.UNDECIDED, OtherRegions(awaited=True, unverified=("b",))),
        (
            state("b", **STALE, failures=1),
            {"b"},
            Lookup.UNDECIDED,
            OtherRegions(stale=True, unverified=("b",)),
        ),
        (state("b"), set(), None, OtherRegions(awaited=True, unverified=("b",))),  # never read
        (state("b", **FRESH, active=False), {"b"}, None, OtherRegions(unverified=("b",))),  # retired
        (state("b", **FRESH, active=False), set(), None, OtherRegions()),
    ],
)
def test_what_another_region_says_of_a_lost_image(other, listing, answer, expected):
    answers = {} if answer is None else {("b", "x"): answer}
    assert other_regions("x", [other], listing, answers, "s", T0) == expected


async def watching(make_rig, regions=REGIONS, **options) -> Rig:
    rig = await make_rig(regions=regions, **options)
    for region in regions:
        rig.world.fill("lab", region, 10)
    await rig.settle()
    return rig


def told(rig) -> list[tuple[str, str | None, list[str] | None]]:
    """What the account heard: type, region, and the regions that could not be asked."""
    return [
        (event.type.removeprefix("image."), event.region, event.data.get("unverified_regions"))
        for event in rig.news()
        if event.scope == "account"
    ]


async def test_an_image_that_moved_to_a_region_which_fails_is_found_there_by_its_lookup(make_rig):
    """cn-b's list fails: it never showed the image, which its lookups know."""
    rig = await watching(make_rig)
    image = rig.world.share("lab", "cn-a")
    await rig.settle()
    broken = rig.fault("retcode", "cn-b", on="list", code=130)
    rig.world.share("lab", "cn-b", image)
    rig.world.unshare("lab", "cn-a", image)
    rig.advance(minutes=40)
    await rig.sync(*REGIONS)
    assert told(rig) == []
    broken.remove()
    await rig.sync(*REGIONS)
    assert told(rig) == []
    rig.world.unshare("lab", "cn-b", image)
    await rig.sync(*REGIONS)
    assert told(rig) == [("revoked", "cn-b", [])]
    rig.check()


async def test_an_image_that_moved_to_a_region_which_was_not_read_since_is_found_there(make_rig):
    rig = await watching(make_rig)
    image = rig.world.share("lab", "cn-a")
    await rig.settle()
    rig.world.unshare("lab", "cn-a", image)
    rig.world.share("lab", "cn-b", image)
    await rig.sync("cn-a")
    assert told(rig) == []
    await rig.sync("cn-b")
    assert told(rig) == []
    rig.check()


async def test_a_region_that_cannot_be_asked_is_named(make_rig):
    rig = await watching(make_rig)
    image = rig.world.share("lab", "cn-a")
    await rig.settle()
    rig.fault("retcode", "cn-b", code=130)
    await rig.sync("cn-b")
    rig.world.unshare("lab", "cn-a", image)
    await rig.sync("cn-a")
    assert told(rig) == [("revoked", "cn-a", ["cn-b"])]
    rig.check()


async def test_a_region_whose_lookups_find_nothing_at_all_is_read_first_and_then_named(make_rig):
    """It denies also what it listed a moment ago: its word is no proof, and its list may show the image soon."""
    rig = await watching(make_rig)
    image = rig.world.share("lab", "cn-a")
    await rig.settle()
    rig.fault("lookup_refused", "cn-b")
    rig.world.unshare("lab", "cn-a", image)
    await rig.sync("cn-a")
    assert told(rig) == []
    await rig.sync("cn-b")
    assert told(rig) == [("revoked", "cn-a", ["cn-b"])]


async def test_what_a_lookup_found_and_no_list_shows_is_asked_for_again_and_told_once_it_is_gone(make_rig):
    rig = await watching(make_rig)
    image = rig.world.share("lab", "cn-a")
    await rig.settle()
    broken = rig.fault("retcode", "cn-b", on="list", code=130)
    rig.world.share("lab", "cn-b", image)
    rig.world.unshare("lab", "cn-a", image)
    await rig.sync("cn-b", "cn-a")
    rig.world.unshare("lab", "cn-b", image)
    broken.remove()
    for _ in range(9):
        rig.advance(seconds=58)
        await rig.sync("cn-b", "cn-c")
    assert told(rig) == []
    rig.advance(minutes=2)
    await rig.sync("cn-c")
    assert told(rig) == [("revoked", "cn-a", [])]
    rig.check()


async def test_one_image_costs_a_lookup_and_a_control_in_each_other_region(make_rig):
    rig = await watching(make_rig)
    image = rig.world.share("lab", "cn-a")
    await rig.settle()
    rig.world.unshare("lab", "cn-a", image)
    rig.sim.requests.clear()
    await rig.sync("cn-a")
    assert rig.sim.requests.count(subject="lookup") == 2 * 3
    rig.sim.requests.clear()
    await rig.sync(*REGIONS)
    assert rig.sim.requests.count(subject="lookup") == 0


async def test_a_global_image_that_all_regions_lose_at_once_is_one_event_of_the_account(make_rig):
    """Their syncs overlap: none of them knows in advance that it will be the last to lose it."""
    rig = await watching(make_rig)
    image = rig.world.share("lab", "*")
    await rig.settle()
    rig.world.remove(image)
    await rig.sync_together(*REGIONS)
    events = rig.news()
    assert sorted(brief(events)) == ["revoked account", "revoked region", "revoked region"]
    rig.check()


HOURLY = {"minutes": 60}


async def test_hourly_rounds_with_the_default_interval_tell_no_loss_that_a_later_region_refutes(make_rig):
    """Every region is stale when a round starts, and the others' lookups prove nothing."""
    rig = await watching(make_rig)
    image = rig.world.share("lab", ("cn-a", "cn-b"))
    await rig.settle()
    for region in ("cn-b", "cn-c"):
        rig.fault("lookup_fails", region)
    rig.world.unshare("lab", "cn-a", image)
    for _ in range(3):
        rig.advance(**HOURLY)
        await rig.sync(*REGIONS)
    assert brief(rig.news()) == ["revoked region"]
    rig.check()


async def test_hourly_rounds_tell_a_loss_in_the_round_that_sees_it(make_rig):
    rig = await watching(make_rig)
    image = rig.world.share("lab", "*")
    await rig.settle()
    rig.world.remove(image)
    rig.advance(**HOURLY)
    await rig.sync(*REGIONS)
    assert told(rig) == [("revoked", "cn-a", [])]
    rig.check()


async def test_a_loss_does_not_wait_for_ever_for_a_region_that_nobody_syncs(make_rig):
    rig = await watching(make_rig)
    image = rig.world.share("lab", "cn-a")
    await rig.settle()
    rig.advance(hours=2)
    rig.fault("lookup_fails", "cn-b")
    rig.world.unshare("lab", "cn-a", image)
    await rig.sync("cn-c", "cn-a")
    assert told(rig) == []
    rig.advance(minutes=10)
    await rig.sync("cn-a")
    assert told(rig) == [("revoked", "cn-a", ["cn-b"])]


async def test_after_a_pause_a_region_read_first_does_not_tell_what_the_others_refute(make_rig):
    rig = await watching(make_rig)
    image = rig.world.share("lab", ("cn-a", "cn-b"))
    await rig.settle()
    rig.world.unshare("lab", "cn-a", image)
    rig.advance(days=3)
    await rig.sync(*REGIONS)
    assert told(rig) == []
    rig.world.unshare("lab", "cn-b", image)
    await rig.sync(*REGIONS)
    assert told(rig) == [("revoked", "cn-b", [])]
    rig.check()


async def test_a_clock_set_back_hides_no_loss(make_rig):
    """cn-b last succeeded in a future that is none any more: it speaks for nothing."""
    rig = await watching(make_rig)
    image = rig.world.share("lab", ("cn-a", "cn-b"))
    rig.clock.jump(timedelta(hours=8))
    await rig.settle()
    rig.clock.jump(-timedelta(hours=8))
    rig.world.remove(image)
    rig.fault("retcode", "cn-b", code=130)
    for _ in range(40):
        rig.advance(minutes=1)
        await rig.sync(*REGIONS)
    assert ("revoked", "cn-a", ["cn-b"]) in told(rig)
