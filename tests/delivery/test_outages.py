"""Receivers that are away: nothing is lost, nothing is charged, and it is announced once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from syncd.delivery import sender
from syncd.model import to_text
from syncd.sinks.sink import Delivered, Item, ReceiverTrouble, SendResult
from tests.delivery.harness import (
    BAD,
    DOWN,
    START,
    FakeSink,
    Harness,
    down_until,
    drafts,
)


async def test_three_days_of_outage_lose_nothing_charge_nothing_and_are_said_once(harness: Harness) -> None:
    sink, other = FakeSink(answer=down_until(harness, 72), clock=harness.clock), FakeSink("other")
    await harness.configure(sink, other)
    await harness.append(drafts(*range(30), *range(30)))
    harness.start()
    await harness.settled()
    await harness.settled("other")
    assert sorted(sink.taken) == list(range(1, 61))
    assert harness.count("hook", "dead") == 0
    assert {harness.delivery(seq) for seq in range(1, 61)} == {("delivered", 1)}
    assert len(sink.attempts) - 60 < 100, "one probe an hour at the most"
    said, over = harness.news()
    assert (said["type"], said["sink"], said["reason"]) == ("sink.failed", "hook", "backing_off")
    assert (said["since"], said["message"]) == (to_text(START), "HTTP 503")
    ((said_at,),) = harness.rows("SELECT observed_at FROM events WHERE type = 'sink.failed'")
    assert to_text(START + timedelta(minutes=60)) <= said_at <= to_text(START + timedelta(minutes=61))
    assert over["type"] == "sink.recovered"
    assert 72 * 3600 <= over["duration_seconds"] < 74 * 3600
    assert set(other.taken) >= {61, 62}
    assert not {61, 62} & set(sink.taken), "a sink is not told about itself"
    assert harness.sink("state, failures, next_attempt_at, last_error, failed_said_at, away_since") == (
        "ok", 0, None, None, None, None,
    )  # fmt: skip


async def test_probes_grow_apart_from_5_seconds_to_the_longest_and_go_round_the_images(
    harness: Harness,
) -> None:
    sink = FakeSink(answer=down_until(harness, 24), clock=harness.clock)
    await harness.configure(sink)
    await harness.append(drafts(*range(5)))
    harness.start()
    await harness.settled()
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
    harness: Harness, asked: timedelta, waited: timedelta
) -> None:
    def answer(sink: FakeSink, _: Sequence[Item]) -> SendResult:
        return ReceiverTrouble("HTTP 429", asked) if len(sink.attempts) == 1 else Delivered()

    sink = FakeSink(answer=answer, clock=harness.clock)
    await harness.configure(sink)
    await harness.append(drafts(1, 2))
    harness.start()
    await harness.settled()
    assert waited <= sink.times[1] - sink.times[0] < waited + timedelta(seconds=2)


async def test_a_success_that_was_under_way_does_not_end_the_wait_that_the_receiver_asked_for(
    harness: Harness,
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

    sink = Slow(answer=answer, clock=harness.clock)
    await harness.configure(sink)
    await harness.append(drafts(1, 2, 3, 4))
    harness.start()
    await harness.reached(lambda: harness.sink("state") == ("backing_off",))
    release.set()
    await harness.settled()
    assert sink.attempts[:3] == [[1], [3], [2]]
    assert sink.times[3] - sink.times[1] >= asked


async def test_a_receiver_that_takes_one_message_a_while_kills_no_event(harness: Harness) -> None:
    """Each event is told to come later many times, while others are taken: that is no poison."""

    def answer(sink: FakeSink, _: Sequence[Item]) -> SendResult:
        if len(sink.attempts) % 3:
            return ReceiverTrouble("HTTP 429", timedelta(seconds=1))
        return Delivered()

    sink = FakeSink(answer=answer)
    await harness.configure(sink)
    await harness.append(drafts(*range(40)))
    harness.start()
    await harness.settled()
    assert {harness.delivery(seq) for seq in range(1, 41)} == {("delivered", 1)}


async def test_an_outage_is_said_even_while_an_older_event_is_dead(harness: Harness) -> None:
    result: list[SendResult] = [BAD]
    sink = FakeSink(answer=lambda *_: result[0])
    await harness.configure(sink)
    await harness.append(drafts(1))
    harness.start()
    await harness.settled()
    result[0] = DOWN
    await harness.append(drafts(2))
    await harness.reached(lambda: len(harness.news()) == 2)
    assert [event["reason"] for event in harness.news()] == ["dead", "backing_off"]
    result[0] = Delivered()
    await harness.settled()
    result[0] = BAD
    await harness.append(drafts(3, at=harness.clock.now()))
    await harness.settled()
    assert harness.count("hook", "dead") == 2
    assert [event["type"] for event in harness.news()] == ["sink.failed", "sink.failed", "sink.recovered"]


async def test_410_disables_at_once_what_waits_stays_and_goes_when_enabled(harness: Harness) -> None:
    gone: list[SendResult] = [ReceiverTrouble("HTTP 410", gone=True)]
    sink, other = FakeSink(answer=lambda *_: gone[0]), FakeSink("other")
    await harness.configure(sink, other)
    await harness.append(drafts(1, 2, 3))
    harness.start()
    await harness.reached(lambda: harness.sink("state") == ("disabled",))
    harness.clock.advance(7200)
    await harness.append(drafts(4))
    await harness.settled("other")
    assert len(sink.attempts) == 1
    assert harness.count("hook", "pending") == 4
    assert [event["reason"] for event in harness.news()] == ["gone"]
    gone[0] = Delivered()
    await harness.dispatcher.enable("hook")
    await harness.settled()
    assert sorted(sink.taken) == [1, 2, 3, 5]
    assert sink.away[1] == START, "the first message after more than an hour knows since when"
    assert set(sink.away[2:]) == {None}
    assert [event["type"] for event in harness.news()] == ["sink.failed", "sink.recovered"]


async def test_disabling_and_enabling_by_hand_is_said_to_the_others(harness: Harness) -> None:
    sink, other = FakeSink(), FakeSink("other")
    await harness.configure(sink, other)
    harness.start()
    await harness.dispatcher.disable("hook")
    await harness.dispatcher.disable("hook")
    await harness.append(drafts(1))
    await harness.settled("other")
    assert sink.attempts == []
    await harness.dispatcher.enable("hook")
    await harness.settled()
    assert sink.taken == [2]
    assert [(event["type"], event.get("reason")) for event in harness.news()] == [
        ("sink.failed", "disabled"),
        ("sink.recovered", "disabled"),
    ]


async def test_a_receiver_that_is_just_back_is_not_flooded(harness: Harness) -> None:
    def answer(sink: FakeSink, _: Sequence[Item]) -> SendResult:
        return DOWN if 30 <= len(sink.attempts) < 50 else Delivered()

    sink = FakeSink(answer=answer)
    await harness.configure(sink)
    await harness.append(drafts(*range(200)))
    harness.start()
    await harness.settled()
    back = 49
    assert sink.depths[back - 1] == 1, "a probe"
    assert max(sink.depths[back : back + 4]) <= 2
    assert max(sink.depths[back:]) == sender.MAX_IN_FLIGHT


async def test_a_time_from_a_clock_that_was_wrong_is_not_waited_for(harness: Harness) -> None:
    sink = FakeSink()
    await harness.configure(sink)
    await harness.append(drafts(1, 2))
    async with harness.db.write() as tx:
        far = to_text(START + timedelta(days=999))
        await tx.execute_raw(
            "UPDATE sinks SET state = 'backing_off', failures = 1, next_attempt_at = ?", (far,)
        )
        await tx.execute_raw(
            "UPDATE deliveries SET attempts = 1, next_attempt_at = ? WHERE event_seq = 2", (far,)
        )
    harness.start()
    await harness.settled()
    assert harness.clock.now() == START


async def test_a_restart_waits_as_long_as_the_receiver_asked_for(harness: Harness) -> None:
    asked = ReceiverTrouble("HTTP 429", timedelta(minutes=50))
    sink = FakeSink(
        answer=lambda sink, _: asked if len(sink.attempts) == 1 else Delivered(), clock=harness.clock
    )
    await harness.configure(sink)
    await harness.append(drafts(1))
    await harness.dispatcher.drain(timedelta(seconds=60))
    harness.start()
    await harness.settled()
    assert sink.times[1] - sink.times[0] >= timedelta(minutes=50)
