"""Lookups: a row is not called revoked on the word of a list that an exact question contradicts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from tests.sync.rig import brief

DAY = 24 * 60

FAULTS = [
    ("lookup_ignores_id", {}),
    ("lookup_refused", {}),
    ("lookup_fails", {}),
    ("lookup_fails", {"code": 171}),
    ("lookup_wrong_row", {}),
    ("html", {"on": "lookup"}),
    ("body", {"on": "lookup", "text": '{"RetCode":0}'}),
    ("rows_without_id", {"on": "lookup"}),
]


async def losing_one(rig) -> str:
    """Ten images; one is taken away."""
    first, *_ = rig.world.fill("lab", "cn-a", 10)
    await rig.settle()
    rig.world.unshare("lab", "cn-a", first)
    return first


@pytest.mark.parametrize(("fault", "options"), FAULTS, ids=[f"{name} {options}" for name, options in FAULTS])
async def test_lookups_that_prove_nothing_cost_a_day_and_one_warning(daily, fault, options):
    rig = daily
    one = await losing_one(rig)
    rig.fault(fault, **options)
    with capture_logs() as logs:
        assert await rig.follow(until=DAY - 1) == [1, 3, 10]
        rig.advance(minutes=-10)
        await rig.sync()
        assert (rig.news(), one in rig.ids()) == ([], True)
        rig.advance(minutes=12)
        await rig.sync()
    (event,) = rig.news()
    assert (event.type, event.image_id) == ("image.revoked", one)
    warnings = [line for line in logs if line["event"] == "lookups_prove_nothing"]
    assert len(warnings) == 1
    assert warnings[0]["log_level"] == "warning"
    rig.check()


async def test_a_new_process_does_not_warn_again(rig):
    await losing_one(rig)
    rig.fault("lookup_fails")
    await rig.sync()
    await rig.restart()
    with capture_logs() as logs:
        await rig.sync()
    assert [line for line in logs if line["event"] == "lookups_prove_nothing"] == []


async def test_the_next_trouble_warns_again(rig):
    one = await losing_one(rig)
    broken = rig.fault("lookup_fails")
    await rig.sync()
    broken.remove()
    rig.world.share("lab", "cn-a", one)
    await rig.sync()
    rig.world.unshare("lab", "cn-a", one)
    rig.fault("lookup_fails")
    with capture_logs() as logs:
        await rig.sync()
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == ["lookups_prove_nothing"]


async def test_lookups_that_work_again_decide_at_once(rig):
    one = await losing_one(rig)
    broken = rig.fault("lookup_ignores_id")
    await rig.sync()
    broken.remove()
    rig.advance(minutes=1)
    await rig.sync()
    assert [(event.type, event.image_id) for event in rig.news()] == [("image.revoked", one)]
    rig.check()


async def test_a_list_that_hides_a_row_consistently_is_contradicted_by_its_lookup(rig):
    rig.world.fill("lab", "cn-a", 10)
    await rig.settle()
    everything = rig.ids()
    rig.fault("hidden_rows")
    with capture_logs() as logs:
        report = await rig.sync()
        await rig.sync()
    assert (report.outcome, report.missing, report.revoked) == ("complete", 1, 0)
    assert (rig.news(), rig.ids()) == ([], everything)
    (warning,) = [line for line in logs if line["log_level"] == "warning"]
    assert (warning["event"], warning["count"]) == ("list_and_lookup_disagree", 1)
    assert set(warning["images"]) < everything


async def test_an_image_that_a_lookup_still_finds_is_never_revoked_however_long_a_list_lacks_it(daily):
    rig = daily
    rig.world.fill("lab", "cn-a", 10)
    await rig.settle()
    everything = rig.ids()
    rig.fault("hidden_rows")
    for _ in range(5):
        await rig.follow(until=DAY)
    assert (rig.news(), rig.ids()) == ([], everything)


async def test_an_api_whose_list_and_lookups_say_for_a_day_that_an_image_is_gone_is_believed(daily):
    """The list hides it and lookups decide nothing: it is told as revoked, and as shared again."""
    rig = daily
    rig.world.fill("lab", "cn-a", 10)
    await rig.settle()
    hidden, broken = rig.fault("hidden_rows"), rig.fault("lookup_fails")
    await rig.follow(until=DAY + 1)
    assert brief(rig.news()) == ["revoked account"]
    hidden.remove()
    broken.remove()
    await rig.sync()
    assert brief(rig.news()) == ["shared account"]
    rig.check(honest=False)


async def test_a_refusal_that_names_the_id_proves_it_gone(rig):
    one = await losing_one(rig)
    rig.fault("lookup_refused", known=False)
    await rig.sync()
    assert [event.image_id for event in rig.news()] == [one]
    rig.check()


async def test_each_row_is_asked_for_at_most_200_in_a_sync_and_the_others_wait(rig):
    ids = rig.world.fill("lab", "cn-a", 1000)
    await rig.settle()
    take(rig, ids[:250])
    report = await rig.sync()
    assert (report.outcome, report.revoked, report.missing) == ("complete", 200, 50)
    assert rig.sim.requests.count(subject="lookup") == 201
    assert report.look_at == report.started_at + timedelta(minutes=1)
    report = await rig.sync()
    assert (report.revoked, report.missing, report.look_at) == (50, 0, None)
    rig.check()


async def test_the_sure_loss_of_many_does_not_convict_one_that_only_the_list_lacks(rig):
    ids = rig.world.fill("lab", "cn-a", 400)
    await rig.settle()
    take(rig, ids[100:215])
    rig.fault("hidden_rows", count=1)
    report = await rig.sync()
    assert (report.revoked, report.missing) == (115, 1)
    await rig.sync()
    assert rig.ids() == set(ids) - set(ids[100:215])
    rig.check()


def take(rig, ids: list[str]) -> None:
    for image in ids:
        rig.world.unshare("lab", "cn-a", image)


async def test_rows_that_return_between_list_and_lookup_stay(rig):
    """The guard's last line: 80 rows were off the list while it was read, and 79 are back when asked for."""
    ids = rig.world.fill("lab", "cn-a", 300)
    await rig.settle()
    for image in ids[:80]:
        rig.world.unshare("lab", "cn-a", image)
    back = rig.world.shared("lab", "cn-a")

    def come_back(image: str) -> None:
        if image not in rig.world.shared("lab", "cn-a"):
            rig.world.share("lab", "cn-a", image)

    listing = rig.accounts["lab"].cloud.list_images

    async def then_return(*args):
        found = await listing(*args)
        for image in ids[1:80]:
            come_back(image)
        return found

    rig.accounts["lab"].cloud.list_images = then_return
    await rig.sync()
    assert len(back) == 220
    assert {event.image_id for event in rig.news()} <= {ids[0]}
    rig.accounts["lab"].cloud.list_images = listing
    await rig.sync()
    assert rig.ids() == set(ids[1:])
    rig.check()


