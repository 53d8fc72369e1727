"""Timelines in which simpler rules lied: what happened, and what the account hears of it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from syncd.model import Target
from syncd.sync import other_regions
from syncd.sync.settings import Settings
from tests.sync.rig import REGIONS, SINK, Rig, brief

A, B, C = REGIONS


async def watching(make_rig, regions=REGIONS, blank=(), **options) -> Rig:
    """Ten images of its own in each region, but in those that are ``blank``."""
    rig = await make_rig(regions=regions, **options)
    for region in regions:
        if region not in blank:
            rig.world.fill("lab", region, 10)
    await rig.settle()
    return rig


def told(rig) -> list[tuple[str, str | None]]:
    """What the account heard: type and region."""
    return [
        (event.type.removeprefix("image."), event.region) for event in rig.news() if event.scope == "account"
    ]


# A loss in doubt whose region shows the image again


async def test_a_lost_image_that_only_an_incomplete_list_showed_again_is_not_told_as_gone(make_rig):
    """cn-a loses X while cn-b lists it, shows it again in lists that stay incomplete, and cn-b fails: when both are
    stale and cannot be asked, `_tell_loss` finds no `missing_since` in cn-a's live row. Each sync of cn-c then fails
    after its commit, for ever."""
    rig = await watching(make_rig)
    image = rig.world.share("lab", (A, B))
    await rig.settle()
    rig.fault("retcode", B, code=130)
    rig.world.unshare("lab", A, image)
    await rig.sync(*REGIONS)
    rig.world.share("lab", A, image)
    rig.world.share("lab", A)  # the newest is the row whose id is lacking
    rig.fault("rows_without_id", A, on="list")
    await rig.sync(A)
    assert image in rig.ids(A)
    rig.fault("lookup_fails", A)
    rig.news()
    for _ in range(5):
        rig.advance(minutes=10)
        report = await rig.sync(C)
    assert (report.outcome, report.error) == ("complete", None)
    assert told(rig) == []  # cn-a has it as a live row


async def test_a_row_that_is_live_again_is_not_told_as_gone_for_an_earlier_loss(make_rig):
    """As above, but cn-a lists X again in a complete list (another status; cn-b, which fails, keeps the doubt open),
    and then lacks it while its lookups prove nothing: the row stays live for 24 hours. Once both regions are stale,
    the settlement tells cn-a's row as revoked all the same: folding the events no longer gives the live rows."""
    rig = await watching(make_rig)
    image = rig.world.share("lab", (A, B), Status="Available")
    await rig.settle()
    rig.fault("retcode", B, code=130)
    rig.world.unshare("lab", A, image)
    await rig.sync(*REGIONS)
    rig.world.share("lab", A, image)
    rig.world.set_status(image, "Offline", A)
    await rig.sync(A)
    rig.fault("lookup_fails", A)
    rig.world.unshare("lab", A, image)
    await rig.sync(A)
    rig.fault("retcode", A, code=130, on="list")
    for _ in range(5):
        rig.advance(minutes=10)
        await rig.sync(C)
    assert image in rig.ids(A)
    rig.check(settled=False)


# An empty first list


async def test_an_image_told_as_gone_is_told_when_it_comes_back_in_a_region_that_was_empty_so_far(make_rig):
    """cn-b is empty since its first list. X is taken away from cn-a: told. An hour later X is shared in cn-b: that
    list is its baseline, and the account, who was told that X is gone, never hears that it is back."""
    rig = await watching(make_rig, (A, B), blank=(B,))
    image = rig.world.share("lab", A)
    await rig.settle()
    rig.world.unshare("lab", A, image)
    await rig.sync(A, B)
    assert told(rig) == [("revoked", A)]
    rig.advance(minutes=10)
    rig.world.share("lab", B, image)
    await rig.sync(A, B)
    assert told(rig) == [("shared", B)]


async def test_the_first_images_of_a_region_that_was_empty_are_said_in_a_hello_of_its_own(make_rig):
    """The account said hello when cn-a had its baseline, since an empty region is watched as well."""
    rig = await make_rig(regions=(A, B))
    rig.world.fill("lab", A, 10)
    await rig.sync(A, B)
    assert brief(rig.news()) == ["sync.baseline"]
    rig.advance(hours=2)
    rig.world.share("lab", B)
    await rig.sync(A, B)
    (hello,) = rig.news()
    assert (hello.type, hello.data["images"], hello.data["regions"]) == ("sync.baseline", 1, [B])


