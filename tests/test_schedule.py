from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from syncd.config import ScheduleConfig
from syncd.model import Target
from syncd.schedule import Schedule, clock_watch, interval_around
from syncd.schedule.schedule import MAX_SYNCS_TOGETHER
from syncd.sync.report import SyncReport

LAB = Target("lab", "cn-wlcb")
QUICK = ScheduleConfig(interval=timedelta(milliseconds=50), jitter=timedelta(0))
SLOW = ScheduleConfig(interval=timedelta(hours=1), jitter=timedelta(0))


class ShiftedClock:
    """The machine's, shifted by what a test says."""

    shift = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.shift

    def monotonic(self) -> float:
        return time.monotonic()


class Syncs:
    """Counts the syncs of each target, and answers as told."""

    def __init__(self, clock: ShiftedClock) -> None:
        self.clock = clock
        self.counts: Counter[Target] = Counter()
        self.answer: Callable[[SyncReport], SyncReport] = lambda report: report
        self.gate = asyncio.Event()
        self.gate.set()
        self._more = asyncio.Condition()

    async def sync(self, target: Target) -> SyncReport:
        await self.gate.wait()
        async with self._more:
            self.counts[target] += 1
            self._more.notify_all()
        now = self.clock.now()
        return self.answer(SyncReport(target, "complete", now, now))

    async def discover(self, account: str) -> SyncReport:
        return await self.sync(Target(account, ""))

    async def reach(self, count: int, *targets: Target) -> None:
        async with asyncio.timeout(10), self._more:
            await self._more.wait_for(lambda: all(self.counts[target] >= count for target in targets))


@asynccontextmanager
async def scheduled(config: ScheduleConfig) -> AsyncIterator[tuple[Schedule, Syncs]]:
    clock = ShiftedClock()
    syncs = Syncs(clock)
    schedule = Schedule(config, clock, syncs.sync, syncs.discover)
    schedule.start()
    try:
        yield schedule, syncs
    finally:
        schedule.stop()
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool], turn: Callable[[], Awaitable[object]] | None = None) -> None:
    """Let the loop go on until it is so."""
    async with asyncio.timeout(10):
        while not condition():
            await (turn() if turn else asyncio.sleep(0))


def first_times(schedule: Schedule) -> list[datetime]:
    return sorted(time for name, time in schedule.jobs.next_runs().items() if name.startswith("sync:"))


async def test_every_target_is_synced_at_once_and_again_after_each_interval() -> None:
    other = Target("lab", "cn-sh2")
    async with scheduled(QUICK) as (schedule, syncs):
        schedule.watch([LAB, other], ["lab"], at_once=True)
        await syncs.reach(3, LAB, other)
        await syncs.reach(1, Target("lab", ""))


async def test_without_run_on_start_the_first_sync_waits_for_the_plan() -> None:
    async with scheduled(SLOW) as (schedule, syncs):
        schedule.watch([LAB], [], at_once=False)
        (first,) = first_times(schedule)
        assert first > syncs.clock.now() + timedelta(minutes=59)


async def test_what_is_no_longer_watched_is_not_synced() -> None:
    async with scheduled(SLOW) as (schedule, _):
        schedule.watch([LAB], ["lab"], at_once=True)
        schedule.watch([], [], at_once=True)
        assert schedule.watched == 0
        assert schedule.next_sync() is None


async def test_a_failing_target_is_tried_when_its_report_says_instead_of_its_plan() -> None:
    async with scheduled(SLOW) as (schedule, syncs):
        due = syncs.clock.now() + timedelta(minutes=4)
        syncs.answer = lambda report: replace(report, outcome="failed", failure="unreachable", retry_at=due)
        schedule.watch([LAB], [], at_once=True)
        await syncs.reach(1, LAB)
        await until(lambda: schedule.next_sync() == due)


async def test_a_target_that_works_again_goes_back_to_its_plan() -> None:
    async with scheduled(SLOW) as (schedule, syncs):
        due = syncs.clock.now() + timedelta(hours=9)
        syncs.answer = lambda report: replace(report, outcome="failed", failure="auth", retry_at=due)
        schedule.watch([LAB], [], at_once=True)
        await syncs.reach(1, LAB)
        await until(lambda: schedule.next_sync() == due)
        now = syncs.clock.now()
        schedule.follow(SyncReport(LAB, "complete", now, now))
        assert (schedule.next_sync() or due) <= now + timedelta(hours=1, seconds=1)


async def test_a_target_with_missing_rows_is_looked_at_besides_its_plan() -> None:
    async with scheduled(SLOW) as (schedule, syncs):
        due = syncs.clock.now() + timedelta(milliseconds=100)
        syncs.answer = lambda report: replace(report, look_at=due if syncs.counts[LAB] < 2 else None)
        schedule.watch([LAB], [], at_once=True)
        await syncs.reach(2, LAB)
        await until(lambda: (schedule.next_sync() or due) > syncs.clock.now() + timedelta(minutes=50))


async def test_a_sync_that_still_runs_is_not_run_again_and_the_skipped_one_is_counted() -> None:
    async with scheduled(QUICK) as (schedule, syncs):
        syncs.gate.clear()
        schedule.watch([LAB], [], at_once=True)
        await until(lambda: schedule.jobs.skipped >= 2)
        assert not syncs.counts
        syncs.gate.set()
        await syncs.reach(1, LAB)


