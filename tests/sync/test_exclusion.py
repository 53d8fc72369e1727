"""One thing at a time of a target: syncs, releases and reloads exclude each other; a cut-off sync leaves no half."""

from __future__ import annotations

import asyncio
import random
import shutil

import pytest
from structlog.testing import capture_logs

from syncd.errors import DatabaseError
from syncd.model import Target
from syncd.store import runs
from syncd.sync.release import release
from tests.sync.rig import REGIONS, brief

A = Target("lab", "cn-a")


async def reading(rig, region: str = "cn-a") -> asyncio.Task:
    """A sync that waits for its first page, until the faults are cleared."""
    rig.fault("hang", region, on="list", times=1)
    before = rig.sim.requests.count(subject="list", region=region)
    task = asyncio.create_task(rig.sync(region))
    await rig.sim.requests.arrive(before + 1, subject="list", region=region)
    return task


async def test_two_syncs_of_a_target_follow_each_other(rig):
    rig.world.fill("lab", "cn-a", 3)
    rig.fault("latency", seconds=0.05)
    first, second = await asyncio.gather(rig.syncer.sync(A), rig.syncer.sync(A))
    assert (first.baseline, second.baseline) == (True, False)
    assert rig.sim.requests.high_water["lab"] == 1
    rig.check()


async def test_other_targets_go_on_beside_a_slow_one(make_rig):
    rig = await make_rig(regions=REGIONS[:2])
    slow = await reading(rig)
    assert (await rig.sync("cn-b")).outcome == "complete"
    await rig.syncer.cancel(["lab"])
    assert (await slow).outcome == "cancelled"


async def test_a_release_cancels_the_running_sync_and_goes_first(rig):
    ids = rig.world.fill("lab", "cn-a", 10)
    await rig.settle()
    hidden = rig.fault("blank")
    await rig.sync()
    rig.news()
    hidden.remove()
    running = await reading(rig)
    (released,) = await release(rig.syncer)
    assert (released.revoked, (await running).outcome) == (10, "cancelled")
    assert brief(rig.news()) == [*["revoked account"] * 10, "sync.released"]
    rig.advance(minutes=1)
    await rig.sync()
    assert brief(rig.news()) == ["shared account"] * 10
    assert rig.ids() == set(ids)
    rig.check(honest=False)


async def test_a_cancelled_sync_writes_nothing_and_is_no_failure(rig):
    rig.world.fill("lab", "cn-a", 3)
    await rig.settle()
    before = rig.rows("SELECT * FROM targets"), rig.rows("SELECT * FROM runs")
    rig.world.share("lab", "cn-a")
    running = await reading(rig)
    await rig.syncer.cancel(["somebody"])
    assert not running.done()
    await rig.syncer.cancel(["lab"])
    report = await running
    assert (report.outcome, report.failure) == ("cancelled", None)
    assert (rig.rows("SELECT * FROM targets"), rig.rows("SELECT * FROM runs")) == before


async def test_a_sync_that_read_under_an_old_scope_does_not_commit(make_rig):
    """A reload changes the project while a sync lists: what it read is not mixed into the new scope."""
    rig = await make_rig(regions=REGIONS[:2])
    rig.world.fill("lab", "*", 5)
    await rig.settle()
    go, late = await held_back(rig)
    await rig.reload(project_id=rig.world.account("lab").projects[1])
    rig.world.share("lab", "*")
    with capture_logs() as logs:
        assert (await rig.sync("cn-b")).baseline
        go.set()
        assert (await late).outcome == "cancelled"
        assert (await rig.sync("cn-a")).baseline
    assert [line["event"] for line in logs] == ["scope_changed"]
    assert rig.news() == []
    assert not (await rig.sync(*REGIONS[:2])).baseline
    rig.check(told_once=False)


async def held_back(rig) -> tuple[asyncio.Event, asyncio.Task]:
    """A sync that has listed and waits with what it read for the event."""
    go, listed = asyncio.Event(), asyncio.Event()
    cloud = rig.accounts["lab"].cloud
    list_images = cloud.list_images

    async def slowly(*args):
        found = await list_images(*args)
        listed.set()
        await go.wait()
        return found

    cloud.list_images = slowly
    late = asyncio.create_task(rig.syncer.sync(A))
    await listed.wait()
    cloud.list_images = list_images
    return go, late


@pytest.mark.parametrize("change", ["UPDATE targets SET active = 0", "UPDATE accounts SET active = 0"])
async def test_a_target_that_retires_while_it_is_listed_writes_nothing(rig, change):
    rig.world.fill("lab", "cn-a", 5)
    await rig.settle()
    rig.world.share("lab", "cn-a")
    go, late = await held_back(rig)
    async with rig.db.write() as tx:
        await tx.execute(change)
    go.set()
    assert (await late).outcome == "cancelled"
    assert rig.news() == []


async def test_a_failure_of_a_target_that_retired_meanwhile_is_none(rig):
    await rig.settle()
    running = await reading(rig)
    async with rig.db.write() as tx:
        await tx.execute("UPDATE targets SET active = 0")
    await rig.sim.stop()
    report = await running
    assert (report.outcome, report.failure, rig.target("failures")) == ("cancelled", None, 0)