async def test_a_region_with_no_control_is_not_believed_that_an_image_is_not_there(make_rig):
    """The gateway answers cn-b's lists and lookups with nothing since the start. X moves from cn-a to cn-b: "revoked",
    without cn-b among the unverified, and when cn-b answers rightly, X is part of its baseline: no word."""
    rig = await watching(make_rig, (A, B), blank=(B,))
    image = rig.world.share("lab", A)
    await rig.settle()
    rig.fault("blank", B, on=("list", "lookup"))
    await rig.sync(B)
    rig.world.unshare("lab", A, image)
    rig.world.share("lab", B, image)
    await rig.sync(A)
    unverified = [event.data["unverified_regions"] for event in rig.news() if event.scope == "account"]
    assert unverified in ([], [[B]])


async def test_empty_first_lists_do_not_count_across_one_that_showed_images(make_rig):
    """Empty lists for a day, but in the middle an incomplete one that showed all images: "in a row" is not reset, the
    target becomes an empty baseline, and the next good list tells every old image as shared."""
    rig = await make_rig(settings=Settings(routes=(SINK,), interval=lambda _: timedelta(days=1)))
    rig.world.fill("lab", A, 5)
    blank = rig.fault("blank")
    await rig.sync()
    rig.advance(hours=12)
    await rig.sync()
    blank.remove()
    torn = rig.fault("rows_without_id")
    rig.advance(hours=6)
    assert (await rig.sync()).listed == 4
    torn.remove()
    blank = rig.fault("blank")
    rig.advance(hours=7)
    await rig.sync()
    blank.remove()
    rig.news()
    await rig.sync()
    assert told(rig) == []


# What was told, field by field


async def test_what_was_told_by_two_regions_is_compared_part_by_part_when_one_loses_the_image(make_rig):
    """cn-b renamed X (told), cn-a turned it Offline (told), cn-b loses it: cn-a shows the old name, which the account
    was told is another. `_told_image` takes cn-a's own row for what was told: nothing is said."""
    rig = await make_rig(regions=(A, B))
    rig.world.fill("lab", "*", 10)
    image = rig.world.share("lab", "*", Status="Available", Name="old")
    await rig.settle()
    rig.world.rename(image, "new", B)
    await rig.sync(A, B)
    rig.world.set_status(image, "Offline", A)
    await rig.sync(A, B)
    assert told(rig) == [("updated", B), ("status_changed", A)]
    rig.world.unshare("lab", B, image)
    await rig.sync(B, A)
    assert told(rig) == [("updated", A)]


async def test_a_status_and_a_name_that_two_regions_still_show_are_not_told_again(make_rig):
    """cn-a renamed X, cn-b turned it Offline; both were told, both are still true. cn-c loses X: what was told as a
    whole is in no row, so the account hears that X is Available (or has its old name) again."""
    rig = await make_rig(regions=REGIONS)
    rig.world.fill("lab", "*", 10)
    image = rig.world.share("lab", "*", Status="Available", Name="old")
    await rig.settle()
    rig.world.rename(image, "new", A)
    await rig.sync(*REGIONS)
    rig.world.set_status(image, "Offline", B)
    await rig.sync(*REGIONS)
    assert told(rig) == [("updated", A), ("status_changed", B)]
    rig.world.unshare("lab", C, image)
    await rig.sync(C, A, B, A)
    assert told(rig) == []


async def test_nor_when_a_region_that_told_nothing_is_retired(make_rig):
    rig = await make_rig(regions=REGIONS)
    rig.world.fill("lab", "*", 10)
    image = rig.world.share("lab", "*", Status="Available", Name="old")
    await rig.settle()
    rig.world.rename(image, "new", A)
    await rig.sync(*REGIONS)
    rig.world.set_status(image, "Offline", B)
    await rig.sync(*REGIONS)
    rig.news()
    await rig.restart(regions=(A, B))
    await rig.sync(A, B, A)
    assert told(rig) == []


# One lookup that fails


async def test_one_failed_lookup_in_a_healthy_region_waits_until_it_is_read(make_rig):
    """X moves from cn-a to cn-b. cn-b is fresh and does not fail, but its lookup is refused once, when cn-a's sync
    asks: "revoked", and a second later cn-b's list says "shared". A stale cn-b would have been waited for."""
    rig = await watching(make_rig, (A, B))
    image = rig.world.share("lab", A)
    await rig.settle()
    rig.world.unshare("lab", A, image)
    rig.world.share("lab", B, image)
    once = rig.fault("lookup_fails", B)
    await rig.sync(A)
    once.remove()
    await rig.sync(B)
    assert told(rig) == []


async def test_one_failed_lookup_after_one_that_found_the_image_proves_nothing(make_rig):
    """cn-b's list hides X, which its lookups find. Ten minutes later one lookup fails: "revoked"."""
    rig = await watching(make_rig, (A, B))
    image = rig.world.share("lab", A)
    await rig.settle()
    rig.fault("retcode", B, on="list", code=130)
    rig.world.unshare("lab", A, image)
    rig.world.share("lab", B, image)
    await rig.sync(B, A)
    assert told(rig) == []
    rig.advance(minutes=10)
    once = rig.fault("lookup_fails", B)
    await rig.sync(A)
    once.remove()
    rig.advance(minutes=1)
    await rig.sync(A)
    assert told(rig) == []


