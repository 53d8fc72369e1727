"""Baseline and hello: what exists already is not news, and an account says once what it watches."""

from __future__ import annotations

from syncd.sync.settings import Settings
from tests.sync.rig import REGIONS, SINK, brief


def hellos(rig) -> list[tuple[int, list[str], list[str]]]:
    return [
        (event.data["images"], event.data["regions"], event.data["pending_regions"])
        for event in rig.news()
        if event.type == "sync.baseline"
    ]


async def test_the_first_complete_listing_is_a_baseline(rig):
    ids = rig.world.fill("lab", "cn-a", 3)
    report = await rig.sync()
    assert (report.outcome, report.baseline, report.shared, report.live) == ("complete", True, 3, 3)
    shared = [event for event in rig.events() if event.baseline]
    assert {event.image_id for event in shared} == set(ids)
    assert {(event.type, event.data["observed_after"], event.data["reshared"]) for event in shared} == {
        ("image.shared", None, False)
    }
    assert brief(rig.news()) == ["sync.baseline"]
    rig.check()


async def test_an_empty_first_list_is_no_baseline_and_the_first_that_is_not_empty_is(rig):
    """A gateway that answers with nothing at first would else have every image told as shared."""
    rig.world.fill("lab", "cn-a", 3)
    blank = rig.fault("blank")
    for _ in range(4):
        report = await rig.sync()
        assert (report.outcome, report.baseline, report.failures) == ("complete", False, 0)
        rig.advance(minutes=1)
    assert (rig.news(), rig.target("baseline_at")) == ([], None)
    assert rig.target("fresh_until") > rig.last
    blank.remove()
    report = await rig.sync()
    assert (report.baseline, report.shared) == (True, 3)
    assert brief(rig.news()) == ["sync.baseline"]
    rig.check()


async def test_an_empty_list_is_a_baseline_once_it_has_lasted_a_day(rig):
    await watched_for(rig, minutes=24 * 60 - 1)
    assert rig.target("baseline_at") is None
    rig.advance(seconds=59)
    assert (await rig.sync()).baseline
    assert hellos(rig) == [(0, ["cn-a"], [])]
    rig.world.share("lab", "cn-a")
    await rig.sync()
    assert brief(rig.news()) == ["shared account"]
    rig.check()


async def test_a_day_that_nobody_watched_makes_no_empty_list_a_baseline(rig):
    for _ in range(3):
        await rig.sync()
        rig.advance(minutes=1)
    for _ in range(3):
        rig.advance(days=1)
        assert not (await rig.sync()).baseline
    rig.world.fill("lab", "cn-a", 2)
    assert (await rig.sync()).baseline
    assert brief(rig.news()) == ["sync.baseline"]


async def watched_for(rig, minutes: int) -> None:
    """Synced every minute for so long."""
    await rig.sync()
    for _ in range(minutes):
        rig.advance(seconds=58, milliseconds=999)
        await rig.sync()


async def test_a_region_whose_list_is_empty_keeps_no_hello_waiting(make_rig):
    rig = await make_rig(regions=REGIONS)
    rig.world.fill("lab", "cn-a", 2)
    await rig.sync("cn-c", "cn-b")
    assert hellos(rig) == []
    await rig.sync("cn-a")
    assert hellos(rig) == [(2, list(REGIONS), [])]


async def test_an_incomplete_listing_is_no_baseline_and_writes_only_its_run(rig):
    rig.world.fill("lab", "cn-a", 3)
    lying = rig.fault("rows_without_id")
    report = await rig.sync()
    assert (report.outcome, report.baseline, report.failures) == ("incomplete", False, 1)
    assert (rig.ids(), rig.target("baseline_at")) == (set(), None)
    assert rig.rows("SELECT outcome FROM runs") == [("incomplete",)]
    assert brief(rig.news()) == ["sync.failed"]  # a target that never listed is not fresh
    lying.remove()
    assert (await rig.sync()).baseline
    assert brief(rig.news()) == ["sync.recovered", "sync.baseline"]
    rig.check()


async def test_baseline_events_reach_only_the_sinks_that_ask_for_them(make_rig):
    wanted = SINK.wants.__class__(events=("*",), baseline=True)
    routes = (SINK, SINK.__class__("archive", wanted))
    rig = await make_rig(settings=Settings(routes=routes))
    rig.world.fill("lab", "cn-a", 2)
    await rig.sync()
    found = rig.rows(
        "SELECT e.type, d.sink FROM deliveries d JOIN events e ON e.seq = d.event_seq ORDER BY 2, 1"
    )
    assert found == [
        ("image.shared", "archive"),
        ("image.shared", "archive"),
        ("sync.baseline", "archive"),
        ("sync.baseline", "chat"),
    ]