async def test_a_failure_of_an_account_that_a_reload_replaced_is_none(rig):
    await rig.settle()
    running = await reading(rig)
    await rig.reload(project_id=rig.world.account("lab").projects[1])
    await rig.sim.stop()
    assert (await running).outcome == "cancelled"
    assert rig.target("failures") == 0


async def test_nor_is_a_discovery_of_it(make_rig):
    rig = await make_rig(regions=None)
    await rig.discover()
    rig.fault("hang", on="zones", times=1)
    running = asyncio.create_task(rig.discover())
    await rig.sim.requests.arrive(2, subject="zones")
    await rig.reload(project_id=rig.world.account("lab").projects[1])
    await rig.sim.stop()
    report, first = await running
    assert (report.outcome, first) == ("cancelled", [])
    assert rig.value("SELECT discovery_failures FROM accounts") == 0


@pytest.mark.parametrize("seed", range(4))
async def test_a_sync_cut_off_at_any_moment_leaves_the_file_whole(make_rig, seed):
    rig = await make_rig(regions=REGIONS[:2])
    rng = random.Random(seed)
    rig.world.fill("lab", "*", 40)
    for _ in range(25):
        deed = rng.choice(("share", "unshare", "status"))
        image = rng.choice(sorted(rig.world.shared("lab", "cn-a")))
        if deed == "share":
            rig.world.share("lab", "*")
        elif deed == "unshare" and len(rig.world.shared("lab", "cn-a")) > 33:
            rig.world.remove(image)
        else:
            rig.world.set_status(image, rng.choice("ABC"))
        rig.advance(seconds=1)
        task = asyncio.create_task(rig.syncer.sync(Target("lab", rng.choice(REGIONS[:2]))))
        for _ in range(rng.randrange(400)):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()
        rig.check(settled=False)
    for _ in range(2):
        await rig.sync(*REGIONS[:2])
    rig.check(globally=True)


async def test_an_impatient_canceller_does_not_leave_a_sync_behind(rig):
    """A sync that is in its commit takes a moment to end; its target stays taken until then."""
    begun, ending, may_end = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def ends_slowly(*args):
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            ending.set()
            await may_end.wait()

    cloud = rig.accounts["lab"].cloud
    list_images, cloud.list_images = cloud.list_images, ends_slowly
    running = asyncio.create_task(rig.syncer.sync(A))
    await begun.wait()
    for _ in range(3):
        running.cancel()
        await ending.wait()
        await asyncio.sleep(0)
    assert not running.done()
    may_end.set()
    await asyncio.wait([running])
    assert running.cancelled()
    cloud.list_images = list_images
    assert (await rig.sync()).outcome == "complete"


async def test_a_file_that_cannot_be_used_is_no_failure_of_the_target(rig):
    await rig.settle()
    shutil.copy(rig.path, rig.path.with_suffix(".other"))
    rig.path.with_suffix(".other").replace(rig.path)
    with pytest.raises(DatabaseError):
        await rig.sync()


async def test_a_file_that_fails_for_a_moment_is_no_failure_of_the_target(rig, monkeypatch):
    await rig.settle()
    troubles = [DatabaseError("no space")]
    record = runs.record

    async def recorded(*args):
        if troubles:
            raise troubles.pop()
        return await record(*args)

    monkeypatch.setattr("syncd.store.runs.record", recorded)
    with pytest.raises(DatabaseError):
        await rig.sync()
    assert rig.target("failures") == 0
    assert (await rig.sync()).outcome == "complete"


@pytest.mark.parametrize("place", ["list", "decide", "commit"])
async def test_a_bug_in_one_sync_is_a_failure_of_its_target_alone(make_rig, place, monkeypatch):
    rig = await make_rig(regions=REGIONS[:2])
    rig.world.fill("lab", "*", 5)
    await rig.settle()
    rig.world.share("lab", "*")
    broken = True

    def spoil(module: str, name: str) -> None:
        original = getattr(__import__(module, fromlist=[name]), name)

        def maybe(*args, **kwargs):
            if broken:
                raise TypeError("the secret reason")
            return original(*args, **kwargs)

        monkeypatch.setattr(f"{module}.{name}", maybe)

    match place:
        case "list":
            spoil("syncd.compshare.listing", "list_images")
        case "decide":
            spoil("syncd.sync.syncer", "decide")
        case "commit":
            spoil("syncd.sync.event_drafts", "shared")
    rows = rig.live()
    with capture_logs() as logs:
        reports = [await rig.sync("cn-a") for _ in range(3)]
    assert {(report.outcome, report.failure, report.error) for report in reports} == {
        ("failed", "protocol", "internal error: TypeError")
    }
    assert [type(line["exc_info"]) for line in logs if line["event"] == "internal_error"] == [TypeError] * 3
    assert rig.live() == rows
    assert brief(rig.news()) == ["sync.failed"]
    broken = False
    await rig.sync("cn-b", "cn-a")
    assert sorted(brief(rig.news())) == ["shared account", "shared region", "sync.recovered"]
    rig.check()