async def test_held_rows_are_asked_for_only_when_their_time_is_up(daily):
    rig = daily
    ids = rig.world.fill("lab", "cn-a", 10)
    await rig.settle()
    for image in ids[:5]:
        rig.world.unshare("lab", "cn-a", image)
    await rig.follow(until=59)
    assert rig.sim.requests.count(subject="lookup") == 0
    rig.advance(minutes=1)
    await rig.sync()
    assert rig.sim.requests.count(subject="lookup") == 6
    assert brief(rig.news()) == ["sync.held", *["revoked account"] * 5, "sync.released"]


async def test_held_rows_that_lookups_still_find_stay_held(daily):
    rig = daily
    rig.world.fill("lab", "cn-a", 10)
    await rig.settle()
    rig.fault("hidden_rows", count=5)
    assert await rig.follow(until=DAY - 1) == [1, 3, 10, 60]
    for _ in range(3):
        rig.advance(days=1)
        await rig.sync()
    assert brief(rig.news()) == ["sync.held"]


async def test_a_blank_api_whose_lookups_still_find_the_image_revokes_nothing(daily):
    rig = daily
    (only,) = rig.world.fill("lab", "cn-a", 1)
    await rig.settle()
    blank = rig.fault("blank")
    assert await rig.follow(until=2 * DAY) == [1, 3, 10, DAY]
    assert (brief(rig.news()), rig.ids()) == (["sync.held"], {only})
    blank.remove()
    await rig.sync()
    assert brief(rig.news()) == ["sync.released"]
    rig.check()
