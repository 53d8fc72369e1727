"""A clock that ran ahead, and was set back: nothing that it wrote is waited for, nothing is given up in silence."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from syncd.config import RetentionConfig
from syncd.delivery import worker
from syncd.delivery.backoff import MESSAGE_WAITS, longest_message_wait, message_wait
from syncd.model import to_text
from syncd.sinks.sink import Delivered, Item, MessageTrouble, ReceiverTrouble, SendResult
from syncd.store import pruning
from tests.delivery.harness import START, FakeSink, Harness, drafts

AHEAD = timedelta(hours=8)
DOWN, BAD = ReceiverTrouble("HTTP 503"), MessageTrouble("HTTP 400")


class Moody(FakeSink):
    """Answers with ``result``, whatever it is."""

    def __init__(self, harness: Harness, result: SendResult, name: str = "hook") -> None:
        super().__init__(name, Moody.said, clock=harness.clock)  # type: ignore[arg-type]  # of this class only
        self.result = result

    def said(self, _: Sequence[Item]) -> SendResult:
        return self.result


def set_clock(harness: Harness, by: timedelta) -> None:
    """The wall clock jumps; no time passes."""
    harness.clock.at += by


@pytest.mark.parametrize("attempts", range(1, len(MESSAGE_WAITS) + 1))
def test_the_longest_wait_is_as_long_as_any(attempts: int) -> None:
    rng = random.Random(attempts)
    waits = [message_wait(attempts, rng) or timedelta(0) for _ in range(1000)]
    assert 0.95 * longest_message_wait(attempts) < max(waits) <= longest_message_wait(attempts)


@pytest.mark.parametrize("running", [True, False])
async def test_a_receiver_that_failed_while_the_clock_was_ahead_is_tried_in_seconds(
    harness: Harness, running: bool
) -> None:
    sink = Moody(harness, DOWN)
    await harness.configure(sink)
    await harness.append(drafts(1))
    set_clock(harness, AHEAD)
    if running:
        harness.start()
        await harness.reached(lambda: harness.sink("state") == ("backing_off",))
    else:
        await harness.dispatcher.drain(timedelta(seconds=60))
    set_clock(harness, -AHEAD)
    passed, sink.result = harness.clock.passed, Delivered()
    if not running:
        harness.start()
    await harness.settled()
    assert harness.clock.passed - passed < 10


@pytest.mark.parametrize("running", [True, False])
async def test_a_refused_event_is_tried_when_its_own_wait_is_over(harness: Harness, running: bool) -> None:
    sink = Moody(harness, BAD)
    await harness.configure(sink)
    await harness.append(drafts(1))
    set_clock(harness, AHEAD)
    harness.start()
    await harness.reached(lambda: harness.delivery(1, "attempts") == (1,))
    if not running:
        await harness.stop()
    set_clock(harness, -AHEAD)
    passed, sink.result = harness.clock.passed, Delivered()
    if not running:
        harness.start()
    await harness.settled()
    assert harness.clock.passed - passed <= worker.MAX_WAIT


@pytest.mark.parametrize("result", [DOWN, BAD], ids=["away", "refuses"])
async def test_what_failed_while_the_clock_was_ahead_is_tried_by_processes_that_end_before_its_wait_does(
    harness: Harness, result: SendResult
) -> None:
    """As with cron: each drains for a moment, long after the one before it."""
    sink = Moody(harness, result)
    await harness.configure(sink)
    await harness.append(drafts(1))
    set_clock(harness, AHEAD)
    await harness.dispatcher.drain(timedelta(seconds=60))
    set_clock(harness, -AHEAD)
    sink.result = Delivered()
    await harness.dispatcher.drain(timedelta(seconds=60))
    harness.clock.at += timedelta(hours=1)
    await harness.dispatcher.drain(timedelta(seconds=60))
    assert harness.delivery(1, "state") == ("delivered",)


async def test_an_outage_that_began_while_the_clock_was_ahead_is_announced_after_an_hour(
    harness: Harness,
) -> None:
    sink = Moody(harness, DOWN)
    await harness.configure(sink, FakeSink("other"))
    await harness.append(drafts(1))
    set_clock(harness, AHEAD)
    harness.start()
    await harness.reached(lambda: harness.sink("state") == ("backing_off",))
    set_clock(harness, -AHEAD)
    passed = harness.clock.passed
    await harness.reached(lambda: bool(harness.news()))
    assert harness.clock.passed - passed < timedelta(hours=1.3).total_seconds()
    (said,) = harness.news()
    assert to_text(START) <= said["since"] <= to_text(harness.clock.now())


async def test_what_the_receiver_asks_for_is_waited_though_the_clock_is_set_back(harness: Harness) -> None:
    asked = timedelta(hours=3)
    sink = Moody(harness, ReceiverTrouble("HTTP 429", asked))
    await harness.configure(sink)
    await harness.append(drafts(1))
    set_clock(harness, AHEAD)
    await harness.dispatcher.drain(timedelta(seconds=60))
    set_clock(harness, -AHEAD)
    passed, sink.result = harness.clock.passed, Delivered()
    harness.start()
    await harness.settled()
    assert asked.total_seconds() - 1 <= harness.clock.passed - passed < asked.total_seconds() + 10


async def test_the_day_of_an_absent_sink_begins_anew_if_its_time_has_not_been_yet(harness: Harness) -> None:
    await harness.configure(FakeSink())
    (seq,) = await harness.append(drafts(1))
    set_clock(harness, AHEAD)
    await harness.dispatcher.swap([], [])
    set_clock(harness, -AHEAD)
    await harness.dispatcher.reconcile()
    harness.clock.advance(timedelta(hours=25).total_seconds())
    await pruning.prune(harness.db, RetentionConfig(), harness.clock.now())
    assert harness.delivery(seq, "state") == ("skipped",)


async def test_a_delivery_finished_in_a_time_to_come_is_kept_no_longer_than_others(harness: Harness) -> None:
    await harness.configure(FakeSink())
    await harness.append(drafts(1))
    async with harness.db.write() as tx:
        far = to_text(START + timedelta(days=400))
        await tx.execute_raw("UPDATE deliveries SET state = 'delivered', finished_at = ?", (far,))
    await pruning.prune(harness.db, RetentionConfig(), START)
    assert harness.delivery(1, "finished_at") == (to_text(START),)


async def test_events_that_a_clock_wrote_which_was_far_behind_are_not_given_up(harness: Harness) -> None:
    await harness.configure(Moody(harness, DOWN))
    await harness.append(drafts(1))
    await harness.append(drafts(2, at=START - timedelta(days=9000)))
    pruned = await pruning.prune(harness.db, RetentionConfig(), START + timedelta(hours=1))
    assert (pruned["dead"], pruned["events"]) == (0, 0)


async def test_giving_up_is_announced_each_time_with_how_many_and_is_over_when_none_is_dead(
    harness: Harness,
) -> None:
    sink, other = Moody(harness, DOWN), FakeSink("other")
    await harness.configure(sink, other)
    await harness.append(drafts(1, 2))
    with capture_logs() as logs:
        for days in (366, 740):
            now = START + timedelta(days=days)
            pruned = await pruning.prune(
                harness.db, RetentionConfig(), now, harness.dispatcher.announce_expired
            )
            assert pruned["dead"] == 4, "the second time the news of the first and what came since"
            await harness.append(drafts(days, at=now))
    said = [event for event in harness.news() if event["reason"] == "expired"]
    assert [event["message"].split(":")[0] for event in said] == [
        "2 events given up",
    ] * 4
    given_up = [(log["sink"], log["count"]) for log in logs if log["event"] == "deliveries_given_up"]
    assert given_up == [("hook", 2), ("other", 2)] * 2
    sink.result = Delivered()
    await harness.dispatcher.replay("hook", dead=True)
    harness.start()
    await harness.settled()
    over = [event for event in harness.news() if event["type"] == "sink.recovered"]
    assert "dead" in [event["reason"] for event in over]