# A time beyond now


async def test_a_region_read_while_the_clock_was_ahead_hides_no_loss(make_rig):
    """The clock is a day ahead while cn-b is read, then right, and cn-b fails from now on. It "is fresh" for a day
    more: X, which both lost, is told a day late. `/readyz` and the heartbeat call it fresh as well."""
    rig = await watching(make_rig, (A, B))
    image = rig.world.share("lab", (A, B))
    await rig.settle()
    rig.clock.jump(timedelta(days=1))
    await rig.sync(A, B)
    rig.clock.jump(timedelta(days=-1))
    rig.fault("retcode", B, code=130)
    rig.world.remove(image)
    rig.news()
    for _ in range(20):
        rig.advance(minutes=5)
        await rig.sync(B, A)
    assert told(rig) == [("revoked", A)]


async def test_an_alert_opened_while_the_clock_was_ahead_is_over_when_all_is_well(make_rig):
    """sync.failed is said at tomorrow's time; the clock is set right and all is well: sync.recovered waits a day."""
    rig = await watching(make_rig, (A,))
    rig.clock.jump(timedelta(days=1))
    broken = rig.fault("retcode", A, code=130)
    for _ in range(3):
        rig.advance(minutes=1)
        await rig.sync()
    assert brief(rig.news()) == ["sync.failed"]
    rig.clock.jump(timedelta(days=-1))
    broken.remove()
    for _ in range(3):
        rig.advance(minutes=1)
        await rig.sync()
    assert brief(rig.news()) == ["sync.recovered"]


async def test_a_baseline_dated_tomorrow_makes_its_images_known(make_rig):
    """The baselines were read while the clock was a day ahead. X, known since then from cn-a, shows up in cn-b hours
    later: the account is told "shared" of what it was watching all the time."""
    rig = await make_rig(regions=(A, B))
    rig.clock.jump(timedelta(days=1))
    rig.world.fill("lab", "*", 10)
    image = rig.world.share("lab", A)
    await rig.settle()
    rig.clock.jump(timedelta(days=-1))
    rig.advance(hours=3)
    await rig.sync(A, B)
    rig.world.share("lab", B, image)
    await rig.sync(A, B)
    assert told(rig) == []


# Late and never


async def test_a_doubt_survives_a_scope_that_was_never_entered(make_rig):
    """X is lost by cn-a and only found by lookups in cn-b, whose list fails. A wrong project in the configuration,
    one sync, the right one again; then cn-b takes X away: never told, and the fact stays live for ever."""
    rig = await watching(make_rig, (A, B))
    image = rig.world.share("lab", A)
    await rig.settle()
    broken = rig.fault("retcode", B, on="list", code=130)
    rig.world.unshare("lab", A, image)
    rig.world.share("lab", B, image)
    await rig.sync(B, A)
    blank = rig.fault("blank", A)
    right = rig.configs["lab"].project_id
    await rig.restart(project_id=rig.world.account("lab").projects[1])
    await rig.sync(A)
    blank.remove()
    await rig.restart(project_id=right)
    rig.world.unshare("lab", B, image)
    broken.remove()
    for _ in range(5):
        rig.advance(minutes=10)
        await rig.sync(A, B)
    assert [event for event in told(rig) if event[0] == "revoked"] != []


async def test_a_failing_sync_ends_the_waiting_for_its_region(make_rig):
    """Hourly rounds of cron: cn-a's loss waits for cn-b, which is to be read next, and fails. Nobody settles it then:
    the account hears an hour later (after a daily round: a day)."""
    rig = await watching(make_rig, (A, B))
    image = rig.world.share("lab", A)
    await rig.settle()
    rig.advance(hours=1)
    rig.fault("retcode", B, code=130)
    rig.world.unshare("lab", A, image)
    await rig.sync(A, B)
    assert told(rig) == [("revoked", A)]


async def test_a_region_that_hangs_keeps_news_waiting_for_its_time_limit_only(make_rig, monkeypatch):
    """cn-a shows a new image and has lost another one; cn-b hangs when it is asked for that."""
    monkeypatch.setattr(other_regions, "CONTROL_TIMEOUT", 0.1)
    rig = await watching(make_rig, (A, B))
    lost = rig.world.share("lab", A)
    await rig.settle()
    await failing(rig, B)
    rig.world.unshare("lab", A, lost)
    new = rig.world.share("lab", A)
    lookup = rig.accounts["lab"].cloud.lookup

    async def hang(region, image_id):
        if region == B:
            await asyncio.Event().wait()
        return await lookup(region, image_id)

    rig.accounts["lab"].cloud.lookup = hang
    await rig.sync(A)
    heard = {(event.type, event.image_id): event.data.get("unverified_regions") for event in rig.news()}
    assert heard == {("image.shared", new): None, ("image.revoked", lost): [B]}


