"""Order, outages, refusals, poison and news: the dispatcher against receivers that a test scripts."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from syncd.config import RetentionConfig
from syncd.delivery import sender
from syncd.errors import DatabaseLocked
from syncd.model import Draft, SinkFilter, to_text
from syncd.sinks.sink import Delivered, Item, MessageTrouble, ReceiverTrouble, SendResult
from syncd.store import pruning
from tests.delivery.harness import START, FakeSink, Post, drafts, post_at

Answer = Callable[[FakeSink, Sequence[Item]], SendResult]
DOWN = ReceiverTrouble("HTTP 503")
BAD = MessageTrouble("HTTP 400")


@pytest.fixture
async def post(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Post]:
    monkeypatch.setattr(sender, "STOP_GRACE", 0.0)
    async with post_at(tmp_path / "syncd.db") as post:
        yield post


def down_until(post: Post, hours: float) -> Answer:
    def answer(_: FakeSink, __: Sequence[Item]) -> SendResult:
        return DOWN if post.clock.now() < START + timedelta(hours=hours) else Delivered()

    return answer


def unless(*bad: int, result: SendResult = BAD) -> Answer:
    """Everything is taken but messages with one of these events."""

    def answer(_: FakeSink, items: Sequence[Item]) -> SendResult:
        return result if any(item.seq in bad for item in items) else Delivered()

    return answer


async def test_events_of_many_images_go_side_by_side_and_those_of_one_in_order(post: Post) -> None:
    sink = FakeSink()
    await post.equip(sink)
    await post.append(drafts(*range(20), *range(20)))
    post.start()
    await post.settled()
    assert sorted(sink.taken) == list(range(1, 41))
    assert max(sink.depths) == sender.MAX_IN_FLIGHT
    assert post.delivery(1, "state, attempts, last_error, next_attempt_at") == ("delivered", 1, None, None)


async def test_what_is_committed_later_goes_without_being_asked_for(post: Post) -> None:
    sink = FakeSink()
    await post.equip(sink)
    post.start()
    await asyncio.sleep(0.05)
    await post.append(drafts(1))
    await sink.until(lambda: sink.taken == [1])
    assert post.clock.now() == START, "nothing but the commit woke it"


async def test_three_days_of_outage_lose_nothing_charge_nothing_and_are_said_once(post: Post) -> None:
    sink, other = FakeSink(answer=down_until(post, 72), clock=post.clock), FakeSink("other")
    await post.equip(sink, other)
    await post.append(drafts(*range(30), *range(30)))
    post.start()
    await post.settled()
    await post.settled("other")
    assert sorted(sink.taken) == list(range(1, 61))
    assert post.count("hook", "dead") == 0
    assert {post.delivery(seq) for seq in range(1, 61)} == {("delivered", 1)}
    assert len(sink.attempts) - 60 < 100, "one probe an hour at the most"
    said, over = post.news()
    assert (said["type"], said["sink"], said["reason"]) == ("sink.failed", "hook", "backing_off")
    assert (said["since"], said["message"]) == (to_text(START), "HTTP 503")
    ((said_at,),) = post.rows("SELECT observed_at FROM events WHERE type = 'sink.failed'")
    assert to_text(START + timedelta(minutes=60)) <= said_at <= to_text(START + timedelta(minutes=61))
    assert over["type"] == "sink.recovered"
    assert 72 * 3600 <= over["duration_seconds"] < 74 * 3600
    assert set(other.taken) >= {61, 62}
    assert not {61, 62} & set(sink.taken), "a sink is not told about itself"
    assert post.sink("state, failures, next_attempt_at, last_error, failed_said_at, away_since") == (
        "ok", 0, None, None, None, None,
    )  # fmt: skip


async def test_probes_grow_apart_from_5_seconds_to_the_longest_and_go_round_the_images(post: Post) -> None:
    sink = FakeSink(answer=down_until(post, 24), clock=post.clock)
    await post.equip(sink)
    await post.append(drafts(*range(5)))
    post.start()
    await post.settled()
    failed = len(sink.attempts) - 5
    gaps = [
        (later - earlier).total_seconds()
        for earlier, later in zip(sink.times, sink.times[1:failed], strict=False)
    ]
    planned = [min(5 * 2**n, 3600) for n in range(len(gaps))]
    for gap, plan in zip(gaps, planned, strict=True):
        assert 0.8 * plan - 0.01 <= gap <= 1.2 * plan + 1
    assert [seqs[0] for seqs in sink.attempts[:10]] == [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("asked", "waited"),
    [(timedelta(minutes=7), timedelta(minutes=7)), (timedelta(days=999), timedelta(days=1))],
)
async def test_what_the_receiver_asks_for_is_waited_up_to_a_day(
    post: Post, asked: timedelta, waited: timedelta
) -> None:
    def answer(sink: FakeSink, _: Sequence[Item]) -> SendResult:
        return ReceiverTrouble("HTTP 429", asked) if len(sink.attempts) == 1 else Delivered()

    sink = FakeSink(answer=answer, clock=post.clock)
    await post.equip(sink)
    await post.append(drafts(1, 2))
    post.start()
    await post.settled()
    assert waited <= sink.times[1] - sink.times[0] < waited + timedelta(seconds=2)


async def test_a_success_that_was_under_way_does_not_end_the_wait_that_the_receiver_asked_for(
    post: Post,
) -> None:
    asked, release = timedelta(seconds=60), asyncio.Event()

    class Slow(FakeSink):
        async def send(self, items: Sequence[Item], away_since: object = None) -> SendResult:
            if items[0].seq == 2:
                await release.wait()
            return await super().send(items)

    def answer(_: FakeSink, items: Sequence[Item]) -> SendResult:
        is_first = items[0].seq == 3 and not release.is_set()
        return ReceiverTrouble("HTTP 429", asked) if is_first else Delivered()

    sink = Slow(answer=answer, clock=post.clock)
    await post.equip(sink)
    await post.append(drafts(1, 2, 3, 4))
    post.start()
    await post.reached(lambda: post.sink("state") == ("backing_off",))
    release.set()
    await post.settled()
    assert sink.attempts[:3] == [[1], [3], [2]]
    assert sink.times[3] - sink.times[1] >= asked


async def test_a_receiver_that_takes_one_message_a_while_kills_no_event(post: Post) -> None:
    """Each event is told to come later many times, while others are taken: that is no poison."""

    def answer(sink: FakeSink, _: Sequence[Item]) -> SendResult:
        if len(sink.attempts) % 3:
            return ReceiverTrouble("HTTP 429", timedelta(seconds=1))
        return Delivered()

    sink = FakeSink(answer=answer)
    await post.equip(sink)
    await post.append(drafts(*range(40)))
    post.start()
    await post.settled()
    assert {post.delivery(seq) for seq in range(1, 41)} == {("delivered", 1)}


async def test_a_refused_event_takes_its_own_schedule_of_a_day_then_is_dead_while_others_go_on(
    post: Post,
) -> None:
    sink, other = FakeSink(answer=unless(1), clock=post.clock), FakeSink("other")
    await post.equip(sink, other)
    await post.append(drafts("bad", "good", "bad", "good"))
    post.start()
    await post.settled()
    assert sink.taken[:2] == [2, 4], "another image does not wait"
    tries = [at for at, seqs in zip(sink.times, sink.attempts, strict=True) if seqs == [1]]
    assert len(tries) == 6
    waits = [(later - earlier) / timedelta(minutes=1) for earlier, later in pairwise(tries)]
    for wait, planned in zip(waits, [1, 10, 60, 360, 960], strict=True):
        assert planned <= wait <= 1.21 * planned
    assert post.delivery(1, "state, attempts, last_error") == ("dead", 6, "HTTP 400")
    assert sink.taken[2] == 3, "the image goes on after its dead event, and not before"
    assert post.news()[0]["reason"] == "dead"
    assert post.sink("state") == ("ok",)


async def test_only_the_first_dead_is_said_and_it_is_over_when_none_is_left(post: Post) -> None:
    bad = {1, 2}
    sink = FakeSink(answer=lambda _, items: BAD if items[0].seq in bad else Delivered())
    await post.equip(sink)
    await post.append(drafts(1, 2))
    post.start()
    await post.settled()
    await post.append(drafts(3))
    await post.settled()
    assert [one["type"] for one in post.news()] == ["sink.failed"]
    bad.clear()
    assert await post.dispatcher.replay("hook", dead=True) == 2
    await post.settled()
    assert [one["type"] for one in post.news()] == ["sink.failed", "sink.recovered"]
    assert sorted(sink.taken) == [1, 2, 4], "3 is the news, which the sink does not get"


async def test_an_outage_is_said_even_while_an_older_event_is_dead(post: Post) -> None:
    result: list[SendResult] = [BAD]
    sink = FakeSink(answer=lambda *_: result[0])
    await post.equip(sink)
    await post.append(drafts(1))
    post.start()
    await post.settled()
    result[0] = DOWN
    await post.append(drafts(2))
    await post.reached(lambda: len(post.news()) == 2)
    assert [one["reason"] for one in post.news()] == ["dead", "backing_off"]
    result[0] = Delivered()
    await post.settled()
    result[0] = BAD
    await post.append(drafts(3, at=post.clock.now()))
    await post.settled()
    assert post.count("hook", "dead") == 2
    assert [one["type"] for one in post.news()] == ["sink.failed", "sink.failed", "sink.recovered"]


async def test_an_event_that_fails_alone_five_times_is_found_out_whatever_the_answer(post: Post) -> None:
    sink = FakeSink(answer=unless(3, result=DOWN), clock=post.clock)
    await post.equip(sink)
    await post.append(drafts(*range(100)))
    post.start()
    await post.settled(left=1)
    assert sorted(sink.taken) == [seq for seq in range(1, 101) if seq != 3]
    feed = iter(range(1000, 2000))
    while post.delivery(3)[0] == "pending" and post.delivery(3)[1] == 0:
        await post.append(drafts(next(feed), at=post.clock.now()))
        await post.settled(left=1)
    assert post.delivery(3, "attempts, strikes") == (1, 4)
    before = len(sink.attempts)
    await post.append(drafts(*range(2000, 2020), at=post.clock.now()))
    await post.settled()
    assert post.delivery(3) == ("dead", 6)
    assert len(sink.attempts) - before <= 20 + 5, "its failures hold up nobody"


async def test_410_disables_at_once_what_waits_stays_and_goes_when_enabled(post: Post) -> None:
    gone: list[SendResult] = [ReceiverTrouble("HTTP 410", gone=True)]
    sink, other = FakeSink(answer=lambda *_: gone[0]), FakeSink("other")
    await post.equip(sink, other)
    await post.append(drafts(1, 2, 3))
    post.start()
    await post.reached(lambda: post.sink("state") == ("disabled",))
    post.clock.advance(7200)
    await post.append(drafts(4))
    await post.settled("other")
    assert len(sink.attempts) == 1
    assert post.count("hook", "pending") == 4
    assert [one["reason"] for one in post.news()] == ["gone"]
    gone[0] = Delivered()
    await post.dispatcher.enable("hook")
    await post.settled()
    assert sorted(sink.taken) == [1, 2, 3, 5]
    assert sink.away[1] == START, "the first message after more than an hour knows since when"
    assert set(sink.away[2:]) == {None}
    assert [one["type"] for one in post.news()] == ["sink.failed", "sink.recovered"]


async def test_disabling_and_enabling_by_hand_is_said_to_the_others(post: Post) -> None:
    sink, other = FakeSink(), FakeSink("other")
    await post.equip(sink, other)
    post.start()
    await post.dispatcher.disable("hook")
    await post.dispatcher.disable("hook")
    await post.append(drafts(1))
    await post.settled("other")
    assert sink.attempts == []
    await post.dispatcher.enable("hook")
    await post.settled()
    assert sink.taken == [2]
    assert [(one["type"], one.get("reason")) for one in post.news()] == [
        ("sink.failed", "disabled"),
        ("sink.recovered", "disabled"),
    ]


async def test_a_receiver_that_is_just_back_is_not_flooded(post: Post) -> None:
    def answer(sink: FakeSink, _: Sequence[Item]) -> SendResult:
        return DOWN if 30 <= len(sink.attempts) < 50 else Delivered()

    sink = FakeSink(answer=answer)
    await post.equip(sink)
    await post.append(drafts(*range(200)))
    post.start()
    await post.settled()
    back = 49
    assert sink.depths[back - 1] == 1, "a probe"
    assert max(sink.depths[back : back + 4]) <= 2
    assert max(sink.depths[back:]) == sender.MAX_IN_FLIGHT


async def test_what_a_sink_raises_counts_as_its_receivers_trouble_without_its_words(post: Post) -> None:
    address = "https://hooks.example/SECRET"

    def answer(sink: FakeSink, _: Sequence[Item]) -> SendResult:
        if len(sink.attempts) == 1:
            raise RuntimeError(address)
        return Delivered()

    sink = FakeSink(answer=answer)
    await post.equip(sink)
    await post.append(drafts(1))
    with capture_logs() as logs:
        post.start()
        await post.reached(lambda: post.sink("state") == ("backing_off",))
        assert post.sink("last_error") == ("unexpected RuntimeError",)
        await post.settled()
    (said,) = logs
    assert (said["event"], said["error"]) == ("send_failed", "RuntimeError")
    assert "test_dispatcher.py" in said["traceback"], "where it was raised"
    assert "SECRET" not in repr(said)
    assert b"SECRET" not in post.path.read_bytes() + Path(f"{post.path}-wal").read_bytes()


async def test_a_digest_gathers_for_a_while_and_goes_as_one_in_order(post: Post) -> None:
    sink = FakeSink(group_wait=10, clock=post.clock)
    await post.equip(sink)
    await post.append(drafts(1, 2, 1))
    post.start()
    await post.settled()
    assert sink.attempts == [[1, 2, 3]]
    assert sink.times[0] - START >= timedelta(seconds=10)


async def test_after_three_days_a_digest_sink_gets_one_digest_that_knows_since_when(post: Post) -> None:
    sink = FakeSink(answer=down_until(post, 72), group_wait=10)
    await post.equip(sink)
    await post.append(drafts(*range(30), *range(30)))
    post.start()
    await post.settled()
    assert sink.attempts[-1] == sink.taken == list(range(1, 61))
    assert sink.away[-1] is not None
    assert sink.away[-1] - START < timedelta(minutes=1)


@pytest.mark.parametrize("bad", [{7}, {1}, {60}, {20, 21}])
async def test_a_refused_digest_is_split_until_only_the_refused_event_waits(
    post: Post, bad: set[int]
) -> None:
    sink = FakeSink(answer=unless(*bad), group_wait=10, clock=post.clock)
    await post.equip(sink)
    await post.append(drafts(*range(60)))
    post.start()
    await post.settled(left=len(bad))
    assert set(sink.taken) == set(range(1, 61)) - bad
    assert len(sink.attempts) < 40, "by halves, not one by one"
    assert sink.last_taken_at - START < timedelta(minutes=1)
    await post.settled()
    assert post.count("hook", "dead") == len(bad)
    assert {post.delivery(seq)[1] for seq in bad} == {6}
    found_out = sink.attempts.index([max(bad)])
    assert not [seqs for seqs in sink.attempts[found_out:] if bad & set(seqs) and len(seqs) > 1]


async def test_a_refused_digest_is_halved(post: Post) -> None:
    sink = FakeSink(answer=unless(60), group_wait=10)
    await post.equip(sink)
    await post.append(drafts(*range(60)))
    post.start()
    await post.settled(left=1)
    lengths = [len(seqs) for seqs in sink.attempts]
    assert lengths[:8] == [60, 30, 30, 15, 15, 7, 8, 4]
    assert sink.attempts[1] == list(range(1, 31))


async def test_an_event_that_makes_every_digest_fail_is_found_out(post: Post) -> None:
    """The receiver answers as if it were down whenever a message holds event 5."""
    sink = FakeSink(answer=unless(5, result=DOWN), group_wait=10, clock=post.clock)
    await post.equip(sink)
    await post.append(drafts(*range(40)))
    post.start()
    await post.settled(left=1)
    assert set(sink.taken) == set(range(1, 41)) - {5}
    assert sink.last_taken_at - START < timedelta(minutes=5)
    assert len([seqs for seqs in sink.attempts if 5 in seqs and len(seqs) > 1]) < 12


async def test_a_send_of_the_old_sink_ends_before_the_new_one_begins(post: Post) -> None:
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
    await post.equip(old)
    await post.append(drafts(1, 1))
    post.start()
    await begun.wait()
    swapping = asyncio.create_task(post.dispatcher.swap([new], post.routes))
    await asyncio.sleep(0.02)
    held.set()
    await swapping
    await post.settled()
    assert sent == [("old begins", 1), ("old ends", 1), ("new", 2)]
    assert old.closed
    assert not new.closed


async def test_a_swap_that_cannot_be_written_changes_nothing(post: Post) -> None:
    old, new = FakeSink(), FakeSink("new")
    await post.equip(old)
    post.start()
    async with post.db.write() as tx:
        await tx.fetch("PRAGMA busy_timeout = 50")
    with closing(sqlite3.connect(post.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseLocked):
            await post.dispatcher.swap([new], [])
    await post.append(drafts(1))
    await post.settled()
    assert old.taken == [1]
    assert not old.closed


async def test_a_sink_that_leaves_for_less_than_a_day_gets_all_and_for_longer_nothing(post: Post) -> None:
    for hours, state in ((23, "pending"), (25, "skipped")):
        sink = FakeSink(f"s{hours}", answer=lambda *_: DOWN)
        await post.equip(sink)
        (seq,) = await post.append(drafts(hours))
        await post.dispatcher.swap([], [])
        post.clock.advance(hours * 3600)
        await post.dispatcher.reconcile()
        await pruning.prune(post.db, RetentionConfig(), post.clock.now())
        assert post.delivery(seq, "state", sink.name) == (state,)


async def test_draining_tries_each_due_delivery_once_and_waits_for_nothing(post: Post) -> None:
    sink = FakeSink(answer=unless(2), clock=post.clock)
    chat = FakeSink("chat", group_wait=10)
    await post.equip(sink, chat)
    await post.append(drafts(1, 2, 2, 3, 3))
    await post.dispatcher.drain(timedelta(seconds=60))
    assert sorted(sink.taken) == [1, 4, 5]
    assert sink.attempts.count([2]) == 1
    assert [3] not in sink.attempts
    assert chat.attempts == [[1, 2, 3, 4, 5]]
    assert post.clock.now() == START


async def test_draining_a_receiver_that_is_down_tries_one_and_next_time_another(post: Post) -> None:
    """A command from cron starts anew each minute: what it has learned must be in the file."""
    sink = FakeSink(answer=lambda *_: DOWN)
    await post.equip(sink)
    await post.append(drafts(1, 2, 3))
    for _ in range(4):
        await post.dispatcher.drain(timedelta(seconds=60))
        await post.dispatcher.drain(timedelta(seconds=60))
        post.clock.advance(3600)
    assert sink.attempts == [[1], [2], [3], [1]]


async def test_an_event_that_fails_alone_is_found_out_by_a_command_from_cron_too(post: Post) -> None:
    sink = FakeSink(answer=unless(1, result=DOWN))
    await post.equip(sink)
    for minute in range(30):
        await post.append(drafts(0 if minute == 0 else minute))
        await post.dispatcher.drain(timedelta(seconds=60))
        post.clock.advance(60)
    assert post.delivery(1, "attempts")[0] > 0
    assert set(sink.taken) >= set(range(2, 29))


async def test_draining_ends_in_time_and_saves_what_was_earned(post: Post) -> None:
    class Hanging(FakeSink):
        async def send(self, items: Sequence[Item], away_since: object = None) -> SendResult:
            if items[0].seq == 2:
                await asyncio.sleep(60)
            return Delivered()

    await post.equip(Hanging())
    await post.append(drafts(1, 2, 3))
    await post.dispatcher.drain(timedelta(seconds=0.3))
    assert [post.delivery(seq)[0] for seq in (1, 2, 3)] == ["delivered", "pending", "delivered"]


async def test_what_comes_back_while_stopping_is_saved(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "STOP_GRACE", 10.0)
    begun, release = asyncio.Event(), asyncio.Event()

    class Slow(FakeSink):
        async def send(self, items: Sequence[Item], away_since: object = None) -> SendResult:
            begun.set()
            await release.wait()
            return Delivered()

    await post.equip(Slow())
    await post.append(drafts(1))
    post.start()
    await begun.wait()
    asyncio.get_running_loop().call_later(0.05, release.set)
    await post.stop()
    assert post.delivery(1) == ("delivered", 1)


async def test_a_time_from_a_clock_that_was_wrong_is_not_waited_for(post: Post) -> None:
    sink = FakeSink()
    await post.equip(sink)
    await post.append(drafts(1, 2))
    async with post.db.write() as tx:
        far = to_text(START + timedelta(days=999))
        await tx.execute_raw(
            "UPDATE sinks SET state = 'backing_off', failures = 1, next_attempt_at = ?", (far,)
        )
        await tx.execute_raw(
            "UPDATE deliveries SET attempts = 1, next_attempt_at = ? WHERE event_seq = 2", (far,)
        )
    post.start()
    await post.settled()
    assert post.clock.now() == START


async def test_a_restart_waits_as_long_as_the_receiver_asked_for(post: Post) -> None:
    asked = ReceiverTrouble("HTTP 429", timedelta(minutes=50))
    sink = FakeSink(answer=lambda one, _: asked if len(one.attempts) == 1 else Delivered(), clock=post.clock)
    await post.equip(sink)
    await post.append(drafts(1))
    await post.dispatcher.drain(timedelta(seconds=60))
    post.start()
    await post.settled()
    assert sink.times[1] - sink.times[0] >= timedelta(minutes=50)


async def test_replay_sends_again_under_the_same_id_and_only_what_was_asked_for(post: Post) -> None:
    sink = FakeSink()
    await post.equip(sink)
    await post.append([*drafts(1, 2), *drafts(3, at=START + timedelta(hours=1))])
    post.start()
    await post.settled()
    ((event_id,),) = post.rows("SELECT id FROM events WHERE seq = 2")
    for asked, expected in (
        ({"event_id": event_id}, [2]),
        ({"since_seq": 2}, [2, 3]),
        ({"since": START + timedelta(minutes=1)}, [3]),
        ({"since_seq": 1, "until": START + timedelta(minutes=1)}, [1, 2]),
        ({"dead": True}, []),
    ):
        sink.taken.clear()
        assert await post.dispatcher.replay("hook", **asked) == len(expected)
        await post.settled()
        assert sorted(sink.taken) == expected
    assert len(set(sink.ids.values())) == 3


async def test_replay_to_a_new_sink_sends_what_it_would_have_wanted(post: Post) -> None:
    await post.equip()
    await post.append(drafts("a", "b"))
    sink = FakeSink()
    await post.equip(sink, wants=SinkFilter(events=("*",), names=("nb",)))
    assert await post.dispatcher.replay("hook", since_seq=1) == 1
    post.start()
    await post.settled()
    assert sink.taken == [2]


async def test_the_news_of_an_account_and_of_sinks_keep_their_order_too(post: Post) -> None:
    sink = FakeSink()
    await post.equip(sink)
    account = [
        Draft(f"sync.{kind}", START, {"account": "lab"}, "lab") for kind in ("failed", "recovered") * 3
    ]
    await post.append(account)
    post.start()
    await post.settled()
    assert sink.taken == [1, 2, 3, 4, 5, 6]
    assert set(sink.depths) == {1}


async def test_observers_learn_what_came_of_each_message(post: Post) -> None:
    sink = FakeSink(answer=unless(1))
    await post.equip(sink)
    await post.append(drafts(1, 2))
    post.start()
    await post.settled()
    await post.stop()
    counted = {name: sum(one.count for one in post.records if one.outcome == name) for name in
               ("delivered", "message_trouble", "dead", "receiver_trouble")}  # fmt: skip
    assert counted == {"delivered": 1, "message_trouble": 5, "dead": 1, "receiver_trouble": 0}
