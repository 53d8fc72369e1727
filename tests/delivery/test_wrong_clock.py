"""A clock that ran ahead, and was set back: nothing that it wrote is waited for, nothing is given up in silence."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from syncd.config import RetentionConfig
from syncd.delivery import sender, worker
from syncd.delivery.backoff import MESSAGE_WAITS, longest_message_wait, message_wait
from syncd.model import to_text
from syncd.sinks.sink import Delivered, Item, MessageTrouble, ReceiverTrouble, SendResult
from syncd.store import pruning
from tests.delivery.harness import START, FakeSink, Post, drafts, post_at

AHEAD = timedelta(hours=8)
DOWN, BAD = ReceiverTrouble("HTTP 503"), MessageTrouble("HTTP 400")


@pytest.fixture
async def post(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Post]:
    monkeypatch.setattr(sender, "STOP_GRACE", 0.0)
    async with post_at(tmp_path / "syncd.db") as post:
        yield post


class Moody(FakeSink):
    """Answers with ``result``, whatever it is."""

    def __init__(self, post: Post, result: SendResult, name: str = "hook") -> None:
        super().__init__(name, Moody.said, clock=post.clock)  # type: ignore[arg-type]  # of this class only
        self.result = result

    def said(self, _: Sequence[Item]) -> SendResult:
        return self.result


def set_clock(post: Post, by: timedelta) -> None:
    """The wall clock jumps; no time passes."""
    post.clock.at += by


@pytest.mark.parametrize("attempts", range(1, len(MESSAGE_WAITS) + 1))
def test_the_longest_wait_is_as_long_as_any(attempts: int) -> None:
    rng = random.Random(attempts)
    waits = [message_wait(attempts, rng) or timedelta(0) for _ in range(1000)]
    assert 0.95 * longest_message_wait(attempts) < max(waits) <= longest_message_wait(attempts)


@pytest.mark.parametrize("running", [True, False])
async def test_a_receiver_that_failed_while_the_clock_was_ahead_is_tried_in_seconds(
    post: Post, running: bool
) -> None:
    sink = Moody(post, DOWN)
    await post.equip(sink)
    await post.append(drafts(1))
    set_clock(post, AHEAD)
    if running:
        post.start()
        await post.reached(lambda: post.sink("state") == ("backing_off",))
    else:
        await post.dispatcher.drain(timedelta(seconds=60))
    set_clock(post, -AHEAD)
    passed, sink.result = post.clock.passed, Delivered()
    if not running:
        post.start()
    await post.settled()
    assert post.clock.passed - passed < 10


@pytest.mark.parametrize("running", [True, False])
async def test_a_refused_event_is_tried_when_its_own_wait_is_over(post: Post, running: bool) -> None:
    sink = Moody(post, BAD)
    await post.equip(sink)
    await post.append(drafts(1))
    set_clock(post, AHEAD)
    post.start()
    await post.reached(lambda: post.delivery(1, "attempts") == (1,))
    if not running:
        await post.stop()
    set_clock(post, -AHEAD)
    passed, sink.result = post.clock.passed, Delivered()
    if not running:
        post.start()
    await post.settled()
    assert post.clock.passed - passed <= worker.MAX_WAIT


async def test_an_outage_that_began_while_the_clock_was_ahead_is_announced_after_an_hour(post: Post) -> None:
    sink = Moody(post, DOWN)
    await post.equip(sink, FakeSink("other"))
    await post.append(drafts(1))
    set_clock(post, AHEAD)
    post.start()
    await post.reached(lambda: post.sink("state") == ("backing_off",))
    set_clock(post, -AHEAD)
    passed = post.clock.passed
    await post.reached(lambda: bool(post.news()))
    assert post.clock.passed - passed < timedelta(hours=1.3).total_seconds()
    (said,) = post.news()
    assert to_text(START) <= said["since"] <= to_text(post.clock.now())


async def test_what_the_receiver_asks_for_is_waited_though_the_clock_is_set_back(post: Post) -> None:
    asked = timedelta(hours=3)
    sink = Moody(post, ReceiverTrouble("HTTP 429", asked))
    await post.equip(sink)
    await post.append(drafts(1))
    set_clock(post, AHEAD)
    await post.dispatcher.drain(timedelta(seconds=60))
    set_clock(post, -AHEAD)
    passed, sink.result = post.clock.passed, Delivered()
    post.start()
    await post.settled()
    assert asked.total_seconds() - 1 <= post.clock.passed - passed < asked.total_seconds() + 10


async def test_the_day_of_an_absent_sink_begins_anew_if_its_time_has_not_been_yet(post: Post) -> None:
    await post.equip(FakeSink())
    (seq,) = await post.append(drafts(1))
    set_clock(post, AHEAD)
    await post.dispatcher.swap([], [])
    set_clock(post, -AHEAD)
    await post.dispatcher.reconcile()
    post.clock.advance(timedelta(hours=25).total_seconds())
    await pruning.prune(post.db, RetentionConfig(), post.clock.now())
    assert post.delivery(seq, "state") == ("skipped",)


async def test_a_delivery_finished_in_a_time_to_come_is_kept_no_longer_than_others(post: Post) -> None:
    await post.equip(FakeSink())
    await post.append(drafts(1))
    async with post.db.write() as tx:
        far = to_text(START + timedelta(days=400))
        await tx.execute_raw("UPDATE deliveries SET state = 'delivered', finished_at = ?", (far,))
    await pruning.prune(post.db, RetentionConfig(), START)
    assert post.delivery(1, "finished_at") == (to_text(START),)


async def test_events_that_a_clock_wrote_which_was_far_behind_are_not_given_up(post: Post) -> None:
    await post.equip(Moody(post, DOWN))
    await post.append(drafts(1))
    await post.append(drafts(2, at=START - timedelta(days=9000)))
    pruned = await pruning.prune(post.db, RetentionConfig(), START + timedelta(hours=1))
    assert (pruned["dead"], pruned["events"]) == (0, 0)


async def test_giving_up_is_announced_each_time_with_how_many_and_is_over_when_none_is_dead(
    post: Post,
) -> None:
    sink, other = Moody(post, DOWN), FakeSink("other")
    await post.equip(sink, other)
    await post.append(drafts(1, 2))
    with capture_logs() as logs:
        for days in (366, 740):
            now = START + timedelta(days=days)
            pruned = await pruning.prune(post.db, RetentionConfig(), now, post.dispatcher.announce_expired)
            assert pruned["dead"] == 4, "the second time the news of the first and what came since"
            await post.append(drafts(days, at=now))
    said = [one for one in post.news() if one["reason"] == "expired"]
    assert [one["message"].split(":")[0] for one in said] == [
        "2 events given up",
    ] * 4
    given_up = [(log["sink"], log["count"]) for log in logs if log["event"] == "deliveries_given_up"]
    assert given_up == [("hook", 2), ("other", 2)] * 2
    sink.result = Delivered()
    await post.dispatcher.replay("hook", dead=True)
    post.start()
    await post.settled()
    over = [one for one in post.news() if one["type"] == "sink.recovered"]
    assert "dead" in [one["reason"] for one in over]
