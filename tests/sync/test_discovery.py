"""``regions = "all"``: regions come with their first list, leave after a day's absence, and nothing else counts."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from syncd.errors import ClientClosed
from syncd.model import Secret
from tests.sync.rig import REGIONS, brief

ALL = {"regions": None}


async def regions(rig) -> set[str]:
    return {target.region for target in rig.active("lab")}


async def test_every_region_becomes_a_target_with_its_first_list(make_rig):
    rig = await make_rig(**ALL)
    rig.world.fill("lab", "*", 3)
    report, first = await rig.discover()
    assert (report.outcome, report.failure, report.target.region) == ("complete", None, "")
    assert {one.target.region: one.outcome for one in first} == dict.fromkeys(REGIONS, "complete")
    assert await regions(rig) == set(REGIONS)
    (hello,) = rig.news()
    assert (hello.data["images"], hello.data["regions"], hello.data["pending_regions"]) == (
        3,
        list(REGIONS),
        [],
    )
    rig.check()


async def test_hello_waits_for_the_first_lists_of_all(make_rig):
    """Whatever order the first lists end in, one hello names them all."""
    rig = await make_rig(**ALL)
    rig.world.fill("lab", "*", 1)
    rig.fault("latency", "cn-b", seconds=0.2)
    await rig.discover()
    (hello,) = rig.news()
    assert hello.data["regions"] == list(REGIONS)


async def test_a_known_region_is_not_read_by_discovery(make_rig):
    rig = await make_rig(**ALL)
    await rig.discover()
    rig.sim.requests.clear()
    report, first = await rig.discover()
    assert (report.outcome, first) == ("complete", [])
    assert rig.sim.requests.count(subject="list") == 0


async def test_a_new_region_joins_silently(make_rig):
    rig = await make_rig(**ALL)
    rig.world.fill("lab", "cn-a", 1)
    await rig.discover()
    rig.news()
    rig.world.add_region("cn-d")
    rig.world.fill("lab", "cn-d", 5)
    _, (first,) = await rig.discover()
    assert (first.target.region, first.baseline, first.shared) == ("cn-d", True, 5)
    assert rig.news() == []
    rig.check()


@pytest.mark.parametrize("code", [230, 293])
async def test_a_region_that_refuses_its_list_is_no_target_and_no_trouble(make_rig, code):
    rig = await make_rig(**ALL)
    rig.world.fill("lab", "*", 1)
    refused = rig.fault("retcode", "cn-c", on="list", code=code, message="Params [Region] not available")
    for _ in range(4):
        report, _ = await rig.discover()
        assert (report.outcome, report.failure) == ("complete", None)
    assert await regions(rig) == {"cn-a", "cn-b"}
    (hello,) = rig.news()
    assert (hello.data["regions"], hello.data["pending_regions"]) == (["cn-a", "cn-b"], [])
    assert rig.rows("SELECT DISTINCT region FROM runs ORDER BY region") == [("cn-a",), ("cn-b",)]
    refused.remove()
    await rig.discover()
    assert await regions(rig) == set(REGIONS)
    assert rig.news() == []


async def test_a_new_region_that_fails_otherwise_is_the_account_s_trouble(make_rig):
    rig = await make_rig(**ALL)
    rig.world.fill("lab", "*", 1)
    broken = rig.fault("retcode", "cn-c", on="list", code=130)
    report, _ = await rig.discover()
    assert (report.failure, report.retry_at) == ("unreachable", report.finished_at + timedelta(minutes=1))
    for _ in range(2):
        await rig.sync("cn-a", "cn-b")
        await rig.discover()
    assert brief(rig.news()) == ["sync.baseline", "sync.failed"]
    broken.remove()
    report, _ = await rig.discover()
    assert report.failure is None
    await rig.sync("cn-a", "cn-b")
    assert brief(rig.news()) == ["sync.recovered"]
    rig.check()


async def test_an_incomplete_first_list_makes_no_target(make_rig):
    rig = await make_rig(**ALL)
    rig.world.fill("lab", "*", 3)
    lying = rig.fault("rows_without_id", "cn-c")
    report, _ = await rig.discover()
    assert report.failure == "incomplete"
    assert await regions(rig) == {"cn-a", "cn-b"}
    lying.remove()
    report, _ = await rig.discover()
    assert report.failure is None
    assert await regions(rig) == set(REGIONS)
    rig.check()


async def test_a_wrong_key_is_one_failure_and_never_healthy(make_rig):
    rig = await make_rig(**ALL)
    rig.world.fill("lab", "*", 1)
    right = {name: getattr(rig.configs["lab"], name) for name in ("public_key", "private_key")}
    await rig.restart(public_key=Secret("wrong"), private_key=Secret("wrong"))
    for _ in range(5):
        report, first = await rig.discover()
        assert (report.failure, first) == ("auth", [])
        assert report.retry_at == report.finished_at + timedelta(hours=1)
        rig.advance(hours=1)
    (event,) = rig.news()
    assert (event.type, event.region, event.data["class"], event.data["regions"]) == (
        "sync.failed",
        None,
        "auth",
        [],
    )
    assert rig.active("lab") == []
    await rig.restart(**right)
    await rig.discover()
    assert sorted(brief(rig.news())) == ["sync.baseline", "sync.recovered"]
    rig.check()


async def test_a_key_that_turns_wrong_is_one_failure_of_the_account(make_rig):
    rig = await make_rig(**ALL)
    rig.world.fill("lab", "*", 3)
    await rig.discover()
    rig.news()
    refused = rig.fault("retcode", code=171)
    for _ in range(3):
        await rig.sync(*REGIONS)
        await rig.discover()
    assert brief(rig.news()) == ["sync.failed"]
    refused.remove()
    await rig.sync(*REGIONS)
    assert rig.news() == []
    await rig.discover()
    assert brief(rig.news()) == ["sync.recovered"]
    rig.check()


@pytest.mark.parametrize(
    ("fault", "options", "failure"),
    [
        ("retcode", {"code": 130}, "unreachable"),
        ("null_list", {}, "protocol"),
        ("body", {"text": '{"RetCode":0,"ZoneInfo":[]}'}, "protocol"),
        ("body", {"text": '{"RetCode":0}'}, "protocol"),
        ("html", {}, "protocol"),
    ],
)
async def test_a_failed_or_empty_discovery_changes_nothing(make_rig, fault, options, failure):
    rig = await make_rig(**ALL)
    rig.world.fill("lab", "*", 3)
    await rig.discover()
    before = rig.rows("SELECT * FROM targets")
    rows = rig.live()
    rig.news()
    rig.fault(fault, on="zones", **options)
    report, first = await rig.discover()
    assert (report.failure, first) == (failure, [])
    assert (rig.rows("SELECT * FROM targets"), rig.live(), rig.news()) == (before, rows, [])
    for _ in range(2):
        report, _ = await rig.discover()
    (event,) = rig.news()
    assert (event.type, event.data["class"], event.data["regions"]) == ("sync.failed", failure, [])
    assert report.retry_at == report.finished_at + timedelta(minutes=2)
    assert "region discovery" in event.data["message"]


async def test_a_region_leaves_only_after_a_day_s_absence_and_a_refusal(make_rig):
    rig = await make_rig(**ALL)
    rig.world.fill("lab", "*", 3)
    only = rig.world.fill("lab", "cn-c", 2)
    await rig.discover()
    await rig.sync(*REGIONS)
    rig.news()
    rows = rig.ids("cn-c")
    rig.world.remove_region("cn-c")
    for _ in range(24):
        await rig.discover()
        await rig.sync(*REGIONS)
        rig.advance(hours=1)
        assert "cn-c" in await regions(rig)
    assert brief(rig.news()) == ["sync.failed"]
    report = await rig.sync("cn-c")
    assert report.outcome == "cancelled"
    assert await regions(rig) == {"cn-a", "cn-b"}
    await rig.sync("cn-a", "cn-b")
    assert brief(rig.news()) == ["sync.recovered"]
    assert rig.ids("cn-c") == rows
    assert not set(only) & {row[0] for row in rig.rows("SELECT image_id FROM images")}
    rig.world.add_region("cn-c")
    await rig.discover()
    assert await regions(rig) == set(REGIONS)
    assert rig.news() == []
    rig.check(told_once=False)


async def test_a_region_that_is_unlisted_but_still_lists_stays(make_rig):
    rig = await make_rig(**ALL)
    await rig.discover()
    rig.news()
    rig.fault("body", on="zones", text='{"RetCode":0,"ZoneInfo":[{"Region":"cn-a"},{"Region":"cn-b"}]}')
    for _ in range(3):
        await rig.discover()
        rig.advance(days=1)
        await rig.sync(*REGIONS)
    assert await regions(rig) == set(REGIONS)
    rig.sim.faults.clear()
    rig.fault("retcode", "cn-c", on="list", code=230, message="Params [Region] not available")
    await rig.discover()
    await rig.sync("cn-c")
    assert await regions(rig) == set(REGIONS)  # the API names it again: the day begins anew


@pytest.mark.parametrize(("code", "failure"), [(130, "unreachable"), (293, "auth"), (292, "configuration")])
async def test_a_region_that_is_unlisted_and_fails_otherwise_stays(make_rig, code, failure):
    rig = await make_rig(**ALL)
    await rig.discover()
    rig.world.remove_region("cn-c")
    await rig.discover()
    rig.fault("retcode", "cn-c", code=code)
    rig.advance(days=2)
    assert (await rig.sync("cn-c")).failure == failure
    assert await regions(rig) == set(REGIONS)


async def test_a_refusal_of_a_region_that_is_listed_is_a_failure(make_rig):
    rig = await make_rig(**ALL)
    await rig.discover()
    rig.fault("retcode", "cn-c", on="list", code=230, message="Params [Region] not available")
    rig.advance(days=2)
    await rig.discover()
    report = await rig.sync("cn-c")
    assert (report.failure, await regions(rig)) == ("configuration", set(REGIONS))


async def test_a_configured_region_never_leaves_by_itself(make_rig):
    rig = await make_rig(regions=("cn-a", "cn-d"))
    for _ in range(4):
        rig.advance(days=1)
        assert (await rig.sync("cn-d")).failure == "configuration"
    assert await regions(rig) == {"cn-a", "cn-d"}


async def test_an_account_that_may_use_no_region_is_in_trouble(make_rig):
    rig = await make_rig(**ALL)
    rig.fault("retcode", on="list", code=293)
    report, _ = await rig.discover()
    assert report.failure == "auth"
    assert brief(rig.news()) == ["sync.failed"]
    assert rig.active("lab") == []


async def test_a_bug_in_discovery_is_its_failure(make_rig):
    rig = await make_rig(**ALL)
    await rig.discover()
    rig.news()

    async def broken() -> tuple[str, ...]:
        raise TypeError("a bug")

    rig.accounts["lab"].cloud.regions = broken
    report, _ = await rig.discover()
    assert (report.failure, report.error) == ("protocol", "region discovery: internal error: TypeError")


async def test_a_day_of_absence_that_began_in_the_future_begins_now(make_rig):
    rig = await make_rig(**ALL)
    await rig.discover()
    rig.world.remove_region("cn-c")
    rig.advance(days=9)
    await rig.discover()
    rig.advance(days=-9)
    await rig.discover()
    rig.advance(hours=25)
    await rig.sync("cn-c")
    assert await regions(rig) == {"cn-a", "cn-b"}


async def test_hello_does_not_wait_for_a_time_that_a_wrong_clock_wrote(make_rig):
    rig = await make_rig(regions=REGIONS)
    rig.world.fill("lab", "*", 3)
    rig.fault("http_error", "cn-c")
    rig.advance(hours=8)
    await rig.sync("cn-a", "cn-c")
    rig.advance(hours=-8)
    await rig.sync("cn-b")
    assert "sync.baseline" in brief(rig.news())


async def test_a_closed_account_ends_its_discovery_and_sends_nothing_more(make_rig):
    rig = await make_rig(**ALL)
    await rig.discover()
    rig.fault("hang", on="zones", times=1)
    running = asyncio.create_task(rig.discover())
    await rig.sim.requests.arrive(2, subject="zones")
    await rig.accounts["lab"].aclose()
    report, first = await running
    assert (report.outcome, first) == ("cancelled", [])
    rig.sim.requests.clear()
    with pytest.raises(ClientClosed):
        await rig.accounts["lab"].cloud.regions()
    assert rig.sim.requests.count() == 0