async def failing(rig, region: str) -> None:
    """One failed sync of a region, so that nobody waits for it."""
    broken = rig.fault("retcode", region, code=130)
    await rig.sync(region)
    broken.remove()
    rig.news()


async def test_one_region_that_hangs_does_not_keep_the_others_from_being_read(make_rig):
    """cn-a's settlement asks cn-b, which hangs. cn-c's sync then waits for the settlement's lock: cn-c is not read
    again until cn-b has timed out."""
    rig = await watching(make_rig)
    image = rig.world.share("lab", A)
    await rig.settle()
    rig.fault("retcode", B, on="list", code=130)
    rig.world.share("lab", B, image)
    rig.world.unshare("lab", A, image)
    await rig.sync(B, A)
    rig.advance(minutes=10)
    cloud, hanging = rig.accounts["lab"].cloud, asyncio.Event()
    lookup = cloud.lookup

    async def hang(region, image_id):
        if region == B:
            hanging.set()
            await asyncio.Event().wait()
        return await lookup(region, image_id)

    cloud.lookup = hang
    tasks = [asyncio.create_task(rig.syncer.sync(Target("lab", A)))]
    try:
        await asyncio.wait_for(hanging.wait(), 5)
        tasks.append(asyncio.create_task(rig.syncer.sync(Target("lab", C))))
        done, _ = await asyncio.wait(tasks[1:], timeout=3)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    assert done


# Cost


async def test_a_region_that_cannot_answer_is_not_asked_for_every_image(make_rig):
    """cn-b is down. cn-a loses 60 of 400 images: cn-b is asked for each of them, with all retries, though both of its
    controls failed just before. 200 images at 5 attempts of 30 s, 4 at a time, keep cn-a's sync, and the account's
    four places, for two hours."""
    rig = await make_rig(regions=(A, B))
    images = rig.world.fill("lab", A, 400)
    rig.world.fill("lab", B, 10)
    await rig.settle()
    rig.fault("http_error", B)
    await rig.sync(B)
    for image in images[:60]:
        rig.world.unshare("lab", A, image)
    rig.sim.requests.clear()
    await rig.sync(A)
    assert rig.sim.requests.count(subject="lookup", region=B) <= 10


async def test_images_that_lookups_find_for_ever_do_not_make_a_daily_plan_a_plan_of_a_minute(daily):
    """1000 images, 250 that the list hides and lookups find: as long as some were not asked, the next look is in a
    minute, although all were found before. 1440 syncs and 288,000 lookups a day instead of one and 250."""
    rig = daily
    rig.world.fill("lab", A, 1000)
    await rig.settle()
    rig.fault("hidden_rows", count=250, on="list")
    looks = await rig.follow(until=60)
    assert len(looks) < 12


async def test_images_that_lookups_find_are_asked_for_every_ten_minutes(rig):
    """Found elsewhere, an image is asked for every ten minutes; found in its own region, in each sync."""
    rig.world.fill("lab", A, 100)
    await rig.settle()
    rig.fault("hidden_rows", count=20, on="list")
    await rig.sync()
    rig.sim.requests.clear()
    for _ in range(9):
        rig.advance(minutes=1)
        await rig.sync()
    assert rig.sim.requests.count(subject="lookup") <= 2 * 21


# Words


async def test_unverified_names_no_region_that_lists_the_image(make_rig):
    """docs/events.md: "regions that could not be asked"; here all are well, and list the image."""
    rig = await watching(make_rig)
    image = rig.world.share("lab", "*")
    await rig.settle()
    rig.world.unshare("lab", A, image)
    await rig.sync(A)
    (event,) = rig.news()
    assert (event.scope, event.data["unverified_regions"]) == ("region", [])


async def test_images_that_lookups_find_make_no_ordinary_loss_extraordinary(rig):
    """Two of nine images are hidden by the list and found by lookups, for ever. A third is taken away: three of nine
    are "too many at once", so its loss is held for an hour and an alarm is given."""
    ids = rig.world.fill("lab", A, 9)
    await rig.settle()
    rig.fault("hidden_rows", count=2, on="list")
    await rig.sync()
    shown = [image for image in ids if image in rig.world.shared("lab", A)]
    hidden = {row[0] for row in rig.rows("SELECT image_id FROM image_rows WHERE missing_since IS NOT NULL")}
    lost = next(image for image in shown if image not in hidden)
    rig.world.unshare("lab", A, lost)
    rig.advance(minutes=1)
    await rig.sync()
    assert brief(rig.news()) == ["revoked account"]
