"""Failures: a failing target keeps its rows, touches no other, and is told once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from syncd.model import Target, from_text, to_text
from syncd.store.targets import read_target
from tests.sync.rig import REGIONS, brief

CLASSES = [
    ("retcode", {"code": 171}, "auth"),
    ("retcode", {"code": 292}, "configuration"),
    ("retcode", {"code": 230, "message": "Params [Region] not available"}, "configuration"),
    ("retcode", {"code": 130}, "unreachable"),
    ("retcode", {"code": 8434}, "unreachable"),
    ("throttled", {}, "unreachable"),
    ("throttled", {"http": True}, "unreachable"),
    ("http_error", {}, "unreachable"),
    ("reset", {}, "unreachable"),
    ("cut", {}, "unreachable"),
    ("retcode", {"code": 161}, "protocol"),
    ("retcode", {"code": 99999}, "protocol"),
    ("html", {}, "protocol"),
    ("truncated", {}, "protocol"),
    ("body", {"text": "[]"}, "protocol"),
    ("body", {"text": '{"RetCode":0}'}, "protocol"),
    ("rows_without_id", {}, "incomplete"),
    ("no_total", {}, None),
]


def failed(rig) -> list[tuple[str, list[str], bool]]:
    return [
        (event.data["class"], event.data["regions"], event.data["reminder"])
        for event in rig.news()
        if event.type == "sync.failed"
    ]


@pytest.mark.parametrize(("fault", "options", "failure"), CLASSES, ids=[f"{c[0]} {c[1]}" for c in CLASSES])
async def test_each_failure_keeps_the_rows_and_the_other_regions_go_on(make_rig, fault, options, failure):
    rig = await make_rig(regions=REGIONS)
    rig.world.fill("lab", "*", 4)
    await rig.settle()
    rows, good = rig.live(), rig.target("last_success_at", "cn-b")
    broken = rig.fault(fault, "cn-b", on="list", **options)
    new = rig.world.share("lab", ("cn-a", "cn-c"))
    report = await rig.sync("cn-b")
    assert report.failure == failure
    for _ in range(4):
        rig.advance(minutes=1)
        await rig.sync(*REGIONS)
    told = rig.news()
    if failure is not None:
        assert rig.target("last_success_at", "cn-b") == good
        assert [event.data["class"] for event in told if event.type == "sync.failed"] == [failure]
        assert [event.data["regions"] for event in told if event.type == "sync.failed"] == [["cn-b"]]
    assert rig.live().keys() - rows.keys() == {("lab", region, new) for region in ("cn-a", "cn-c")}
    assert rows.keys() <= rig.live().keys()
    assert [event.type for event in told if event.region == "cn-b"] == []
    broken.remove()
    await rig.sync(*REGIONS)
    assert brief(rig.news()) == ([] if failure is None else ["sync.recovered"])
    rig.check()


async def test_the_third_failure_in_a_row_is_told_and_no_earlier_one(rig):
    await rig.settle()
    broken = rig.fault("retcode", code=130)
    await rig.sync()
    await rig.sync()
    broken.remove()
    await rig.sync()
    rig.fault("retcode", code=130)
    began = None
    for _ in range(3):
        assert failed(rig) == []
        await rig.sync()
        began = began or rig.last
    events = rig.events()
    assert (events[-1].type, events[-1].data["since"]) == ("sync.failed", began)
    assert rig.target("failures") == 3
    await rig.sync()
    await rig.sync()
    assert failed(rig) == [("unreachable", ["cn-a"], False)]


async def test_auth_is_told_at_once(rig):
    await rig.settle()
    rig.fault("retcode", code=299)
    report = await rig.sync()
    assert failed(rig) == [("auth", ["cn-a"], False)]
    assert report.retry_at == report.finished_at + timedelta(hours=1)


async def test_an_attempt_that_leaves_a_target_not_fresh_is_told_at_once(rig):
    await rig.settle()
    rig.fault("retcode", code=130)
    rig.advance(minutes=29)
    await rig.sync()
    assert failed(rig) == []
    rig.advance(minutes=1)
    await rig.sync()
    assert failed(rig) == [("unreachable", ["cn-a"], False)]


async def test_an_open_alert_is_repeated_once_a_day(rig):
    await rig.settle()
    rig.fault("retcode", code=130)
    for _ in range(3):
        await rig.sync()
    assert failed(rig) == [("unreachable", ["cn-a"], False)]
    for _ in range(3 * 24):
        rig.advance(hours=1)
        await rig.sync()
    assert failed(rig) == [("unreachable", ["cn-a"], True)] * 3


async def test_while_it_is_open_another_cause_is_told_besides_auth_at_once(make_rig):
    rig = await make_rig(regions=REGIONS)
    await rig.settle()
    rig.fault("retcode", "cn-a", code=130)
    for _ in range(3):
        await rig.sync(*REGIONS)
    assert failed(rig) == [("unreachable", ["cn-a"], False)]
    rig.fault("html", "cn-b")
    await rig.sync(*REGIONS)
    await rig.sync(*REGIONS)
    assert failed(rig) == []
    await rig.sync(*REGIONS)
    await rig.sync(*REGIONS)
    assert failed(rig) == [("protocol", ["cn-a", "cn-b"], False)]
    rig.fault("retcode", "cn-c", code=171)
    for _ in range(4):
        await rig.sync(*REGIONS)
    assert failed(rig) == [("auth", list(REGIONS), False)]
    rig.sim.faults.clear()
    await rig.sync("cn-a", "cn-b")
    assert rig.news() == []
    await rig.sync("cn-c")
    (recovered,) = rig.news()
    assert (recovered.type, recovered.data["class"]) == ("sync.recovered", "auth")
    rig.check()


async def test_recovery_waits_for_every_target_and_says_how_long_it_took(make_rig):
    rig = await make_rig(regions=REGIONS)
    await rig.settle()
    broken = rig.fault("retcode", "cn-a", code=130)
    await rig.sync("cn-a")
    began = from_text(rig.last)
    await rig.sync("cn-a", "cn-a")
    broken.remove()
    await rig.sync("cn-a")
    assert brief(rig.news()) == ["sync.failed"]
    await rig.sync("cn-b")
    assert rig.news() == []
    await rig.sync("cn-c")
    (event,) = rig.news()
    assert event.data["regions"] == ["cn-a"]
    assert from_text(event.data["since"]) == began
    assert event.data["duration_seconds"] == round((event.time - began).total_seconds())
    assert rig.value("SELECT alert_class FROM accounts") is None


async def test_one_account_s_trouble_is_its_own(make_rig):
    rig = await make_rig(accounts=("lab", "team"))
    await rig.settle()
    rig.fault("retcode", account="lab", code=130)
    for _ in range(5):
        await rig.sync(account="lab")
        await rig.sync(account="team")
    assert [(event.type, event.account) for event in rig.news()] == [("sync.failed", "lab")]
    assert rig.target("failures", account="team") == 0


async def test_five_accounts_and_an_hour_without_the_api(make_rig):
    names = ("lab", "b", "c", "d", "e")
    rig = await make_rig(accounts=names, regions=REGIONS)
    for name in names:
        rig.world.fill(name, "*", 3)
    await rig.settle()
    down = rig.fault("http_error", status=502)
    for _ in range(4):
        rig.advance(minutes=15)
        for name in names:
            await rig.sync(*REGIONS, account=name)
    down.remove()
    for name in names:
        await rig.sync(*REGIONS, account=name)
    told = rig.news()
    for name in names:
        assert brief([event for event in told if event.account == name]) == ["sync.failed", "sync.recovered"]
    rig.check()


async def test_retries_grow_and_a_success_resets_them(rig):
    await rig.settle()
    broken = rig.fault("retcode", code=130)
    delays = []
    for _ in range(6):
        report = await rig.sync()
        assert report.retry_at is not None
        assert rig.target("next_attempt_at") == to_text(report.retry_at)
        delays.append((report.retry_at - report.finished_at) / timedelta(minutes=1))
    assert delays == [1, 2, 2, 2, 2, 2]
    broken.remove()
    assert (await rig.sync()).retry_at is None
    assert rig.target("next_attempt_at") is None
    rig.fault("rows_without_id")
    rig.world.share("lab", "cn-a")
    report = await rig.sync()
    assert report.retry_at == report.finished_at + timedelta(minutes=1)
    assert rig.target("next_attempt_at") == to_text(report.retry_at)


async def test_a_long_retry_after_ends_the_sync_and_sets_the_next(rig):
    await rig.settle()
    rig.fault("throttled", http=True, retry_after=300)
    report = await rig.sync()
    assert report.retry_at == report.finished_at + timedelta(minutes=5)


async def test_fresh_is_30_minutes_from_the_start_of_the_last_complete_sync(rig):
    await rig.sync()
    began = from_text(rig.last)
    assert from_text(rig.target("fresh_until")) == began + timedelta(minutes=30)
    rig.fault("rows_without_id")
    rig.world.share("lab", "cn-a")
    rig.advance(minutes=1)
    await rig.sync()
    assert from_text(rig.target("fresh_until")) == began + timedelta(minutes=30)
    assert from_text(rig.target("last_attempt_at")) == from_text(rig.last)


async def test_nothing_secret_is_stored(rig):
    await rig.settle()
    keys = rig.world.account("lab")
    rig.fault("body", text=f'{{"RetCode":171,"Message":"bad {keys.private_key}"}}')
    for _ in range(3):
        await rig.sync()
    await rig.db.close()
    stored = rig.path.read_bytes()
    assert keys.public_key.encode() not in stored
    assert keys.private_key.encode() not in stored


async def test_a_total_outage_behind_one_broken_region_is_told_and_recovery_names_them_all(make_rig):
    rig = await make_rig(regions=REGIONS)
    await rig.settle()
    rig.fault("retcode", "cn-a", code=130)
    for _ in range(3):
        await rig.sync(*REGIONS)
    assert failed(rig) == [("unreachable", ["cn-a"], False)]
    rig.fault("retcode", "cn-b", code=130)
    for _ in range(4):
        await rig.sync(*REGIONS)
    assert failed(rig) == []
    rig.fault("retcode", "cn-c", code=130)
    for _ in range(9):
        await rig.sync(*REGIONS)
    assert failed(rig) == [("unreachable", list(REGIONS), False)]
    rig.sim.faults.clear()
    await rig.sync(*REGIONS)
    (recovered,) = rig.news()
    assert (recovered.type, recovered.data["regions"]) == ("sync.recovered", list(REGIONS))


async def test_recovery_names_a_region_that_failed_unsaid(make_rig):
    rig = await make_rig(regions=REGIONS)
    await rig.settle()
    rig.fault("retcode", "cn-a", code=130)
    for _ in range(3):
        await rig.sync(*REGIONS)
    rig.fault("retcode", "cn-b", code=130)
    await rig.sync(*REGIONS)
    rig.sim.faults.clear()
    await rig.sync(*REGIONS)
    assert [event.data["regions"] for event in rig.news() if event.type == "sync.recovered"] == [
        ["cn-a", "cn-b"]
    ]


async def test_a_region_that_was_stale_before_it_failed_takes_as_many_failures_as_any(rig):
    """A machine that slept, or a cron line that runs more rarely than planned."""
    await rig.settle()
    rig.fault("retcode", code=130)
    rig.advance(hours=2)
    await rig.sync()
    await rig.sync()
    assert failed(rig) == []
    await rig.sync()
    assert failed(rig) == [("unreachable", ["cn-a"], False)]


async def test_an_alert_of_a_clock_that_ran_ahead_closes_with_the_next_syncs_and_hides_no_later_outage(
    make_rig,
):
    rig = await make_rig(regions=REGIONS)
    await rig.settle()
    rig.advance(hours=8)
    await rig.sync("cn-b", "cn-c")
    rig.fault("retcode", "cn-a", code=171)
    await rig.sync("cn-a")
    assert failed(rig) == [("auth", ["cn-a"], False)]
    rig.advance(hours=-8)
    rig.sim.faults.clear()
    await rig.sync(*REGIONS)
    assert brief(rig.news()) == ["sync.recovered"]
    rig.fault("retcode", code=130)
    for _ in range(3):
        await rig.sync(*REGIONS)
    assert failed(rig) == [("unreachable", list(REGIONS), False)]


async def test_a_target_that_a_clock_which_ran_ahead_read_last_is_not_fresh_until_it_is_read_again(rig):
    await rig.settle()
    rig.advance(hours=8)
    await rig.sync()
    rig.advance(hours=-8)
    assert not await fresh(rig)
    await rig.sync()
    assert await fresh(rig)


@pytest.mark.parametrize("seen", ["its own failure", "a sync of another region", "a new process"])
async def test_nor_once_the_clock_gets_to_the_time_at_which_it_was_read(make_rig, seen):
    """Seen while it lies ahead, the time is known as false for good."""
    rig = await make_rig(regions=REGIONS)
    await rig.settle()
    rig.advance(hours=8)
    await rig.sync("cn-a")
    rig.advance(hours=-8)
    match seen:
        case "its own failure":
            rig.fault("retcode", "cn-a", code=130)
            await rig.sync("cn-a")
        case "a sync of another region":
            await rig.sync("cn-b")
        case "a new process":
            await rig.restart()
    rig.advance(hours=8, minutes=1)
    assert not await fresh(rig)


async def fresh(rig) -> bool:
    """Whether cn-a is."""
    async with rig.db.read() as tx:
        state = await read_target(tx, Target("lab", "cn-a"))
    return state.is_fresh(rig.clock.now())


async def test_an_outage_of_all_is_told_also_if_the_others_are_first_read_later(make_rig):
    """None was ever read, so the first failure is told at once; those that fail with it are part of it, no others."""
    rig = await make_rig(regions=REGIONS)
    rig.fault("retcode", code=130)
    await rig.sync("cn-a")
    assert failed(rig) == [("unreachable", ["cn-a"], False)]
    rig.advance(minutes=7)
    await rig.sync(*REGIONS)
    assert failed(rig) == [("unreachable", list(REGIONS), False)]


async def test_an_outage_of_all_is_told_also_if_the_others_were_not_read_since_the_first_one_failed(make_rig):
    rig = await make_rig(regions=REGIONS)
    rig.world.fill("lab", "*", 3)
    await rig.settle()
    rig.advance(minutes=20)
    rig.fault("retcode", "cn-a", code=130)
    for _ in range(3):
        rig.advance(minutes=1)
        await rig.sync("cn-a")
    rig.fault("retcode", code=130)
    for _ in range(3):
        rig.advance(minutes=1)
        await rig.sync(*REGIONS)
    told = [event.data["regions"] for event in rig.news()]
    assert told == [["cn-a"], list(REGIONS)]
