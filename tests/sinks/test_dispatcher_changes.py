"""What operators do while deliveries go on: changes meet no other change half done, and no full disk ends them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from syncd.config import RetentionConfig
from syncd.errors import UsageError
from syncd.model import to_text
from syncd.sinks import worker
from syncd.sinks.sink import Delivered, Item, MessageTrouble, ReceiverTrouble, Verdict
from syncd.store import deliveries, pruning
from tests.sinks.delivering import START, Clock, FakeSink, Post, drafts, post_at


@pytest.fixture
async def post(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Post]:
    monkeypatch.setattr(worker, "GRACE", 0.0)
    monkeypatch.setattr(deliveries, "AT_ONCE", 7)
    async with post_at(tmp_path / "syncd.db") as post:
        yield post


@contextmanager
def unwritable(post: Post) -> Iterator[None]:
    """As on a full disk: what is begun fails until the end of this."""
    with closing(sqlite3.connect(post.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@pytest.fixture
def slow_replay(monkeypatch: pytest.MonkeyPatch) -> tuple[asyncio.Event, asyncio.Event]:
    """A replay says when it has begun, and goes on when it is let."""
    begun, let, replay = asyncio.Event(), asyncio.Event(), deliveries.replay

    async def slow(*args: Any, **given: Any) -> int:
        begun.set()
        await let.wait()
        return await replay(*args, **given)

    monkeypatch.setattr(deliveries, "replay", slow)
    return begun, let


async def passes(post: Post, seconds: float) -> None:
    """The clock moves when the dispatcher sleeps."""
    end = post.clock.passed + seconds
    while post.clock.passed < end:
        assert post.task is not None
        assert not post.task.done()
        await asyncio.sleep(0.01)


async def without_patience(post: Post) -> None:
    async with post.db.write() as tx:
        await tx.fetch("PRAGMA busy_timeout = 20")


async def test_replays_at_the_same_time_send_all_that_each_asked_for(post: Post) -> None:
    sink = FakeSink()
    await post.equip(sink)
    await post.append(drafts(*range(60)))
    post.start()
    await post.settled()
    sink.taken.clear()
    await asyncio.gather(
        *(post.dispatcher.replay("hook", since_seq=seq) for seq in (60, 1)),
        post.dispatcher.replay("hook", dead=True),
    )
    await post.settled()
    assert set(sink.taken) == set(range(1, 61))


async def test_a_replay_during_a_reload_leaves_one_worker_of_the_sink(
    post: Post, slow_replay: tuple[asyncio.Event, asyncio.Event]
) -> None:
    begun, let = slow_replay
    old, new = FakeSink(), FakeSink()
    await post.equip(old)
    await post.append(drafts(*range(40)))
    post.start()
    await post.settled()
    replaying = asyncio.create_task(post.dispatcher.replay("hook", since_seq=1))
    await begun.wait()
    swapping = asyncio.create_task(post.dispatcher.swap([new], post.routes))
    await asyncio.sleep(0.02)
    let.set()
    await swapping
    assert await replaying == 40
    await post.settled()
    assert set(old.taken[40:]) | set(new.taken) == set(range(1, 41))
    names = [task.get_name() for task in asyncio.all_tasks()]
    assert names.count("deliver hook") == 1


async def test_what_is_asked_of_a_sink_that_a_reload_takes_away_is_refused(post: Post) -> None:
    await post.equip(FakeSink())
    post.start()
    await asyncio.sleep(0)
    swapping = asyncio.create_task(post.dispatcher.swap([], []))
    await asyncio.sleep(0)
    for asked in (post.dispatcher.enable("hook"), post.dispatcher.replay("hook", since_seq=1)):
        with pytest.raises(UsageError, match="sink hook is not configured"):
            await asked
    await swapping


async def test_a_sink_disabled_during_a_replay_stays_so(
    post: Post, slow_replay: tuple[asyncio.Event, asyncio.Event]
) -> None:
    begun, let = slow_replay
    sink = FakeSink()
    await post.equip(sink)
    await post.append(drafts(*range(30)))
    post.start()
    await post.settled()
    sink.taken.clear()
    async with asyncio.TaskGroup() as group:
        group.create_task(post.dispatcher.replay("hook", since_seq=1))
        await begun.wait()
        group.create_task(post.dispatcher.disable("hook"))
        await asyncio.sleep(0.02)
        let.set()
    before = len(sink.taken)
    await post.append(drafts(100))
    await asyncio.sleep(0.05)
    assert len(sink.taken) == before
    assert post.sink("state") == ("disabled",)
    assert post.count("hook", "pending") == 31 - before


async def test_a_stop_during_a_replay_ends_cleanly(
    post: Post, slow_replay: tuple[asyncio.Event, asyncio.Event]
) -> None:
    begun, _ = slow_replay
    await post.equip(FakeSink())
    await post.append(drafts(*range(40)))
    post.start()
    await post.settled()
    replaying = asyncio.create_task(post.dispatcher.replay("hook", since_seq=1))
    await begun.wait()
    post.task.cancel()  # type: ignore[union-attr]  # it was started
    replaying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await replaying
    await post.stop()


async def test_outcomes_wait_for_a_database_that_cannot_be_written_and_are_said_once(post: Post) -> None:
    sink = FakeSink()
    await post.equip(sink)
    await post.append(drafts(1))
    await without_patience(post)
    with capture_logs() as logs:
        with unwritable(post):
            post.start()
            await sink.until(lambda: sink.taken == [1])
            await passes(post, 3 * worker.RETRY_DATABASE)
        await post.settled()
        await post.append(drafts(2))
        await post.settled()
    assert sink.attempts == [[1], [2]], "it is not sent again"
    assert [log["event"] for log in logs] == ["outcomes_not_written", "outcomes_written"]


async def test_an_outage_that_cannot_be_announced_yet_is_announced_later(post: Post) -> None:
    verdict: list[Verdict] = [ReceiverTrouble("HTTP 503")]
    sink = FakeSink(answer=lambda *_: verdict[0], clock=post.clock)
    await post.equip(sink, FakeSink("other"))
    await post.append(drafts(1))
    post.start()
    await post.reached(lambda: post.sink("state") == ("backing_off",))
    await post.stop()
    await without_patience(post)
    post.clock.advance(timedelta(hours=2).total_seconds())
    with unwritable(post):
        post.start()
        await passes(post, 3 * worker.RETRY_DATABASE)
    verdict[0] = Delivered()
    await post.settled()
    assert [one["type"] for one in post.news()] == ["sink.failed", "sink.recovered"]


class Held(FakeSink):
    """Each message waits until the test says what comes of it."""

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__(answer=type(self).said, clock=clock)  # type: ignore[arg-type]  # of this class only
        self.verdicts: defaultdict[int, asyncio.Future[Verdict]] = defaultdict(asyncio.Future)
        self.out: list[int] = []
        self.more = asyncio.Condition()

    async def send(self, items: Sequence[Item], away_since: datetime | None = None) -> Verdict:
        async with self.more:
            self.out.append(items[0].seq)
            self.more.notify_all()
        await self.verdicts[items[0].seq]
        return await super().send(items, away_since)

    def said(self, items: Sequence[Item]) -> Verdict:
        return self.verdicts[items[0].seq].result()

    async def until_out(self, count: int) -> None:
        async with self.more:
            await self.more.wait_for(lambda: len(self.out) >= count)


async def test_a_stop_waits_for_what_is_under_way_and_begins_nothing_more(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "GRACE", 0.5)
    sink = Held()
    await post.equip(sink)
    await post.append(drafts(1, 2, 3))
    post.start()
    await sink.until_out(1)
    asyncio.get_running_loop().call_later(0.05, sink.verdicts[1].set_result, Delivered())
    await post.stop()
    assert (sink.out, sink.taken) == ([1], [1])
    assert post.delivery(1) == ("delivered", 1)


async def test_failures_of_what_was_under_way_together_count_as_one(post: Post) -> None:
    sink = Held(post.clock)
    await post.equip(sink)
    await post.append(drafts(*range(20)))
    post.start()
    for seq in (1, 2, 3):
        await sink.until_out(seq)
        sink.verdicts[seq].set_result(Delivered())
    await sink.until_out(3 + worker.IN_FLIGHT)
    first, *others = sink.out[3:]
    sink.verdicts[first].set_result(ReceiverTrouble("HTTP 503"))
    await post.reached(lambda: post.sink("failures") == (1,))
    (again_at,) = post.sink("next_attempt_at")
    for seq in others:
        sink.verdicts[seq].set_result(ReceiverTrouble("HTTP 503"))
    await post.reached(lambda: all(post.delivery(seq, "last_error") == ("HTTP 503",) for seq in others))
    assert post.sink("failures, next_attempt_at") == (1, again_at)


async def test_a_success_that_was_under_way_when_it_was_disabled_does_not_end_its_absence(post: Post) -> None:
    sink = Held(post.clock)
    await post.equip(sink)
    await post.append(drafts(1, 1))
    post.start()
    await sink.until_out(1)
    await post.dispatcher.disable("hook")
    sink.verdicts[1].set_result(Delivered())
    await post.settled(left=1)
    assert post.sink("state") == ("disabled",)
    post.clock.advance(timedelta(hours=2).total_seconds())
    sink.verdicts[2].set_result(Delivered())
    await post.dispatcher.enable("hook")
    await post.settled()
    assert sink.away == [None, START], "the first message after more than an hour knows since when"


async def test_replay_leaves_alone_what_waits_and_begins_anew_with_what_was_given_up(post: Post) -> None:
    await post.equip(FakeSink())
    await post.append(drafts(1, 2))
    async with post.db.write() as tx:
        await tx.execute_raw("UPDATE deliveries SET attempts = 3, strikes = 4, last_error = 'HTTP 400'")
        await tx.execute_raw(
            "UPDATE deliveries SET state = 'dead', finished_at = ? WHERE event_seq = 2", (to_text(START),)
        )
    assert await post.dispatcher.replay("hook", since_seq=1) == 1
    columns = "state, attempts, strikes, last_error, finished_at"
    assert post.delivery(1, columns) == ("pending", 3, 4, "HTTP 400", None)
    assert post.delivery(2, columns) == ("pending", 0, 0, None, None)


async def test_replay_ends_before_the_moment_that_it_is_given(post: Post) -> None:
    sink = FakeSink()
    await post.equip(sink)
    hour = timedelta(hours=1)
    await post.append([draft for n in range(3) for draft in drafts(n, at=START + n * hour)])
    post.start()
    await post.settled()
    assert await post.dispatcher.replay("hook", since=START + hour, until=START + 2 * hour) == 1
    await post.settled()
    assert sink.taken[3:] == [2]


async def test_the_same_image_of_another_account_does_not_wait(post: Post) -> None:
    bad = MessageTrouble("HTTP 400")
    sink = FakeSink(answer=lambda _, items: bad if items[0].seq == 1 else Delivered(), clock=post.clock)
    await post.equip(sink)
    await post.append([*drafts("x"), *drafts("x", account="alice")])
    post.start()
    await post.settled(left=1)
    assert sink.taken == [2]
    assert post.delivery(1, "state") == ("pending",)


async def test_the_absence_of_a_sink_that_came_back_is_forgotten(post: Post) -> None:
    sink = FakeSink()
    await post.equip(sink)
    (seq,) = await post.append(drafts(1))
    await post.dispatcher.swap([], [])
    await post.dispatcher.swap([sink], post.routes)
    post.clock.advance(timedelta(hours=25).total_seconds())
    await pruning.prune(post.db, RetentionConfig(), post.clock.now())
    assert post.delivery(seq, "state") == ("pending",)