async def test_an_account_says_hello_when_its_last_target_is_there(make_rig):
    rig = await make_rig(regions=REGIONS)
    everywhere = rig.world.share("lab", "*")
    rig.world.fill("lab", "cn-a", 2)
    await rig.sync("cn-a", "cn-b")
    assert hellos(rig) == []
    await rig.sync("cn-c")
    assert hellos(rig) == [(3, list(REGIONS), [])]
    await rig.sync(*REGIONS)
    assert hellos(rig) == []
    assert everywhere in rig.ids("cn-c")
    rig.check()


async def test_after_2_minutes_it_says_hello_without_the_regions_that_are_not_there(make_rig):
    rig = await make_rig(regions=REGIONS)
    rig.world.fill("lab", "cn-a", 2)
    slow = rig.fault("http_error", "cn-c")
    await rig.sync("cn-a", "cn-b", "cn-c")
    rig.advance(seconds=116)
    await rig.sync("cn-a")
    assert hellos(rig) == []
    rig.advance(seconds=2)
    await rig.sync("cn-a")
    assert hellos(rig) == [(2, ["cn-a", "cn-b"], ["cn-c"])]
    slow.remove()
    rig.world.fill("lab", "cn-c", 5)
    await rig.sync("cn-c")
    assert brief(rig.news()) == []  # a later target joins silently
    await rig.sync("cn-a", "cn-b")
    assert brief(rig.news()) == ["sync.recovered"]
    rig.check()


async def test_the_2_minutes_count_from_the_first_baseline(make_rig):
    rig = await make_rig(regions=REGIONS)
    rig.world.fill("lab", "*", 1)
    rig.fault("http_error", "cn-c")
    await rig.sync("cn-a")
    rig.advance(seconds=100)
    await rig.sync("cn-b")
    rig.advance(seconds=19)
    await rig.sync("cn-b")
    assert hellos(rig) == [(1, ["cn-a", "cn-b"], ["cn-c"])]


async def test_hello_needs_no_sync_that_succeeds(make_rig):
    rig = await make_rig(regions=REGIONS[:2])
    rig.world.fill("lab", "cn-a", 1)
    rig.fault("http_error", "cn-b")
    await rig.sync("cn-a", "cn-b")
    rig.advance(minutes=2)
    await rig.sync("cn-b")
    assert hellos(rig) == [(1, ["cn-a"], ["cn-b"])]


async def test_hello_can_be_said_by_the_clock_alone(make_rig):
    rig = await make_rig(regions=REGIONS[:2])
    rig.world.fill("lab", "cn-a", 1)
    await rig.sync("cn-a")
    await rig.syncer.hello("lab")
    assert hellos(rig) == []
    rig.advance(minutes=2)
    await rig.syncer.hello("lab")
    await rig.syncer.hello("lab")
    assert hellos(rig) == [(1, ["cn-a"], ["cn-b"])]


async def test_an_incomplete_sync_lets_hello_pass(make_rig):
    rig = await make_rig(regions=REGIONS[:2])
    rig.world.fill("lab", "cn-a", 1)
    rig.world.fill("lab", "cn-b", 2)
    rig.fault("rows_without_id", "cn-b")
    await rig.sync("cn-a", "cn-b")
    rig.advance(minutes=2)
    await rig.sync("cn-b")
    assert hellos(rig) == [(1, ["cn-a"], ["cn-b"])]


async def test_each_account_says_its_own_hello(make_rig):
    rig = await make_rig(accounts=("lab", "team"))
    rig.world.fill("lab", "cn-a", 1)
    rig.world.fill("team", "cn-a", 4)
    await rig.sync()
    await rig.sync(account="team")
    told = [(event.account, event.data["images"]) for event in rig.news()]
    assert told == [("lab", 1), ("team", 4)]
    rig.check()


async def test_a_new_process_does_not_say_hello_again(rig):
    rig.world.fill("lab", "cn-a", 1)
    await rig.sync()
    await rig.restart()
    await rig.sync()
    assert brief(rig.news()) == ["sync.baseline"]
