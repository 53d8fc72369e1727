"""One image in three regions: one account-scope event for each thing that happens to it, whoever sees it first."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import pytest

from tests.sync.rig import REGIONS, Rig, brief

ORDERS = list(permutations(REGIONS))

Deed = Callable[[Rig, str], object]

THINGS: list[tuple[str, Deed, list[str]]] = [
    ("shared", lambda rig, image: rig.world.share("lab", "*", image), ["shared"]),
    ("its status", lambda rig, image: rig.world.set_status(image, "Making"), ["status_changed"]),
    ("its name", lambda rig, image: rig.world.rename(image, "new"), ["updated"]),
    (
        "both",
        lambda rig, image: rig.world.change(image, Status="Offline", Name="newer"),
        ["status_changed", "updated"],
    ),
    (
        "and back",
        lambda rig, image: rig.world.change(image, Status="Making", Name="new"),
        ["status_changed", "updated"],
    ),
    ("revoked", lambda rig, image: rig.world.remove(image), ["revoked"]),
    ("shared again", lambda rig, image: rig.world.share("lab", "*", image), ["shared"]),
]


async def watching(make_rig, regions=REGIONS) -> tuple[Rig, str]:
    """Three regions with ten images of their own each, and a global one that is not shared any more."""
    rig = await make_rig(regions=regions)
    for region in REGIONS:
        rig.world.fill("lab", region, 10)
    image = rig.world.share("lab", "*", Status="Available", Name="global")
    rig.world.remove(image)
    await rig.settle()
    return rig, image


def account_scope(rig) -> list[str]:
    return [line.removesuffix(" account") for line in brief(rig.news()) if line.endswith(" account")]


@pytest.mark.parametrize("order", ORDERS, ids=["".join(region[-1] for region in order) for order in ORDERS])
async def test_each_thing_is_told_once_in_every_order_of_the_syncs(make_rig, order):
    rig, image = await watching(make_rig)
    for name, deed, expected in THINGS:
        deed(rig, image)
        rig.advance(minutes=1)
        await rig.sync(*order)
        assert account_scope(rig) == expected, name
    rig.check(globally=True)


@pytest.mark.parametrize("order", ORDERS, ids=["".join(region[-1] for region in order) for order in ORDERS])
async def test_a_failing_region_delays_no_news_but_the_loss_and_doubles_none(make_rig, order):
    """The first region of the order fails while each thing happens, and is back (still fresh) before the next."""
    rig, image = await watching(make_rig)
    for name, deed, expected in THINGS:
        deed(rig, image)
        broken = rig.fault("retcode", order[0], code=130)
        rig.advance(minutes=1)
        await rig.sync(*order)
        waits = name == "revoked"
        assert account_scope(rig) == ([] if waits else expected), name
        broken.remove()
        await rig.sync(*order)
        assert account_scope(rig) == (expected if waits else []), name
    rig.check()


@pytest.mark.parametrize("order", ORDERS, ids=["".join(region[-1] for region in order) for order in ORDERS])
async def test_a_region_that_fails_beyond_its_freshness_does_not_hide_the_loss(make_rig, order):
    """The loss is told when the failing region stops counting, and not again when it is back."""
    rig, image = await watching(make_rig)
    rig.world.share("lab", "*", image)
    await rig.settle()
    broken = rig.fault("retcode", order[0], code=130)
    rig.advance(minutes=1)
    rig.world.remove(image)
    await rig.sync(*order)
    assert account_scope(rig) == []
    rig.advance(minutes=30)
    await rig.sync(*order)
    told = [event for event in rig.news() if event.scope == "account"]
    assert [(event.type, event.image_id) for event in told] == [("image.revoked", image)]
    assert told[0].data["unverified_regions"] == [order[0]]
    broken.remove()
    await rig.sync(*order)
    assert account_scope(rig) == []
    rig.check()


async def test_a_region_that_confirmed_the_image_after_the_others_lost_it_is_believed_while_it_fails(
    make_rig,
):
    rig, image = await watching(make_rig)
    rig.world.share("lab", "*", image)
    await rig.settle()
    rig.world.unshare("lab", ("cn-a", "cn-b"), image)
    await rig.sync(*REGIONS)
    broken = rig.fault("retcode", "cn-c", code=130)
    rig.advance(hours=2)
    await rig.sync(*REGIONS)
    assert account_scope(rig) == []
    rig.world.unshare("lab", "cn-c", image)
    broken.remove()
    await rig.sync(*REGIONS)
    assert account_scope(rig) == ["revoked"]
    rig.check()


async def test_a_region_that_stopped_counting_and_still_lists_the_image_corrects_the_account(make_rig):
    rig, image = await watching(make_rig)
    rig.world.share("lab", "*", image)
    await rig.settle()
    broken = rig.fault("retcode", "cn-c", code=130)
    rig.advance(minutes=31)
    await rig.sync("cn-c", "cn-a", "cn-b")
    rig.world.unshare("lab", ("cn-a", "cn-b"), image)
    await rig.sync("cn-a", "cn-b")
    revoked = [event for event in rig.news() if event.scope == "account"]
    assert [(event.type, event.data["unverified_regions"]) for event in revoked] == [
        ("image.revoked", ["cn-c"])
    ]
    broken.remove()
    await rig.sync("cn-c")
    shared = [event for event in rig.news() if event.scope == "account"]
    assert [(event.type, event.region, event.data["reshared"]) for event in shared] == [
        ("image.shared", "cn-c", True)
    ]
    await rig.sync(*REGIONS)
    assert account_scope(rig) == []
    rig.world.unshare("lab", "cn-c", image)
    await rig.sync(*REGIONS)
    assert account_scope(rig) == ["revoked"]
    rig.check()


@pytest.mark.parametrize("order", ORDERS, ids=["".join(region[-1] for region in order) for order in ORDERS])
async def test_regional_images_lose_no_news(make_rig, order):
    rig = await make_rig(regions=REGIONS)
    for region in REGIONS:
        rig.world.fill("lab", region, 10)
    await rig.settle()
    own = {region: rig.world.share("lab", region, Status="Making", Name="own") for region in REGIONS}
    await rig.sync(*order)
    assert account_scope(rig) == ["shared"] * 3
    for region, image in own.items():
        rig.world.change(image, region, Status="Available", Name="finished")
    await rig.sync(*order)
    assert account_scope(rig) == ["status_changed", "updated"] * 3
    for region, image in own.items():
        rig.world.unshare("lab", region, image)
    await rig.sync(*order)
    assert account_scope(rig) == ["revoked"] * 3
    rig.check()


async def test_a_global_image_that_ends_region_by_region_is_told_with_the_last(make_rig):
    rig, image = await watching(make_rig)
    rig.world.share("lab", "*", image)
    await rig.settle()
    for region in REGIONS:
        rig.world.unshare("lab", region, image)
        await rig.sync(*REGIONS)
        assert account_scope(rig) == (["revoked"] if region == "cn-c" else [])
        assert region not in {
            row[0] for row in rig.rows("SELECT region FROM images WHERE image_id = ?", image)
        }
    rig.check()


async def test_an_image_that_moves_between_regions_is_no_news_while_one_lists_it(make_rig):
    rig, image = await watching(make_rig)
    rig.world.share("lab", "cn-a", image)
    await rig.settle()
    rig.world.share("lab", "cn-b", image)
    rig.world.unshare("lab", "cn-a", image)
    await rig.sync("cn-b", "cn-a")
    assert account_scope(rig) == []
    rig.world.share("lab", "cn-a", image)
    rig.world.unshare("lab", "cn-b", image)
    await rig.sync("cn-b", "cn-a")
    assert account_scope(rig) == []  # for a second no region listed it, but a lookup found it
    rig.check()


@pytest.mark.parametrize("late", REGIONS)
async def test_a_late_region_tells_nothing_that_was_told_and_hides_nothing_that_was_not(make_rig, late):
    """Its baseline lists a known image, one that the others will list only later, and one of its own."""
    rig = await make_rig(regions=REGIONS)
    others = tuple(region for region in REGIONS if region != late)
    for region in REGIONS:
        rig.world.fill("lab", region, 10)
    known = rig.world.share("lab", "*", Status="Making")
    broken = rig.fault("retcode", late, code=130)
    await rig.sync(*REGIONS)
    rig.advance(minutes=3)
    await rig.sync(*REGIONS)
    rig.news()
    coming = rig.world.share("lab", late)
    broken.remove()
    await rig.sync(late)
    assert brief(rig.news()) == ["sync.recovered"]
    rig.world.share("lab", others, coming)
    await rig.sync(*others)
    told = [event for event in rig.news() if event.image_id]
    assert [(event.image_id, event.scope) for event in told] == [(coming, "account"), (coming, "region")]
    rig.world.set_status(known, "Available")
    await rig.sync(late, *others)
    assert account_scope(rig) == ["status_changed"]
    rig.world.remove(coming)
    await rig.sync(*others, late)
    assert account_scope(rig) == ["revoked"]
    rig.check()


async def test_a_baseline_makes_known_what_the_others_list_after_it_had_been_there(make_rig):
    """An image that the account was greeted with is not told again when another region lists it later."""
    rig = await make_rig(regions=REGIONS[:2])
    greeted = rig.world.share("lab", "cn-a")
    rig.world.share("lab", "cn-b")
    await rig.sync("cn-a", "cn-b", "cn-b")
    rig.news()
    rig.world.share("lab", "cn-b", greeted)
    await rig.sync("cn-b")
    assert brief(rig.news()) == ["shared region"]
    rig.check()


async def test_each_account_is_told_for_itself(make_rig):
    rig = await make_rig(regions=REGIONS[:2], accounts=("lab", "team"))
    for name in ("lab", "team"):
        rig.world.fill(name, "*", 1)
    await rig.settle()
    image = rig.world.share("lab", "*")
    rig.world.share("team", "*", image)
    for name in ("lab", "team"):
        await rig.sync("cn-a", "cn-b", account=name)
    assert [(event.account, event.scope) for event in rig.news()] == [
        ("lab", "account"),
        ("lab", "region"),
        ("team", "account"),
        ("team", "region"),
    ]
    rig.check()


async def test_a_change_that_others_show_is_told_when_the_region_without_it_loses_the_image(make_rig):
    """cn-b told the image as it was; cn-a first lists it as it is; cn-b loses it before it sees the change."""
    rig, _ = await watching(make_rig)
    image = rig.world.share("lab", "*", Status="Making", Name="x")
    await rig.sync("cn-b")
    rig.world.set_status(image, "Available")
    await rig.sync("cn-a", "cn-c")
    assert account_scope(rig) == ["shared"]
    rig.world.unshare("lab", "cn-b", image)
    await rig.sync("cn-b", "cn-a")
    (told,) = [event for event in rig.news() if event.scope == "account"]
    assert (told.type, told.region, told.image_id) == ("image.status_changed", "cn-a", image)
    assert told.data["changes"] == [{"field": "status", "from": "Making", "to": "Available"}]
    await rig.sync(*REGIONS)
    assert account_scope(rig) == []
    rig.check()


async def test_a_failing_region_s_old_row_is_not_told_as_a_change(make_rig):
    rig, _ = await watching(make_rig)
    image = rig.world.share("lab", "*", Status="Making")
    await rig.settle()
    broken = rig.fault("retcode", "cn-c", code=130)
    rig.world.set_status(image, "Available")
    await rig.sync(*REGIONS)
    assert account_scope(rig) == ["status_changed"]
    rig.world.remove(image)
    await rig.sync(*REGIONS)
    assert account_scope(rig) == []
    broken.remove()
    await rig.sync(*REGIONS)
    assert account_scope(rig) == ["revoked"]
    rig.check()
