"""Events and digests that a receiver refuses, or that make it fail: they are found out, and hold up nobody else."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from syncd.sinks.sink import Delivered
from tests.delivery.harness import (
    BAD,
    DOWN,
    START,
    FakeSink,
    Harness,
    down_until,
    drafts,
    unless,
)


async def test_a_refused_event_takes_its_own_schedule_of_a_day_then_is_dead_while_others_go_on(
    harness: Harness,
) -> None:
    sink, other = FakeSink(answer=unless(1), clock=harness.clock), FakeSink("other")
    await harness.configure(sink, other)
    await harness.append(drafts("bad", "good", "bad", "good"))
    harness.start()
    await harness.settled()
    assert sink.taken[:2] == [2, 4], "another image does not wait"
    tries = [at for at, seqs in zip(sink.times, sink.attempts, strict=True) if seqs == [1]]
    assert len(tries) == 6
    waits = [(later - earlier) / timedelta(minutes=1) for earlier, later in pairwise(tries)]
    for wait, planned in zip(waits, [1, 10, 60, 360, 960], strict=True):
        assert planned <= wait <= 1.21 * planned
    assert harness.delivery(1, "state, attempts, last_error") == ("dead", 6, "HTTP 400")
    assert sink.taken[2] == 3, "the image goes on after its dead event, and not before"
    assert harness.news()[0]["reason"] == "dead"
    assert harness.sink("state") == ("ok",)


async def test_only_the_first_dead_is_said_and_it_is_over_when_none_is_left(harness: Harness) -> None:
    bad = {1, 2}
    sink = FakeSink(answer=lambda _, items: BAD if items[0].seq in bad else Delivered())
    await harness.configure(sink)
    await harness.append(drafts(1, 2))
    harness.start()
    await harness.settled()
    await harness.append(drafts(3))
    await harness.settled()
    assert [event["type"] for event in harness.news()] == ["sink.failed"]
    bad.clear()
    assert await harness.dispatcher.replay("hook", dead=True) == 2
    await harness.settled()
    assert [event["type"] for event in harness.news()] == ["sink.failed", "sink.recovered"]
    assert sorted(sink.taken) == [1, 2, 4], "3 is the news, which the sink does not get"


async def test_an_event_that_fails_alone_five_times_is_found_out_whatever_the_answer(
    harness: Harness,
) -> None:
    sink = FakeSink(answer=unless(3, result=DOWN), clock=harness.clock)
    await harness.configure(sink)
    await harness.append(drafts(*range(100)))
    harness.start()
    await harness.settled(left=1)
    assert sorted(sink.taken) == [seq for seq in range(1, 101) if seq != 3]
    feed = iter(range(1000, 2000))
    while harness.delivery(3)[0] == "pending" and harness.delivery(3)[1] == 0:
        await harness.append(drafts(next(feed), at=harness.clock.now()))
        await harness.settled(left=1)
    assert harness.delivery(3, "attempts, strikes") == (1, 4)
    before = len(sink.attempts)
    await harness.append(drafts(*range(2000, 2020), at=harness.clock.now()))
    await harness.settled()
    assert harness.delivery(3) == ("dead", 6)
    assert len(sink.attempts) - before <= 20 + 5, "its failures hold up nobody"


async def test_a_digest_gathers_for_a_while_and_goes_as_one_in_order(harness: Harness) -> None:
    sink = FakeSink(group_wait=10, clock=harness.clock)
    await harness.configure(sink)
    await harness.append(drafts(1, 2, 1))
    harness.start()
    await harness.settled()
    assert sink.attempts == [[1, 2, 3]]
    assert sink.times[0] - START >= timedelta(seconds=10)


async def test_after_three_days_a_digest_sink_gets_one_digest_that_knows_since_when(harness: Harness) -> None:
    sink = FakeSink(answer=down_until(harness, 72), group_wait=10)
    await harness.configure(sink)
    await harness.append(drafts(*range(30), *range(30)))
    harness.start()
    await harness.settled()
    assert sink.attempts[-1] == sink.taken == list(range(1, 61))
    assert sink.away[-1] is not None
    assert sink.away[-1] - START < timedelta(minutes=1)


@pytest.mark.parametrize("bad", [{7}, {1}, {60}, {20, 21}])
async def test_a_refused_digest_is_split_until_only_the_refused_event_waits(
    harness: Harness, bad: set[int]
) -> None:
    sink = FakeSink(answer=unless(*bad), group_wait=10, clock=harness.clock)
    await harness.configure(sink)
    await harness.append(drafts(*range(60)))
    harness.start()
    await harness.settled(left=len(bad))
    assert set(sink.taken) == set(range(1, 61)) - bad
    assert len(sink.attempts) < 40, "by halves, not one by one"
    assert sink.last_taken_at - START < timedelta(minutes=1)
    await harness.settled()
    assert harness.count("hook", "dead") == len(bad)
    assert {harness.delivery(seq)[1] for seq in bad} == {6}
    found_out = sink.attempts.index([max(bad)])
    assert not [seqs for seqs in sink.attempts[found_out:] if bad & set(seqs) and len(seqs) > 1]


async def test_a_refused_digest_is_halved(harness: Harness) -> None:
    sink = FakeSink(answer=unless(60), group_wait=10)
    await harness.configure(sink)
    await harness.append(drafts(*range(60)))
    harness.start()
    await harness.settled(left=1)
    lengths = [len(seqs) for seqs in sink.attempts]
    assert lengths[:8] == [60, 30, 30, 15, 15, 7, 8, 4]
    assert sink.attempts[1] == list(range(1, 31))


async def test_an_event_that_makes_every_digest_fail_is_found_out(harness: Harness) -> None:
    """The receiver answers as if it were down whenever a message holds event 5."""
    sink = FakeSink(answer=unless(5, result=DOWN), group_wait=10, clock=harness.clock)
    await harness.configure(sink)
    await harness.append(drafts(*range(40)))
    harness.start()
    await harness.settled(left=1)
    assert set(sink.taken) == set(range(1, 41)) - {5}
    assert sink.last_taken_at - START < timedelta(minutes=5)
    assert len([seqs for seqs in sink.attempts if 5 in seqs and len(seqs) > 1]) < 12


async def test_an_event_that_fails_alone_is_found_out_by_a_command_from_cron_too(harness: Harness) -> None:
    sink = FakeSink(answer=unless(1, result=DOWN))
    await harness.configure(sink)
    for minute in range(30):
        await harness.append(drafts(0 if minute == 0 else minute))
        await harness.dispatcher.drain(timedelta(seconds=60))
        harness.clock.advance(60)
    assert harness.delivery(1, "attempts")[0] > 0
    assert set(sink.taken) >= set(range(2, 29))
