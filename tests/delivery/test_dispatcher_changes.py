"""What operators do while deliveries go on: changes meet no other change half done, and no full disk ends them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from syncd.config import RetentionConfig
from syncd.delivery import dispatcher, sender, worker
from syncd.errors import DatabaseUnwritable, UsageError
from syncd.model import to_text
from syncd.sinks.sink import Delivered, Item, MessageTrouble, ReceiverTrouble, SendResult
from syncd.store import deliveries, pruning
from tests.delivery.harness import START, Clock, FakeSink, Harness, drafts


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "EVENTS_PER_TRANSACTION", 7)


@contextmanager
def unwritable(harness: Harness) -> Iterator[None]:
    """As on a full disk: what is begun fails until the end of this."""
    with closing(sqlite3.connect(harness.path, isolation_level=None)) as other:
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


async def passes(harness: Harness, seconds: float) -> None:
    """The clock moves when the dispatcher sleeps."""
    end = harness.clock.passed + seconds
    while harness.clock.passed < end:
        assert harness.task is not None
        assert not harness.task.done()
        await asyncio.sleep(0.01)


async def without_patience(harness: Harness) -> None:
    async with harness.db.write() as tx:
        await tx.fetch("PRAGMA busy_timeout = 20")


async def test_replays_at_the_same_time_send_all_that_each_asked_for(harness: Harness) -> None:
    sink = FakeSink()
    await harness.configure(sink)
    await harness.append(drafts(*range(60)))
    harness.start()
    await harness.settled()
    sink.taken.clear()
    await asyncio.gather(
        *(harness.dispatcher.replay("hook", since_seq=seq) for seq in (60, 1)),
        harness.dispatcher.replay("hook", dead=True),
    )
    await harness.settled()
    assert set(sink.taken) == set(range(1, 61))


async def test_a_replay_during_a_reload_leaves_one_worker_of_the_sink(
    harness: Harness, slow_replay: tuple[asyncio.Event, asyncio.Event]
) -> None:
    begun, let = slow_replay
    old, new = FakeSink(), FakeSink()
    await harness.configure(old)
    await harness.append(drafts(*range(40)))
    harness.start()
    await harness.settled()
    replaying = asyncio.create_task(harness.dispatcher.replay("hook", since_seq=1))
    await begun.wait()
    swapping = asyncio.create_task(harness.dispatcher.swap([new], harness.routes))
    await asyncio.sleep(0.02)
    let.set()
    await swapping
    assert await replaying == 40
    await harness.settled()
    assert set(old.taken[40:]) | set(new.taken) == set(range(1, 41))
    names = [task.get_name() for task in asyncio.all_tasks()]
    assert names.count("deliver hook") == 1


async def test_what_is_asked_of_a_sink_that_a_reload_takes_away_is_refused(harness: Harness) -> None:
    await harness.configure(FakeSink())
    harness.start()
    await asyncio.sleep(0)
    swapping = asyncio.create_task(harness.dispatcher.swap([], []))
    await asyncio.sleep(0)
    for asked in (harness.dispatcher.enable("hook"), harness.dispatcher.replay("hook", since_seq=1)):
        with pytest.raises(UsageError, match="sink hook is not configured"):
            await asked
    await swapping


async def test_a_sink_disabled_during_a_replay_stays_so(
    harness: Harness, slow_replay: tuple[asyncio.Event, asyncio.Event]
) -> None:
    begun, let = slow_replay
    sink = FakeSink()
    await harness.configure(sink)
    await harness.append(drafts(*range(30)))
    harness.start()
    await harness.settled()
    sink.taken.clear()
    async with asyncio.TaskGroup() as group:
        group.create_task(harness.dispatcher.replay("hook", since_seq=1))
        await begun.wait()
        group.create_task(harness.dispatcher.disable("hook"))
        await asyncio.sleep(0.02)
        let.set()
    before = len(sink.taken)
    await harness.append(drafts(100))
    await asyncio.sleep(0.05)
    assert len(sink.taken) == before
    assert harness.sink("state") == ("disabled",)
    assert harness.count("hook", "pending") == 31 - before


async def test_a_stop_during_a_replay_ends_cleanly(
    harness: Harness, slow_replay: tuple[asyncio.Event, asyncio.Event]
) -> None:
    begun, _ = slow_replay
    await harness.configure(FakeSink())
    await harness.append(drafts(*range(40)))
    harness.start()
    await harness.settled()
    replaying = asyncio.create_task(harness.dispatcher.replay("hook", since_seq=1))
    await begun.wait()
    harness.task.cancel()  # type: ignore[union-attr]  # it was started
    replaying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await replaying
    await harness.stop()


async def test_outcomes_wait_for_a_database_that_cannot_be_written_and_are_said_once(
    harness: Harness,
) -> None:
    sink = FakeSink()
    await harness.configure(sink)
    await harness.append(drafts(1))
    await without_patience(harness)
    with capture_logs() as logs:
        with unwritable(harness):
            harness.start()
            await sink.until(lambda: sink.taken == [1])
            await passes(harness, 3 * worker.DATABASE_RETRY)
        await harness.settled()
        await harness.append(drafts(2))
        await harness.settled()
    assert sink.attempts == [[1], [2]], "it is not sent again"
    assert [log["event"] for log in logs] == ["outcomes_not_written", "outcomes_written"]


async def test_an_outage_that_cannot_be_announced_yet_is_announced_later(harness: Harness) -> None:
    result: list[SendResult] = [ReceiverTrouble("HTTP 503")]
    sink = FakeSink(answer=lambda *_: result[0], clock=harness.clock)
    await harness.configure(sink, FakeSink("other"))
    await harness.append(drafts(1))
    harness.start()
    await harness.reached(lambda: harness.sink("state") == ("backing_off",))
    await harness.stop()
    await without_patience(harness)
    harness.clock.advance(timedelta(hours=2).total_seconds())
    with unwritable(harness):
        harness.start()
        await passes(harness, 3 * worker.DATABASE_RETRY)
    result[0] = Delivered()
    await harness.settled()
    assert [event["type"] for event in harness.news()] == ["sink.failed", "sink.recovered"]


class Held(FakeSink):
    """Each message waits until the test says what comes of it."""

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__(answer=type(self).said, clock=clock)  # type: ignore[arg-type]  # of this class only
        self.results: defaultdict[int, asyncio.Future[SendResult]] = defaultdict(asyncio.Future)
        self.out: list[int] = []
        self.more = asyncio.Condition()

    async def send(self, items: Sequence[Item], away_since: datetime | None = None) -> SendResult:
        async with self.more:
            self.out.append(items[0].seq)
            self.more.notify_all()
        await self.results[items[0].seq]
        return await super().send(items, away_since)

    def said(self, items: Sequence[Item]) -> SendResult:
        return self.results[items[0].seq].result()

    async def until_out(self, count: int) -> None:
        async with self.more:
            await self.more.wait_for(lambda: len(self.out) >= count)


async def test_a_stop_waits_for_what_is_under_way_and_begins_nothing_more(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "STOP_GRACE", 0.5)
    sink = Held()
    await harness.configure(sink)
    await harness.append(drafts(1, 2, 3))
    harness.start()
    await sink.until_out(1)
    asyncio.get_running_loop().call_later(0.05, sink.results[1].set_result, Delivered())
    await harness.stop()
    assert (sink.out, sink.taken) == ([1], [1])
    assert harness.delivery(1) == ("delivered", 1)


async def test_failures_of_what_was_under_way_together_count_as_one(harness: Harness) -> None:
    sink = Held(harness.clock)
    await harness.configure(sink)
    await harness.append(drafts(*range(20)))
    harness.start()
    for seq in (1, 2, 3):
        await sink.until_out(seq)
        sink.results[seq].set_result(Delivered())
    await sink.until_out(3 + sender.MAX_IN_FLIGHT)
    first, *others = sink.out[3:]
    sink.results[first].set_result(ReceiverTrouble("HTTP 503"))
    await harness.reached(lambda: harness.sink("failures") == (1,))
    (again_at,) = harness.sink("next_attempt_at")
    for seq in others:
        sink.results[seq].set_result(ReceiverTrouble("HTTP 503"))
    await harness.reached(lambda: all(harness.delivery(seq, "last_error") == ("HTTP 503",) for seq in others))
    assert harness.sink("failures, next_attempt_at") == (1, again_at)


async def test_a_success_that_was_under_way_when_it_was_disabled_does_not_end_its_absence(
    harness: Harness,
) -> None:
    sink = Held(harness.clock)
    await harness.configure(sink)
    await harness.append(drafts(1, 1))
    harness.start()
    await sink.until_out(1)
    await harness.dispatcher.disable("hook")
    sink.results[1].set_result(Delivered())
    await harness.settled(left=1)
    assert harness.sink("state") == ("disabled",)
    harness.clock.advance(timedelta(hours=2).total_seconds())
    sink.results[2].set_result(Delivered())
    await harness.dispatcher.enable("hook")
    await harness.settled()
    assert sink.away == [None, START], "the first message after more than an hour knows since when"


async def test_replay_leaves_alone_what_waits_and_begins_anew_with_what_was_given_up(
    harness: Harness,
) -> None:
    await harness.configure(FakeSink())
    await harness.append(drafts(1, 2))
    async with harness.db.write() as tx:
        await tx.execute_raw("UPDATE deliveries SET attempts = 3, strikes = 4, last_error = 'HTTP 400'")
        await tx.execute_raw(
            "UPDATE deliveries SET state = 'dead', finished_at = ? WHERE event_seq = 2", (to_text(START),)
        )
    assert await harness.dispatcher.replay("hook", since_seq=1) == 1
    columns = "state, attempts, strikes, last_error, finished_at"
    assert harness.delivery(1, columns) == ("pending", 3, 4, "HTTP 400", None)
    assert harness.delivery(2, columns) == ("pending", 0, 0, None, None)


async def test_replay_ends_before_the_moment_that_it_is_given(harness: Harness) -> None:
    sink = FakeSink()
    await harness.configure(sink)
    hour = timedelta(hours=1)
    await harness.append([draft for n in range(3) for draft in drafts(n, at=START + n * hour)])
    harness.start()
    await harness.settled()
    assert await harness.dispatcher.replay("hook", since=START + hour, until=START + 2 * hour) == 1
    await harness.settled()
    assert sink.taken[3:] == [2]


async def test_the_same_image_of_another_account_does_not_wait(harness: Harness) -> None:
    bad = MessageTrouble("HTTP 400")
    sink = FakeSink(answer=lambda _, items: bad if items[0].seq == 1 else Delivered(), clock=harness.clock)
    await harness.configure(sink)
    await harness.append([*drafts("x"), *drafts("x", account="alice")])
    harness.start()
    await harness.settled(left=1)
    assert sink.taken == [2]
    assert harness.delivery(1, "state") == ("pending",)


async def test_the_absence_of_a_sink_that_came_back_is_forgotten(harness: Harness) -> None:
    sink = FakeSink()
    await harness.configure(sink)
    (seq,) = await harness.append(drafts(1))
    await harness.dispatcher.swap([], [])
    await harness.dispatcher.swap([sink], harness.routes)
    harness.clock.advance(timedelta(hours=25).total_seconds())
    await pruning.prune(harness.db, RetentionConfig(), harness.clock.now())
    assert harness.delivery(seq, "state") == ("pending",)


class Fickle(FakeSink):
    """Refuses all that it gets until it is mended."""

    def __init__(self, name: str = "hook", clock: Clock | None = None) -> None:
        super().__init__(
            name, lambda *_: Delivered() if self.mended else MessageTrouble("HTTP 400"), clock=clock
        )
        self.mended = False


async def refused(harness: Harness, *sinks: FakeSink, times: int = 4) -> None:
    """Two events of one image, the first one refused so often that it waits for six hours, the second behind it."""
    await harness.configure(*sinks)
    await harness.append(drafts(1, 1))
    harness.start()
    await harness.reached(lambda: harness.delivery(1, "attempts") == (times,))


async def test_a_mended_receiver_that_is_enabled_gets_at_once_what_it_refused(harness: Harness) -> None:
    sink = Fickle(clock=harness.clock)
    await refused(harness, sink)
    sink.mended = harness.clock.stands = True
    await harness.dispatcher.enable("hook")
    await harness.settled()
    assert sink.taken == [1, 2]


async def test_enabling_again_and_again_gives_nothing_up(harness: Harness) -> None:
    await refused(harness, Fickle(clock=harness.clock))
    for _ in range(8):
        tries = len(harness.records)
        await harness.dispatcher.enable("hook")
        await harness.reached(lambda tries=tries: len(harness.records) > tries)  # type: ignore[misc]
    assert harness.count("hook", "pending") == 2


async def test_one_replayed_event_goes_at_once_with_what_its_image_must_get_before(harness: Harness) -> None:
    sink = Fickle(clock=harness.clock)
    await refused(harness, sink)
    ((event_id,),) = harness.rows("SELECT id FROM events WHERE seq = 2")
    sink.mended = harness.clock.stands = True
    assert await harness.dispatcher.replay("hook", event_id=event_id) == 1
    await harness.settled()
    assert sink.taken == [1, 2]


async def test_a_replay_asks_a_receiver_at_once_that_was_away(harness: Harness) -> None:
    result: list[SendResult] = [ReceiverTrouble("HTTP 429", timedelta(hours=20))]
    sink = FakeSink(answer=lambda *_: result[0], clock=harness.clock)
    await harness.configure(sink)
    await harness.append(drafts(1))
    await harness.dispatcher.drain(timedelta(seconds=60))
    result[0] = Delivered()
    await harness.dispatcher.replay("hook", dead=True)
    ((event_id,),) = harness.rows("SELECT id FROM events WHERE seq = 1")
    await harness.dispatcher.replay("hook", event_id=event_id)
    await harness.dispatcher.drain(timedelta(seconds=60))
    assert sink.taken == [1]
    assert harness.clock.now() == START


async def test_a_changed_sink_gets_at_once_what_the_one_before_refused(harness: Harness) -> None:
    old, new = Fickle(clock=harness.clock), FakeSink(clock=harness.clock)
    await refused(harness, old)
    harness.clock.stands = True
    await harness.dispatcher.swap([new], harness.routes)
    await harness.settled()
    assert new.taken == [1, 2]


async def test_a_sink_that_was_changed_before_a_restart_gets_at_once_what_it_refused(
    harness: Harness,
) -> None:
    sink = Fickle(clock=harness.clock)
    await refused(harness, sink)
    await harness.stop()
    for digest, attempts in (("a", 4), ("a", 4), ("b", 0)):
        async with harness.db.write() as tx:
            await deliveries.reconcile(tx, {"hook": digest}, harness.clock.now())
        assert harness.delivery(1, "attempts") == (attempts,)
    assert harness.delivery(1, "next_attempt_at") == (None,)


async def test_a_reload_disturbs_no_sink_that_is_the_same(harness: Harness) -> None:
    same, old, new = Held(), FakeSink("old"), FakeSink("new")
    await harness.configure(same, old)
    await harness.append(drafts(1))
    harness.start()
    await same.until_out(1)
    await harness.dispatcher.swap([same, new], harness.routes)
    assert (old.closed, same.closed) == (True, False), "without waiting for what is under way to it"
    same.results[1].set_result(Delivered())
    await harness.settled()
    assert same.out == [1]


async def test_a_reload_does_not_wait_for_ever_for_a_send_that_does_not_come_back(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "HANDOVER", 0.05)
    old, new = Held(), FakeSink()
    await harness.configure(old)
    await harness.append(drafts(1))
    harness.start()
    await old.until_out(1)
    await harness.dispatcher.swap([new], harness.routes)
    await harness.settled()
    assert new.taken == [1]


async def test_a_read_that_fails_is_tried_again_and_is_no_fault_of_the_receiver(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink, failures, asked = FakeSink(), [4], deliveries.read_sink

    def failing(real: Any) -> Any:
        async def read(*args: Any) -> Any:
            if failures[0]:
                failures[0] -= 1
                raise DatabaseUnwritable("cannot read: the disk reports an input/output error")
            return await real(*args)

        return read

    await harness.configure(sink)
    await harness.append(drafts(1, 2))
    for name, real in (("read_sink", asked), ("bodies", deliveries.bodies), ("pending", deliveries.pending)):
        monkeypatch.setattr(deliveries, name, failing(real))
    harness.start()
    await harness.settled()
    assert failures == [0]
    assert sink.taken == [1, 2]
    assert harness.sink("state, last_error") == ("ok", None)


async def test_a_digest_whose_events_cannot_be_read_goes_when_they_can(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink, real, failures = FakeSink(group_wait=10), deliveries.bodies, [2]

    async def bodies(*args: Any) -> Any:
        if failures[0]:
            failures[0] -= 1
            raise DatabaseUnwritable("cannot read: the disk reports an input/output error")
        return await real(*args)

    monkeypatch.setattr(deliveries, "bodies", bodies)
    await harness.configure(sink)
    await harness.append(drafts(1, 2))
    harness.start()
    await harness.settled()
    assert sink.attempts == [[1, 2]]
    assert harness.sink("state, failures") == ("ok", 0)
    await harness.stop()
    assert [record.outcome for record in harness.records] == ["delivered"]


async def test_a_refused_event_keeps_to_its_schedule_while_the_receiver_is_away(harness: Harness) -> None:
    def answer(_: FakeSink, items: Sequence[Item]) -> SendResult:
        return MessageTrouble("HTTP 400") if items[0].seq == 1 else ReceiverTrouble("HTTP 503")

    sink = FakeSink(answer=answer, clock=harness.clock)
    await harness.configure(sink)
    await harness.append(drafts(1, 2))
    harness.start()
    await harness.reached(lambda: harness.count("hook", "dead") == 1)
    assert harness.clock.now() - START >= timedelta(hours=23)


async def test_a_dead_event_is_said_though_it_died_during_an_outage_and_each_is_over_by_itself(
    harness: Harness,
) -> None:
    """Refusals go on while the receiver is said to be away: the message's own end is another matter."""
    bad, away = [True], [True]

    def answer(_: FakeSink, items: Sequence[Item]) -> SendResult:
        if items[0].seq == 1 and bad[0]:
            return MessageTrouble("HTTP 400")
        return ReceiverTrouble("HTTP 503") if away[0] else Delivered()

    sink, other = FakeSink(answer=answer, clock=harness.clock), FakeSink("other")
    await harness.configure(sink, other)
    await harness.append(drafts(1, 2))
    harness.start()
    await harness.reached(lambda: harness.count("hook", "dead") == 1)
    told = [(event["type"], event["reason"]) for event in harness.news()]
    assert sorted(told) == [("sink.failed", "backing_off"), ("sink.failed", "dead")]
    away[0] = False
    await harness.settled()
    assert [(event["type"], event["reason"]) for event in harness.news()[2:]] == [
        ("sink.recovered", "backing_off")
    ]
    bad[0] = False
    await harness.dispatcher.replay("hook", dead=True)
    await harness.settled()
    assert [(event["type"], event["reason"]) for event in harness.news()[3:]] == [("sink.recovered", "dead")]
