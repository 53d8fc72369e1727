"""A sync that finds what is known reads and writes nothing of its own; whatever is open about a target undoes that."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from syncd.errors import DatabaseUnwritable
from syncd.model import Target
from syncd.store import engine
from syncd.store.engine import Database
from syncd.sync.release import release
from syncd.sync.syncer import Syncer
from tests.sync.rig import Rig, brief

HERE = Target("lab", "cn-a")


@pytest.fixture
async def settled(make_rig) -> Rig:
    """Three regions of which nothing is open; each has twelve images of its own and one that all have."""
    rig = await make_rig(regions=("cn-a", "cn-b", "cn-c"))
    for region in ("cn-a", "cn-b", "cn-c"):
        rig.world.fill("lab", region, 12)
    rig.world.share("lab", ["cn-a", "cn-b", "cn-c"])
    for _ in range(3):
        await rig.sync("cn-a", "cn-b", "cn-c")
    rig.news()
    return rig


class Opened:
    """Counts the transactions that a database opens."""

    def __init__(self, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reads = self.writes = 0
        read, write = db.read, db.write

        def counted_read(*args, **options):
            self.reads += 1
            return read(*args, **options)

        def counted_write(*args, **options):
            self.writes += 1
            return write(*args, **options)

        monkeypatch.setattr(db, "read", counted_read)
        monkeypatch.setattr(db, "write", counted_write)


async def is_quiet(rig: Rig, monkeypatch: pytest.MonkeyPatch, region: str = "cn-a") -> bool:
    """Whether the next sync of the region opens no transaction."""
    with monkeypatch.context() as patch:
        opened = Opened(rig.db, patch)
        rig.advance(seconds=60)
        await rig.syncer.sync(Target("lab", region))
        used = opened.reads + opened.writes
    await rig.db.flush()
    return not used


async def test_a_list_that_shows_what_is_known_opens_no_transaction(settled, monkeypatch):
    assert await is_quiet(settled, monkeypatch)


async def test_what_quiet_syncs_leave_is_written_together_and_soon(settled, monkeypatch):
    rig = settled
    opened = Opened(rig.db, monkeypatch)
    [(count,)] = rig.rows("SELECT SUM(count) FROM runs")
    rig.advance(seconds=60)
    reports = await asyncio.gather(*(rig.syncer.sync(Target("lab", f"cn-{end}")) for end in "abc"))
    assert [(report.outcome, report.listed, report.live) for report in reports] == [("complete", 13, 13)] * 3
    assert opened.writes == 0
    async with asyncio.timeout(10):
        while not opened.writes:  # noqa: ASYNC110  # nothing tells when a transaction was opened
            await asyncio.sleep(0.01)
        await rig.db.flush()
    assert opened.writes <= 2
    assert rig.rows("SELECT SUM(count) FROM runs") == [(count + 3,)]
    times = rig.rows("SELECT DISTINCT last_attempt_at, last_success_at FROM targets")
    assert times == [(times[0][0], times[0][0])]
    assert times[0][0] == reports[0].started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def test_several_quiet_syncs_of_a_target_before_a_write_are_all_counted(settled):
    rig = settled
    [(count,)] = rig.rows("SELECT SUM(count) FROM runs WHERE region = 'cn-a'")
    for _ in range(3):
        rig.advance(seconds=60)
        await rig.syncer.sync(HERE)
    await rig.db.flush()
    assert rig.rows("SELECT SUM(count) FROM runs WHERE region = 'cn-a'") == [(count + 3,)]


async def test_the_next_write_takes_them_along_before_anything_reads_in_it(settled):
    rig = settled
    rig.advance(seconds=60)
    report = await rig.syncer.sync(HERE)
    async with rig.db.write() as tx:
        [(seen,)] = await tx.fetch("SELECT last_success_at FROM targets WHERE region = 'cn-a'")
    assert seen == report.started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def test_a_write_that_is_rolled_back_leaves_them_waiting(settled):
    rig = settled
    [(count,)] = rig.rows("SELECT SUM(count) FROM runs")
    await rig.syncer.sync(HERE)
    with pytest.raises(ZeroDivisionError):
        async with rig.db.write():
            raise ZeroDivisionError
    await rig.db.flush()
    assert rig.rows("SELECT SUM(count) FROM runs") == [(count + 1,)]


async def test_a_kill_before_they_are_written_loses_times_only(settled):
    rig = settled
    before = rig.rows("SELECT account, region, last_success_at FROM targets")
    rig.advance(seconds=60)
    await rig.syncer.sync(HERE)
    with closing(sqlite3.connect(rig.path)) as left:  # what a process that was killed now leaves
        assert left.execute("SELECT account, region, last_success_at FROM targets").fetchall() == before
    rig.check()


async def test_a_stop_writes_them(settled):
    rig = settled
    [(count,)] = rig.rows("SELECT SUM(count) FROM runs")
    await rig.syncer.sync(HERE)
    await rig.db.close()
    assert rig.rows("SELECT SUM(count) FROM runs") == [(count + 1,)]


async def test_the_sync_after_a_write_that_failed_says_why(settled, monkeypatch):
    rig = settled
    await rig.syncer.sync(HERE)
    write = rig.db.write

    def refuse(**_: object):
        raise DatabaseUnwritable("the disk is full", "make room")

    monkeypatch.setattr(rig.db, "write", refuse)
    async with asyncio.timeout(10):
        while rig.db.flush_error is None:  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.01)
    with pytest.raises(DatabaseUnwritable):
        await rig.syncer.sync(HERE)
    monkeypatch.setattr(rig.db, "write", write)
    [(count,)] = rig.rows("SELECT SUM(count) FROM runs WHERE region = 'cn-a'")
    await rig.db.flush()
    await rig.syncer.sync(HERE)
    await rig.db.flush()
    assert rig.rows("SELECT SUM(count) FROM runs WHERE region = 'cn-a'") == [(count + 2,)]


async def test_a_time_that_was_noted_while_the_clock_ran_ahead_is_trusted_no_longer_once_it_is_right(settled):
    rig = settled
    rig.clock.jump(timedelta(hours=8))
    await rig.sync("cn-a")
    rig.clock.jump(timedelta(hours=-8))
    await rig.sync("cn-b")  # a quiet sync, as the one before
    now = rig.clock.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert rig.value("SELECT fresh_until FROM targets WHERE region = 'cn-a'") <= now


async def test_news_are_found_and_the_last_good_time_is_that_of_the_last_quiet_sync(settled):
    rig = settled
    rig.advance(seconds=60)
    last = (await rig.syncer.sync(HERE)).started_at
    rig.advance(seconds=60)
    rig.world.share("lab", "cn-a")
    await rig.syncer.sync(HERE)
    [news] = rig.news()
    assert (news.type, news.body["data"]["observed_after"]) == (
        "image.shared",
        last.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    )


async def test_another_regions_news_have_this_one_read_the_database_again(settled, monkeypatch):
    rig = settled
    rig.world.share("lab", "cn-b")
    await rig.sync("cn-b")
    assert not await is_quiet(rig, monkeypatch)
    assert await is_quiet(rig, monkeypatch)


async def test_while_it_is_in_doubt_what_the_account_was_told_no_sync_is_quiet(settled, monkeypatch):
    rig = settled
    [everywhere] = rig.ids("cn-a") & rig.ids("cn-b")
    rig.world.unshare("lab", "cn-a", everywhere)
    await rig.sync("cn-a")
    for _ in range(3):
        assert not await is_quiet(rig, monkeypatch)
    await rig.sync("cn-b", "cn-c")
    await rig.sync("cn-a")
    assert await is_quiet(rig, monkeypatch)


async def test_what_was_written_while_the_list_was_read_is_not_overlooked(settled, monkeypatch):
    rig = settled
    cloud = rig.accounts["lab"].cloud
    list_images = cloud.list_images

    async def beside_another_regions_news(region, known):
        monkeypatch.setattr(cloud, "list_images", list_images)
        rig.world.share("lab", "cn-b")
        await rig.syncer.sync(Target("lab", "cn-b"))
        return await list_images(region, known)

    monkeypatch.setattr(cloud, "list_images", beside_another_regions_news)
    opened = Opened(rig.db, monkeypatch)
    await rig.syncer.sync(HERE)
    assert opened.writes == 2  # one for each region's sync


@pytest.mark.parametrize("trouble", ["blank", "http_error", "rows_without_id"])
async def test_a_faulty_list_is_not_quiet_and_what_it_opens_keeps_the_next_from_it(
    settled, monkeypatch, trouble
):
    rig = settled
    fault = rig.fault(trouble, region="cn-a")
    assert not await is_quiet(rig, monkeypatch)
    fault.remove()
    assert not await is_quiet(rig, monkeypatch)


async def test_while_rows_are_missing_no_sync_is_quiet(settled, monkeypatch):
    rig = settled
    rig.fault("blank", region="cn-a")
    for _ in range(3):
        assert not await is_quiet(rig, monkeypatch)


async def test_an_accounts_alert_keeps_its_well_regions_from_being_quiet(settled, monkeypatch):
    rig = settled
    fault = rig.fault("http_error", region="cn-b")
    for _ in range(3):
        await rig.sync("cn-b")
    assert brief(rig.news()) == ["sync.failed"]
    for _ in range(3):
        assert not await is_quiet(rig, monkeypatch)
    fault.remove()
    await rig.sync("cn-b")
    await rig.sync("cn-a", "cn-c")
    assert brief(rig.news()) == ["sync.recovered"]


async def test_a_release_by_hand_is_seen(settled, monkeypatch):
    rig = settled
    fault = rig.fault("blank", region="cn-a")
    await rig.sync("cn-a")
    fault.remove()
    rig.fault("hidden_rows", region="cn-a")
    await release(rig.syncer)
    rig.sim.faults.clear()
    rig.news()
    await rig.sync("cn-a")
    assert {event.type for event in rig.news()} == {"image.shared"}
    rig.check(honest=False)


async def test_a_changed_account_begins_anew(settled, monkeypatch):
    rig = settled
    await rig.reload(regions=("cn-a", "cn-b", "cn-c"))
    assert not await is_quiet(rig, monkeypatch)


async def test_a_retired_region_is_left_alone(settled):
    rig = settled
    await rig.reload(regions=("cn-b", "cn-c"))
    before = rig.rows("SELECT * FROM targets WHERE region = 'cn-a'")
    await rig.syncer.sync(HERE)
    await rig.db.flush()
    assert rig.rows("SELECT * FROM targets WHERE region = 'cn-a'") == before


async def test_once_an_hour_the_database_is_read_in_any_case(settled, monkeypatch):
    rig = settled
    assert await is_quiet(rig, monkeypatch)
    rig.advance(hours=1)
    assert not await is_quiet(rig, monkeypatch)
    assert await is_quiet(rig, monkeypatch)


async def test_another_process_knows_nothing_yet(settled, monkeypatch):
    rig = settled
    rig.syncer = Syncer(rig.db, rig.accounts, rig.settings, rig.clock)
    assert not await is_quiet(rig, monkeypatch)
    assert await is_quiet(rig, monkeypatch)


async def test_quiet_syncs_are_watched_time(settled):
    """A row that is missing after an hour of quiet syncs waits from its first lack on, as it always did."""
    rig = settled
    for _ in range(5):
        rig.advance(minutes=1)
        await rig.syncer.sync(HERE)
    rig.fault("blank", region="cn-a")
    rig.advance(minutes=1)
    await rig.sync("cn-a")
    rows = rig.rows("SELECT DISTINCT missing_syncs, shown_at FROM image_rows WHERE missing_since IS NOT NULL")
    assert rows == [
        (
            1,
            (rig.clock.at - timedelta(minutes=1, seconds=1, milliseconds=1))
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
        )
    ]


async def test_an_error_is_forgotten_also_if_another_write_took_along_what_waited(settled, monkeypatch):
    rig = settled
    monkeypatch.setattr(engine, "QUIET_RUNS_RETRY", 0.01)
    await rig.syncer.sync(HERE)

    def taken_along_and_refused(**_: object):
        rig.db._quiet_runs.drop(dict(rig.db._quiet_runs._waiting))
        raise DatabaseUnwritable("the disk is full", "make room")

    with monkeypatch.context() as patch:
        patch.setattr(rig.db, "write", taken_along_and_refused)
        async with asyncio.timeout(10):
            while rig.db.flush_error is None:  # noqa: ASYNC110  # nothing tells
                await asyncio.sleep(0.001)
    async with asyncio.timeout(10):
        while rig.db.flush_error is not None:  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.01)
