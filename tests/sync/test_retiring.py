"""Retiring: a region or account leaves the configuration and returns; nothing is told, nothing lost."""

from __future__ import annotations

from syncd.sync.rounds import sync_round
from tests.sync.rig import REGIONS, brief

TWO = REGIONS[:2]


async def watching(make_rig, **options):
    rig = await make_rig(**{"regions": TWO, **options})
    for region in TWO:
        rig.world.fill("lab", region, 10)
    await rig.settle()
    return rig


async def test_a_region_gone_from_the_configuration_leaves_silently_and_keeps_its_rows(make_rig):
    rig = await watching(make_rig)
    rows = rig.live()
    await rig.restart(regions=("cn-a",))
    await rig.sync("cn-a")
    assert rig.news() == []
    assert rig.live() == rows
    assert {row[0] for row in rig.rows("SELECT DISTINCT region FROM images")} == {"cn-a"}
    assert (await rig.sync("cn-b")).outcome == "cancelled"
    rig.check()


async def test_a_region_that_returns_syncs_on_from_what_it_knew(make_rig):
    rig = await watching(make_rig)
    lost, changed, *_ = sorted(rig.ids("cn-b"))
    await rig.restart(regions=("cn-a",))
    rig.advance(days=3)
    rig.world.unshare("lab", "cn-b", lost)
    rig.world.set_status(changed, "Offline", "cn-b")
    new = rig.world.share("lab", "cn-b")
    await rig.restart(regions=TWO)
    assert rig.news() == []
    report = await rig.sync("cn-b")
    assert not report.baseline
    assert {(event.type, event.image_id, event.scope) for event in rig.news()} == {
        ("image.shared", new, "account"),
        ("image.revoked", lost, "account"),
        ("image.status_changed", changed, "account"),
    }
    rig.check()


async def test_what_only_a_retired_region_lists_is_told_when_another_lists_it(make_rig):
    rig = await watching(make_rig)
    image = sorted(rig.ids("cn-b"))[0]
    await rig.restart(regions=("cn-a",))
    rig.world.share("lab", "cn-a", image)
    await rig.sync("cn-a")
    assert brief(rig.news()) == ["shared account"]
    await rig.restart(regions=TWO)
    await rig.sync(*TWO)
    assert rig.news() == []
    rig.check(told_once=False)


async def test_a_retired_region_does_not_hide_a_loss(make_rig):
    rig = await watching(make_rig)
    image = rig.world.share("lab", "*")
    await rig.settle()
    await rig.restart(regions=("cn-a",))
    rig.world.unshare("lab", "cn-a", image)
    await rig.sync("cn-a")
    (event,) = rig.news()
    assert (event.type, event.scope, event.data["unverified_regions"]) == (
        "image.revoked",
        "account",
        ["cn-b"],
    )
    await rig.restart(regions=TWO)
    await rig.sync("cn-b")
    (event,) = rig.news()
    assert (event.type, event.scope, event.data["reshared"]) == ("image.shared", "account", True)
    rig.check()


async def test_a_loss_that_the_retired_region_had_hidden_is_told(make_rig):
    """cn-a lost it while cn-b, which lists it no longer either, failed; then cn-b leaves the configuration."""
    rig = await watching(make_rig)
    image = rig.world.share("lab", "*")
    await rig.settle()
    rig.fault("retcode", "cn-b", code=130)
    rig.world.remove(image)
    await rig.sync(*TWO)
    assert brief(rig.news()) == ["revoked region"]
    rig.sim.faults.clear()
    await rig.restart(regions=("cn-a",))
    await rig.sync("cn-a")
    (event,) = rig.news()
    assert (event.type, event.image_id, event.scope) == ("image.revoked", image, "account")
    await rig.sync("cn-a")
    assert rig.news() == []


async def test_such_a_loss_is_told_even_if_nothing_ran_for_hours_before(make_rig):
    rig = await watching(make_rig)
    image = rig.world.share("lab", "*")
    await rig.settle()
    rig.fault("retcode", "cn-b", code=130)
    rig.world.remove(image)
    await rig.sync(*TWO)
    rig.news()
    rig.sim.faults.clear()
    rig.advance(hours=5)
    await rig.restart(regions=("cn-a",))
    await rig.sync("cn-a")
    assert [(event.image_id, event.scope) for event in rig.news()] == [(image, "account")]


async def test_an_account_that_leaves_and_returns(make_rig):
    rig = await watching(make_rig, accounts=("lab", "team"))
    rig.world.fill("team", "*", 4)
    await rig.settle()
    team = rig.configs.pop("team")
    await rig.restart()
    assert (await rig.sync(account="team")).outcome == "cancelled"
    assert {row[0] for row in rig.rows("SELECT DISTINCT account FROM images")} == {"lab"}
    new = rig.world.share("team", "cn-a")
    rig.configs["team"] = team
    await rig.restart()
    await rig.sync(*TWO, account="team")
    assert [(event.type, event.image_id, event.scope) for event in rig.news()] == [
        ("image.shared", new, "account")
    ]
    rig.check()


async def test_an_account_in_trouble_that_leaves_takes_its_alert_along(make_rig):
    rig = await watching(make_rig, accounts=("lab", "team"))
    rig.fault("retcode", account="team", code=171)
    await rig.sync(account="team")
    assert brief(rig.news()) == ["sync.failed"]
    team = rig.configs.pop("team")
    await rig.restart()
    rig.configs["team"] = team
    rig.sim.faults.clear()
    await rig.restart()
    await rig.sync(*TWO, account="team")
    assert rig.news() == []


async def test_a_failing_region_that_leaves_lets_the_account_recover(make_rig):
    rig = await watching(make_rig)
    rig.fault("retcode", "cn-b", code=130)
    for _ in range(3):
        await rig.sync(*TWO)
    assert brief(rig.news()) == ["sync.failed"]
    await rig.restart(regions=("cn-a",))
    await rig.sync("cn-a")
    assert brief(rig.news()) == ["sync.recovered"]


async def test_what_was_held_is_released_when_its_region_leaves_and_held_anew_when_it_returns(make_rig):
    rig = await watching(make_rig)
    rig.world.blank("cn-b")
    await rig.sync(*TWO)
    assert brief(rig.news()) == ["sync.held"]
    await rig.restart(regions=("cn-a",))
    (released,) = rig.news()
    assert (released.type, released.region, released.data["reason"]) == ("sync.released", "cn-b", "retired")
    assert rig.target("held_count", "cn-b") == 0
    await rig.sync("cn-a")
    await rig.restart(regions=TWO)
    await rig.sync(*TWO)
    assert brief(rig.news()) == ["sync.held"]
    assert rig.target("held_count", "cn-b") == 10


async def test_only_a_whole_round_retires(make_rig):
    rig = await watching(make_rig, accounts=("lab", "team"))
    rig.configs.pop("team")
    await rig.restart(regions=("cn-a",), retiring=False)
    await sync_round(rig.syncer, "lab")
    assert {target.region for target in rig.active("lab")} == set(TWO)
    assert rig.active("team") != []
    await sync_round(rig.syncer)
    assert {target.region for target in rig.active("lab")} == {"cn-a"}
    assert rig.active("team") == []
    assert rig.news() == []
