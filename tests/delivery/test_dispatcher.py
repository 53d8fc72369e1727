"""The dispatcher against receivers that a test scripts: order, replaced sinks, draining, stopping and replays."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from syncd.config import RetentionConfig
from syncd.delivery import sender
from syncd.errors import DatabaseLocked
from syncd.model import Draft, SinkFilter
from syncd.sinks.sink import Delivered, Item, SendResult
from syncd.store import pruning
from tests.delivery.harness import (
    DOWN,
    START,
    FakeSink,
    Harness,
    drafts,
    unless,
)


async def test_events_of_many_images_go_side_by_side_and_those_of_one_in_order(harness: Harness) -> None:
    sink = FakeSink()
    await harness.configure(sink)
    await harness.append(drafts(*range(20), *range(20)))
    harness.start()
    await harness.settled()
    assert sorted(sink.taken) == list(range(1, 41))
    assert max(sink.depths) == sender.MAX_IN_FLIGHT
    assert harness.delivery(1, "state, attempts, last_error, next_attempt_at") == ("delivered", 1, None, None)


async def test_what_is_committed_later_goes_without_being_asked_for(harness: Harness) -> None:
    sink = FakeSink()
    await harness.configure(sink)
    harness.start()
    await asyncio.sleep(0.05)
    await harness.append(drafts(1))
    await sink.until(lambda: sink.taken == [1])
    assert harness.clock.now() == START, "nothing but the commit woke it"


async def test_what_a_sink_raises_counts_as_its_receivers_trouble_without_its_words(harness: Harness) -> None:
    address = "https://hooks.example/SECRET"

    def answer(sink: FakeSink, _: Sequence[Item]) -> SendResult:
        if len(sink.attempts) == 1:
            raise RuntimeError(address)
        return Delivered()

    sink = FakeSink(answer=answer)
    await harness.configure(sink)
    await harness.append(drafts(1))
    with capture_logs() as logs:
        harness.start()
        await harness.reached(lambda: harness.sink("state") == ("backing_off",))
        assert harness.sink("last_error") == ("unexpected RuntimeError",)
        await harness.settled()
    (said,) = logs
    assert (said["event"], said["error"]) == ("send_failed", "RuntimeError")
    assert "test_dispatcher.py" in said["traceback"], "where it was raised"
    assert "SECRET" not in repr(said)
    assert b"SECRET" not in harness.path.read_bytes() + Path(f"{harness.path}-wal").read_bytes()


async def test_a_send_of_the_old_sink_ends_before_the_new_one_begins(harness: Harness) -> None:
    begun, held, sent = asyncio.Event(), asyncio.Event(), []

    class Slow(FakeSink):
        async def send(self, items: Sequence[Item], away_since: object = None) -> SendResult:
            sent.append(("old begins", items[0].seq))
            begun.set()
            await held.wait()
            sent.append(("old ends", items[0].seq))
            return Delivered()

    class New(FakeSink):
        async def send(self, items: Sequence[Item], away_since: object = None) -> SendResult:
            sent.append(("new", items[0].seq))
            return Delivered()

    old, new = Slow(), New()
    await harness.configure(old)
    await harness.append(drafts(1, 1))
    harness.start()
    await begun.wait()
    swapping = asyncio.create_task(harness.dispatcher.swap([new], harness.routes))
    await asyncio.sleep(0.02)
    held.set()
    await swapping
    await harness.settled()
    assert sent == [("old begins", 1), ("old ends", 1), ("new", 2)]
    assert old.closed
    assert not new.closed


async def test_a_swap_that_cannot_be_written_changes_nothing(harness: Harness) -> None:
    old, new = FakeSink(), FakeSink("new")
    await harness.configure(old)
    harness.start()
    async with harness.db.write() as tx:
        await tx.fetch("PRAGMA busy_timeout = 50")
    with closing(sqlite3.connect(harness.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseLocked):
            await harness.dispatcher.swap([new], [])
    await harness.append(drafts(1))
    await harness.settled()
    assert old.taken == [1]
    assert not old.closed


async def test_a_sink_that_leaves_for_less_than_a_day_gets_all_and_for_longer_nothing(
    harness: Harness,
) -> None:
    for hours, state in ((23, "pending"), (25, "skipped")):
        sink = FakeSink(f"s{hours}", answer=lambda *_: DOWN)
        await harness.configure(sink)
        (seq,) = await harness.append(drafts(hours))
        await harness.dispatcher.swap([], [])
        harness.clock.advance(hours * 3600)
        await harness.dispatcher.reconcile()
        await pruning.prune(harness.db, RetentionConfig(), harness.clock.now())
        assert harness.delivery(seq, "state", sink.name) == (state,)


async def test_draining_tries_each_due_delivery_once_and_waits_for_nothing(harness: Harness) -> None:
    sink = FakeSink(answer=unless(2), clock=harness.clock)
    chat = FakeSink("chat", group_wait=10)
    await harness.configure(sink, chat)
    await harness.append(drafts(1, 2, 2, 3, 3))
    await harness.dispatcher.drain(timedelta(seconds=60))
    assert sorted(sink.taken) == [1, 4, 5]
    assert sink.attempts.count([2]) == 1
    assert [3] not in sink.attempts
    assert chat.attempts == [[1, 2, 3, 4, 5]]
    assert harness.clock.now() == START


async def test_draining_a_receiver_that_is_down_tries_one_and_next_time_another(harness: Harness) -> None:
    """A command from cron starts anew each minute: what it has learned must be in the file."""
    sink = FakeSink(answer=lambda *_: DOWN)
    await harness.configure(sink)
    await harness.append(drafts(1, 2, 3))
    for _ in range(4):
        await harness.dispatcher.drain(timedelta(seconds=60))
        await harness.dispatcher.drain(timedelta(seconds=60))
        harness.clock.advance(3600)
    assert sink.attempts == [[1], [2], [3], [1]]


async def test_draining_ends_in_time_and_saves_what_was_earned(harness: Harness) -> None:
    class Hanging(FakeSink):
        async def send(self, items: Sequence[Item], away_since: object = None) -> SendResult:
            if items[0].seq == 2:
                await asyncio.sleep(60)
            return Delivered()

    await harness.configure(Hanging())
    await harness.append(drafts(1, 2, 3))
    await harness.dispatcher.drain(timedelta(seconds=0.3))
    assert [harness.delivery(seq)[0] for seq in (1, 2, 3)] == ["delivered", "pending", "delivered"]


async def test_what_comes_back_while_stopping_is_saved(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "STOP_GRACE", 10.0)
    begun, release = asyncio.Event(), asyncio.Event()

    class Slow(FakeSink):
        async def send(self, items: Sequence[Item], away_since: object = None) -> SendResult:
            begun.set()
            await release.wait()
            return Delivered()

    await harness.configure(Slow())
    await harness.append(drafts(1))
    harness.start()
    await begun.wait()
    asyncio.get_running_loop().call_later(0.05, release.set)
    await harness.stop()
    assert harness.delivery(1) == ("delivered", 1)


async def test_replay_sends_again_under_the_same_id_and_only_what_was_asked_for(harness: Harness) -> None:
    sink = FakeSink()
    await harness.configure(sink)
    await harness.append([*drafts(1, 2), *drafts(3, at=START + timedelta(hours=1))])
    harness.start()
    await harness.settled()
    ((event_id,),) = harness.rows("SELECT id FROM events WHERE seq = 2")
    for asked, expected in (
        ({"event_id": event_id}, [2]),
        ({"since_seq": 2}, [2, 3]),
        ({"since": START + timedelta(minutes=1)}, [3]),
        ({"since_seq": 1, "until": START + timedelta(minutes=1)}, [1, 2]),
        ({"dead": True}, []),
    ):
        sink.taken.clear()
        assert await harness.dispatcher.replay("hook", **asked) == len(expected)
        await harness.settled()
        assert sorted(sink.taken) == expected
    assert len(set(sink.ids.values())) == 3


async def test_replay_to_a_new_sink_sends_what_it_would_have_wanted(harness: Harness) -> None:
    await harness.configure()
    await harness.append(drafts("a", "b"))
    sink = FakeSink()
    await harness.configure(sink, wants=SinkFilter(events=("*",), names=("nb",)))
    assert await harness.dispatcher.replay("hook", since_seq=1) == 1
    harness.start()
    await harness.settled()
    assert sink.taken == [2]


async def test_the_news_of_an_account_and_of_sinks_keep_their_order_too(harness: Harness) -> None:
    sink = FakeSink()
    await harness.configure(sink)
    account = [
        Draft(f"sync.{kind}", START, {"account": "lab"}, "lab") for kind in ("failed", "recovered") * 3
    ]
    await harness.append(account)
    harness.start()
    await harness.settled()
    assert sink.taken == [1, 2, 3, 4, 5, 6]
    assert set(sink.depths) == {1}


async def test_observers_learn_what_came_of_each_message(harness: Harness) -> None:
    sink = FakeSink(answer=unless(1))
    await harness.configure(sink)
    await harness.append(drafts(1, 2))
    harness.start()
    await harness.settled()
    await harness.stop()
    counted = {name: sum(record.count for record in harness.records if record.outcome == name) for name in
               ("delivered", "message_trouble", "dead", "receiver_trouble")}  # fmt: skip
    assert counted == {"delivered": 1, "message_trouble": 5, "dead": 1, "receiver_trouble": 0}
