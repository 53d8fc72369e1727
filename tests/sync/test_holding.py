"""The guard at work: what is revoked at once, what waits, what is held and how that ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from syncd.config import GuardConfig
from syncd.errors import UsageError
from syncd.model import Target, from_text
from syncd.sync.release import release
from syncd.sync.settings import Settings
from tests.sync.rig import SINK, brief

HOUR, DAY = 60, 24 * 60


async def watching(rig, count: int, region: str = "cn-a") -> list[str]:
    ids = rig.world.fill("lab", region, count)
    await rig.settle()
    return ids


def take(rig, ids: list[str], region: str = "cn-a") -> None:
    for image in ids:
        rig.world.unshare("lab", region, image)


@pytest.mark.parametrize(("count", "lost"), [(5, 2), (10, 3), (20, 6)])
async def test_an_ordinary_loss_is_told_by_the_next_sync(rig, count, lost):
    ids = await watching(rig, count)
    take(rig, ids[:lost])
    report = await rig.sync()
    assert (report.outcome, report.revoked, report.look_at) == ("complete", lost, None)
    assert brief(rig.news()) == ["revoked account"] * lost
    rig.check()


@pytest.mark.parametrize("count", [1, 2])
async def test_the_lone_user_s_one_or_two_images_are_held_for_a_day_when_the_list_is_empty(daily, count):
    rig = daily
    ids = await watching(rig, count)
    take(rig, ids)
    assert await rig.follow(until=DAY - 1) == [1, 3, 10]
    assert (brief(rig.news()), rig.ids(), rig.target("held_count")) == (["sync.held"], set(ids), count)
    rig.advance(minutes=1)
    report = await rig.sync()
    assert brief(rig.news()) == [*["revoked account"] * count, "sync.released"]
    assert (report.outcome, report.look_at) == ("complete", None)
    rig.check()


async def test_the_time_is_not_enough_without_3_syncs(daily):
    rig = daily
    await watching(rig, 2)
    rig.world.blank("cn-a")
    await rig.sync()
    rig.advance(days=1)
    await rig.sync()
    assert brief(rig.news()) == ["sync.held"]
    await rig.sync()
    assert brief(rig.news()) == [*["revoked account"] * 2, "sync.released"]
    rig.check()


async def test_time_that_nobody_watched_is_no_waiting(rig):
    """Three blank lists in three minutes, then a day of sleep, a stop or an outage: the next list is as new as they."""
    ids = await watching(rig, 10)
    hidden = rig.fault("blank")
    for _ in range(3):
        await rig.sync()
        rig.advance(minutes=1)
    hidden.remove()
    take(rig, ids[:9])
    for _ in range(3):
        rig.advance(days=1)
        await rig.sync()
        assert rig.ids() == set(ids)
    assert brief(rig.news()) == ["sync.held"]
    await watched_for(rig, minutes=HOUR)
    assert brief(rig.news()) == [*["revoked account"] * 9, "sync.released"]
    rig.check()


async def watched_for(rig, minutes: int) -> None:
    """Synced every minute for so long."""
    for _ in range(minutes):
        rig.advance(seconds=58, milliseconds=999)
        await rig.sync()


async def test_a_clock_that_jumps_is_no_waiting(daily):
    rig = daily
    ids = await watching(rig, 10)
    take(rig, ids[:5])
    for jump in (timedelta(hours=8), timedelta(days=365), -timedelta(days=365), -timedelta(hours=8)):
        await rig.sync()
        rig.clock.jump(jump)
        await rig.sync()
    assert (brief(rig.news()), rig.ids()) == (["sync.held"], set(ids))
    assert rig.value("SELECT MAX(missing_seconds) FROM image_rows") < 10
    rig.advance(hours=1)
    await rig.sync()
    assert brief(rig.news()) == [*["revoked account"] * 5, "sync.released"]


async def test_failed_and_incomplete_syncs_neither_count_nor_reset(make_rig):
    """Two of the three syncs that are needed, and eleven others between them."""
    guard = GuardConfig(hold=timedelta(minutes=15))
    rig = await make_rig(settings=Settings(guard, routes=(SINK,), interval=lambda _: timedelta(days=1)))
    ids = await watching(rig, 10)
    take(rig, ids[:5])
    await rig.sync()
    failing = rig.fault("retcode", code=110)
    for _ in range(6):
        rig.advance(minutes=2)
        await rig.sync()
    failing.remove()
    lying = rig.fault("rows_without_id")
    for _ in range(5):
        rig.advance(minutes=1)
        assert (await rig.sync()).outcome == "incomplete"
    lying.remove()
    await rig.sync()
    assert rig.ids() == set(ids)
    await rig.sync()
    assert rig.ids() == set(ids[5:])
    told = [
        "sync.held",
        "sync.failed",
        "sync.failed",
        "sync.recovered",
        *["revoked account"] * 5,
        "sync.released",
    ]
    assert brief(rig.news()) == told  # failed twice: from another cause besides
    rig.check()


async def test_seen_again_begins_anew(daily):
    rig = daily
    (only,) = await watching(rig, 1)
    hidden = rig.fault("blank")
    assert await rig.follow(until=9) == [1, 3]
    hidden.remove()
    await rig.sync()
    row = rig.rows("SELECT missing_since, missing_syncs, shown_at, held FROM image_rows")
    assert (row, rig.target("episode_at")) == ([(None, 0, None, 0)], None)
    rig.fault("blank")
    assert await rig.follow(until=9) == [1, 3]
    assert brief(rig.news()) == ["sync.held", "sync.released", "sync.held"]
    assert rig.ids() == {only}


async def test_a_blank_list_is_held_once_and_released_once_when_it_is_back(rig):
    ids = await watching(rig, 30)
    hidden = rig.fault("blank")
    report = await rig.sync()
    assert (report.outcome, report.held, report.missing, report.live) == ("held", 30, 30, 30)
    (held,) = rig.news()
    assert (held.type, held.region, held.scope) == ("sync.held", "cn-a", None)
    assert held.data["missing"] == held.data["live"] == 30
    assert held.data["image_ids"] == sorted(ids)[:20]
    assert (from_text(held.data["until"]) - from_text(rig.last)).total_seconds() == DAY * 60
    assert await rig.follow(until=200) == [1, 3, 10]
    assert rig.news() == []
    hidden.remove()
    report = await rig.sync()
    (released,) = rig.news()
    assert released.data | {"account": "", "region": ""} == {
        "account": "", "region": "", "baseline": False, "reason": "returned", "returned": 30, "revoked": 0,
    }  # fmt: skip
    assert (report.outcome, report.held, report.look_at) == ("complete", 0, None)
    rig.check()


async def test_looks_come_1_3_and_10_minutes_after_the_start_and_when_the_wait_ends(daily):
    rig = daily
    ids = await watching(rig, 10)
    take(rig, ids[:5])
    assert await rig.follow(until=2 * HOUR) == [1, 3, 10, HOUR]
    assert brief(rig.news()) == ["sync.held", *["revoked account"] * 5, "sync.released"]
    rig.check()


async def test_many_of_a_list_are_revoked_after_an_hour(daily):
    rig = daily
    ids = await watching(rig, 10)
    take(rig, ids[:5])
    await rig.sync()
    for _ in range(5):
        rig.advance(minutes=11)
        await rig.sync()
    assert (brief(rig.news()), rig.ids()) == (["sync.held"], set(ids))
    rig.advance(minutes=5)
    await rig.sync()
    *revoked, released = rig.news()
    assert {event.image_id for event in revoked} == set(ids[:5])
    assert (released.type, released.data["reason"]) == ("sync.released", "revoked")
    assert (released.data["revoked"], released.data["returned"]) == (5, 0)
    rig.check()


async def test_an_empty_list_is_believed_after_a_day(daily):
    rig = daily
    ids = await watching(rig, 3)
    rig.world.blank("cn-a")
    assert await rig.follow(until=DAY - 1) == [1, 3, 10]
    assert (brief(rig.news()), rig.ids()) == (["sync.held"], set(ids))
    rig.advance(minutes=1)
    await rig.sync()
    assert brief(rig.news()) == [*["revoked account"] * 3, "sync.released"]
    rig.check()


async def test_some_return_and_the_rest_is_ordinary(rig):
    ids = await watching(rig, 10)
    take(rig, ids[:5])
    await rig.sync()
    rig.advance(minutes=1)
    for image in ids[2:5]:
        rig.world.share("lab", "cn-a", image)
    await rig.sync()
    held, *revoked, released = rig.news()
    assert (held.type, {event.image_id for event in revoked}) == ("sync.held", set(ids[:2]))
    assert (released.data["reason"], released.data["revoked"], released.data["returned"]) == ("revoked", 2, 3)
    rig.check()


async def test_more_rows_join_what_is_held_without_another_word_and_wait_for_themselves(daily):
    rig = daily
    ids = await watching(rig, 10)
    take(rig, ids[:5])
    await rig.sync()
    rig.advance(minutes=30)
    take(rig, ids[5:7])
    await rig.sync()
    assert (brief(rig.news()), rig.target("held_count")) == (["sync.held"], 7)
    rig.advance(minutes=5)
    await rig.sync()
    rig.advance(minutes=25)
    await rig.sync()
    assert brief(rig.news()) == ["revoked account"] * 5
    assert rig.target("held_count") == 2
    rig.advance(minutes=31)
    await rig.sync()
    assert brief(rig.news()) == [*["revoked account"] * 2, "sync.released"]
    rig.check()


async def test_a_hold_survives_a_new_process(daily):
    rig = daily
    ids = await watching(rig, 10)
    take(rig, ids[:5])
    assert await rig.follow(until=5) == [1, 3]
    await rig.restart()
    began = from_text(rig.target("episode_at"))
    assert (await rig.sync()).look_at == began + timedelta(minutes=10)
    await rig.restart()
    await rig.follow(until=2 * HOUR)
    assert brief(rig.news()) == ["sync.held", *["revoked account"] * 5, "sync.released"]
    rig.check()


async def test_release_by_hand_revokes_at_once_and_asks_nothing(rig):
    ids = await watching(rig, 10)
    take(rig, ids[:5])
    await rig.sync()
    rig.news()
    asked = len(rig.sim.requests)
    rig.advance(minutes=1)
    (released,) = await release(rig.syncer)
    assert (released.target, released.revoked, len(rig.sim.requests)) == (Target("lab", "cn-a"), 5, asked)
    *revoked, last = rig.news()
    assert {event.image_id for event in revoked} == set(ids[:5])
    assert {event.scope for event in revoked} == {"account"}
    assert last.data["reason"] == "released_by_hand"
    assert (last.data["revoked"], last.data["returned"]) == (5, 0)
    rig.check()
    await rig.sync()
    assert rig.news() == []


async def test_what_is_missing_after_a_release_is_an_episode_of_its_own(daily):
    rig = daily
    ids = await watching(rig, 10)
    take(rig, ids[:5])
    await rig.sync()
    rig.advance(minutes=20)
    await release(rig.syncer)
    take(rig, ids[5:8])
    assert await rig.follow(until=2 * HOUR) == [1, 3, 10, HOUR]
    rig.check()


async def test_release_takes_only_what_is_held_where_it_is_asked_for(make_rig):
    rig = await make_rig(regions=("cn-a", "cn-b"))
    await watching(rig, 10)
    await watching(rig, 10, "cn-b")
    rig.world.blank(("cn-a", "cn-b"))
    await rig.sync("cn-a", "cn-b")
    for unwatched in (("nobody", None), ("lab", "cn-c"), (None, "cn-c")):
        with pytest.raises(UsageError, match="not watched"):
            await release(rig.syncer, *unwatched)
    assert [one.target.region for one in await release(rig.syncer, "lab", "cn-b")] == ["cn-b"]
    assert (len(rig.ids("cn-a")), len(rig.ids("cn-b"))) == (10, 0)
    assert [one.target.region for one in await release(rig.syncer)] == ["cn-a"]
    assert await release(rig.syncer) == []
    rig.check()


async def test_a_list_that_comes_back_after_a_release_is_reshared(rig):
    ids = await watching(rig, 10)
    hidden = rig.fault("blank")
    await rig.sync()
    await release(rig.syncer)
    hidden.remove()
    rig.advance(minutes=1)
    rig.news()
    await rig.sync()
    told = rig.news()
    assert {event.image_id for event in told} == set(ids)
    assert {(event.type, event.scope, event.data["reshared"]) for event in told} == {
        ("image.shared", "account", True)
    }
    rig.check(honest=False)


async def test_additions_and_changes_go_on_while_rows_are_held(rig):
    ids = await watching(rig, 10)
    take(rig, ids[:5])
    await rig.sync()
    rig.news()
    rig.world.share("lab", "cn-a")
    rig.world.set_status(ids[9], "Offline")
    report = await rig.sync()
    assert sorted(brief(rig.news())) == ["shared account", "status_changed account"]
    assert report.outcome == "held"
    rig.check(settled=False)