async def test_fifty_start_together_and_more_are_spread_over_the_interval() -> None:
    async with scheduled(replace(SLOW, interval=timedelta(minutes=2))) as (schedule, syncs):
        syncs.gate.clear()
        began = syncs.clock.now()
        schedule.watch([Target("lab", f"r-{number}") for number in range(150)], [], at_once=True)
        late = [time for time in first_times(schedule) if time > began + timedelta(seconds=1)]
        assert len(late) == 150 - MAX_SYNCS_TOGETHER - 1 or len(late) == 150 - MAX_SYNCS_TOGETHER
        assert max(late) < began + timedelta(minutes=2, seconds=5)
        gaps = [after - before for before, after in pairwise(late)]
        assert max(gaps) < timedelta(seconds=5)


async def test_what_was_spread_stays_spread() -> None:
    targets = [Target("lab", f"r{number}") for number in range(MAX_SYNCS_TOGETHER + 10)]
    interval = timedelta(milliseconds=200)
    async with scheduled(replace(QUICK, interval=interval)) as (schedule, syncs):
        schedule.watch(targets, [], at_once=True)
        first = schedule.jobs.next_runs()
        await syncs.reach(3, *targets)
        assert {(time - first[name]) % interval for name, time in schedule.jobs.next_runs().items()} == {
            timedelta(0)
        }


async def test_a_clock_set_back_takes_the_plan_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock_watch, "CHECK_SECONDS", 0.02)
    async with scheduled(replace(SLOW, interval=timedelta(minutes=1))) as (schedule, syncs):
        schedule.watch([LAB], [], at_once=False)
        syncs.clock.shift = timedelta(hours=-1)
        await until(lambda: first_times(schedule)[0] < syncs.clock.now() + timedelta(minutes=2))


@pytest.mark.parametrize(
    ("cron", "interval"),
    [
        ("*/5 * * * *", timedelta(minutes=5)),
        ("0 * * * *", timedelta(hours=1)),
        ("0 3 * * *", timedelta(days=1)),
    ],
)
def test_the_interval_of_a_cron_plan_is_the_mean_of_the_next_runs(cron: str, interval: timedelta) -> None:
    config = ScheduleConfig(interval=None, cron=cron, timezone="UTC")
    mean = interval_around(config, datetime(2026, 11, 24, 3, 0, tzinfo=UTC))
    assert interval * 2 / 3 <= mean <= interval


async def test_a_cron_plan_follows_its_time_zone() -> None:
    async with scheduled(ScheduleConfig(interval=None, cron="30 3 * * *", timezone="Asia/Shanghai")) as (
        schedule,
        _,
    ):
        schedule.watch([LAB], [], at_once=False)
        (first,) = first_times(schedule)
        assert first.astimezone(UTC).strftime("%H:%M") == "19:30"


async def test_what_was_cut_off_is_planned_anew_at_once() -> None:
    async with scheduled(SLOW) as (schedule, syncs):
        syncs.answer = lambda report: replace(
            report, outcome="cancelled" if syncs.counts[report.target] < 2 else "complete"
        )
        schedule.watch([LAB], ["lab"], at_once=True)
        await syncs.reach(2, LAB, Target("lab", ""))


@pytest.mark.parametrize("by_hand", [True, False])
async def test_retries_begin_anew_after_a_reload_and_a_sync_by_hand(by_hand: bool) -> None:
    failures = 40

    def fail(report: SyncReport) -> SyncReport:
        nonlocal failures
        failures += 1
        later = report.finished_at + timedelta(minutes=10)
        return replace(report, outcome="failed", failure="unreachable", failures=failures, retry_at=later)

    async with scheduled(SLOW) as (schedule, syncs):
        delays = []

        def follow() -> None:
            now = syncs.clock.now()
            schedule.follow(fail(SyncReport(LAB, "failed", now, now)))

        syncs.answer = fail
        schedule.watch([LAB], [], at_once=True)
        await syncs.reach(1, LAB)
        await until(lambda: 1 < next_in(schedule, syncs) < 3000)
        for _ in range(3):
            if by_hand:
                follow()
            else:
                schedule.watch([LAB], [], at_once=True, again=[LAB])
                count = syncs.counts[LAB] + 1
                await syncs.reach(count, LAB)
                await until(lambda: 1 < next_in(schedule, syncs) < 3000)
            delays.append(round(next_in(schedule, syncs) / 60))
        assert delays == [1, 1, 1]


async def test_after_it_began_anew_retries_grow_again_and_what_the_server_asks_for_counts() -> None:
    async with scheduled(SLOW) as (schedule, syncs):
        schedule.watch([LAB], [], at_once=False)
        now = syncs.clock.now()
        failed = replace(SyncReport(LAB, "failed", now, now), failure="unreachable", retry_at=now)
        schedule.follow(replace(failed, failures=40))
        assert schedule.next_sync() == now + timedelta(minutes=1)
        for failures, asked, expected in ((41, None, 2), (42, None, 2), (43, timedelta(hours=1), 60)):
            report = replace(failed, failures=failures, retry_after=asked)
            schedule._go_on("sync:lab/cn-wlcb", report)
            assert schedule.next_sync() == now + timedelta(minutes=expected)


def next_in(schedule: Schedule, syncs: Syncs) -> float:
    """Seconds until the next planned sync."""
    due = schedule.next_sync()
    assert due is not None
    return (due - syncs.clock.now()).total_seconds()
