"""What operators do while deliveries go on: changes meet no other change half done, and no full disk ends them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from syncd.errors import UsageError
from syncd.sinks import worker
from syncd.sinks.sink import Delivered, ReceiverTrouble, Verdict
from syncd.store import deliveries
from tests.sinks.delivering import FakeSink, Post, drafts, post_at


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
