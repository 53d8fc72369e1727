"""A digest that is too long for one message goes on in the next one: each event goes with a message that shows it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from syncd.sinks.sink import Delivered, Item, MessageTrouble, ReceiverTrouble, SendResult
from tests.delivery.harness import FakeSink, Harness, drafts

ROOM = 3
"""How many events a message of these tests shows."""


def left(items: Sequence[Item]) -> frozenset[int]:
    return frozenset(item.seq for item in items[ROOM:])


class Robot(FakeSink):
    """Shows the first events of a digest. The result of a message with one of ``bad`` is ``trouble``."""

    def __init__(self, harness: Harness, *bad: int, trouble: SendResult | None = None) -> None:
        super().__init__(answer=self.take, group_wait=10, clock=harness.clock)
        self.bad = set(bad)
        self.trouble = trouble
        self.shown: list[list[int]] = []

    def take(self, _: FakeSink, items: Sequence[Item]) -> SendResult:
        shown = [item.seq for item in items[:ROOM]]
        self.shown.append(shown)
        if self.bad & set(shown):
            if isinstance(self.trouble, ReceiverTrouble):
                return ReceiverTrouble(self.trouble.reason, left=left(items))
            return MessageTrouble("HTTP 400", left(items))
        return Delivered(left(items))

    async def send(self, items: Sequence[Item], away_since: object = None) -> SendResult:
        """What is left is not taken, and its turn comes again: the harness must not count it."""
        self.attempts.append([item.seq for item in items])
        self.times.append(self._clock.now() if self._clock else self.last_taken_at)
        result = self.take(self, items)
        if isinstance(result, Delivered):
            self.taken += [item.seq for item in items if item.seq not in result.left]
        async with self._attempted:
            self._attempted.notify_all()
        return result


async def test_what_a_message_does_not_show_goes_with_the_next_one_at_once(harness: Harness) -> None:
    robot = Robot(harness)
    await harness.configure(robot)
    await harness.append(drafts(*range(8)))
    harness.start()
    await harness.settled()
    assert robot.shown == [[1, 2, 3], [4, 5, 6], [7, 8]]
    assert robot.taken == list(range(1, 9))
    assert len(set(robot.times)) == 1, "the parts after the first do not wait for others to gather"


async def test_a_part_that_was_sent_is_not_sent_again_after_a_kill(harness: Harness) -> None:
    robot = Robot(harness)
    await harness.configure(robot)
    await harness.append(drafts(*range(8)))
    harness.start()
    await harness.settled(left=5)
    await harness.stop()
    settled = set(robot.taken)
    again = Robot(harness)
    await harness.configure(again)
    harness.start()
    await harness.settled()
    assert settled >= {1, 2, 3}
    assert not settled & set(again.taken)
    assert settled | set(again.taken) == set(range(1, 9))


async def test_only_what_a_refused_message_showed_is_tried_alone(harness: Harness) -> None:
    robot = Robot(harness, 2)
    await harness.configure(robot)
    await harness.append(drafts(*range(8)))
    harness.start()
    await harness.settled(left=1)
    assert harness.delivery(2) == ("pending", 1), "it has a schedule of its own"
    assert sorted(robot.taken) == [1, 3, 4, 5, 6, 7, 8]
    assert [harness.delivery(seq)[1] for seq in (1, 3, 4, 8)] == [1, 1, 1, 1], "nothing else was refused"


async def test_trouble_of_the_receiver_charges_no_part(harness: Harness) -> None:
    robot = Robot(harness, 1, trouble=ReceiverTrouble("HTTP 503"))
    await harness.configure(robot)
    await harness.append(drafts(*range(8)))
    harness.start()
    await robot.until(lambda: len(robot.attempts) >= 2)
    robot.bad.clear()
    await harness.settled()
    assert robot.taken == list(range(1, 9))


async def test_of_one_image_the_later_events_wait_behind_the_earlier_ones(harness: Harness) -> None:
    robot = Robot(harness)
    await harness.configure(robot)
    await harness.append(drafts(1, 1, 2, 1, 1, 2, 1))
    harness.start()
    await harness.settled()
    assert robot.taken == list(range(1, 8))


async def test_a_command_that_delivers_once_sends_all_parts(harness: Harness) -> None:
    robot = Robot(harness)
    await harness.configure(robot)
    await harness.append(drafts(*range(8)))
    await harness.dispatcher.drain(timedelta(seconds=60))
    assert robot.shown == [[1, 2, 3], [4, 5, 6], [7, 8]]
    assert harness.count("hook", "pending") == 0
