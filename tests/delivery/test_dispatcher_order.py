"""Whatever receivers answer and whenever the dispatcher dies: nothing is lost, each image keeps its order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from syncd.delivery import sender
from syncd.sinks.sink import Delivered, Item, MessageTrouble, ReceiverTrouble, SendResult
from syncd.store import deliveries
from tests.delivery.harness import FakeSink, Harness, drafts, harness_at

EVENTS = 120
IMAGES = 15


class Moody(FakeSink):
    """Takes most, fails in every way, and has the dispatcher die after some of its messages."""

    def __init__(self, name: str, rng: random.Random, poison: set[int], **options: float) -> None:
        super().__init__(name, **options)  # type: ignore[arg-type]
        self.rng = rng
        self.poison = poison
        self.calm = False
        self.deadly = asyncio.Event()

    async def send(self, items: Sequence[Item], away_since: object = None) -> SendResult:
        self.answer = type(self).decide
        if not self.calm and self.rng.random() < 0.05:
            self.deadly.set()
        for _ in range(self.rng.randrange(4)):
            await asyncio.sleep(0)
        return await super().send(items, None)

    def decide(self, items: Sequence[Item]) -> SendResult:
        if any(item.seq in self.poison for item in items):
            return MessageTrouble("HTTP 422")
        if self.calm:
            return Delivered()
        chance = self.rng.random()
        if chance < 0.1:
            return ReceiverTrouble("HTTP 503")
        if chance < 0.15:
            return ReceiverTrouble("HTTP 429", timedelta(seconds=self.rng.randrange(90)))
        if chance < 0.2:
            return MessageTrouble("HTTP 400")
        if chance < 0.23:
            raise ConnectionResetError("in the middle")
        return Delivered()


async def live_through(harness: Harness, rng: random.Random) -> None:
    """Events come while two dispatchers after another are killed; then a calm time in which all is delivered."""
    poison = set(rng.sample(range(1, EVENTS), 2))
    sinks = [Moody("hook", rng, poison), Moody("chat", rng, poison, group_wait=10)]
    await harness.configure(*sinks)
    left = EVENTS
    while left:
        new = min(left, rng.randrange(1, 30))
        left -= new
        await harness.append(drafts(*(rng.randrange(IMAGES) for _ in range(new)), at=harness.clock.now()))
        await one_life(harness, sinks)
    for sink in sinks:
        sink.calm = True
    harness.start()
    for sink in sinks:
        await harness.settled(sink.name)
    await harness.stop()
    for sink in sinks:
        check(harness, sink, poison)


async def one_life(harness: Harness, sinks: Sequence[Moody]) -> None:
    """Until one of the sinks says that it is over, or everything is delivered; then the next process begins anew."""
    for sink in sinks:
        sink.deadly.clear()
    harness.start()
    waits = [asyncio.create_task(sink.deadly.wait()) for sink in sinks]
    done = asyncio.create_task(
        harness.reached(lambda: not any(harness.count(s.name, "pending") for s in sinks))
    )
    await asyncio.wait([*waits, done], return_when=asyncio.FIRST_COMPLETED)
    for task in (*waits, done):
        task.cancel()
    await asyncio.gather(*waits, done, return_exceptions=True)
    await harness.stop()
    harness.clock.advance(5)
    await harness.configure(*sinks)


def check(harness: Harness, sink: Moody, poison: set[int]) -> None:
    """The checks of each attempt are FakeSink's; here is what must be true at the end."""
    dead = {
        seq
        for (seq,) in harness.rows(
            "SELECT event_seq FROM deliveries WHERE sink = ? AND state = 'dead'", sink.name
        )
    }
    wanted = {
        seq
        for (seq,) in harness.rows("SELECT seq FROM events WHERE body NOT LIKE ?", f'%"sink":"{sink.name}"%')
    }
    assert set(sink.taken) | dead == wanted
    assert dead >= poison & wanted
    assert len(dead) <= len(poison) + 1, "chance alone kills almost nothing"
    first = list(dict.fromkeys(sink.taken))
    of_image = dict(harness.rows("SELECT seq, image_id FROM events WHERE image_id IS NOT NULL"))
    for image in set(of_image.values()):
        taken = [seq for seq in first if of_image.get(seq) == image]
        assert taken == sorted(taken)


async def run_seed(tmp_path: Path, seed: int) -> None:
    async with harness_at(tmp_path / f"{seed}.db") as harness:
        harness.rng = random.Random(seed)
        await asyncio.wait_for(live_through(harness, random.Random(seed)), 60)


@pytest.fixture(autouse=True)
def _abrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "STOP_GRACE", 0.0)


@pytest.mark.parametrize("seed", range(4))
async def test_nothing_is_lost_or_out_of_order_over_outages_refusals_and_deaths(
    tmp_path: Path, seed: int
) -> None:
    await run_seed(tmp_path, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 160))
async def test_nothing_is_lost_or_out_of_order_many_times(tmp_path: Path, seed: int) -> None:
    await run_seed(tmp_path, seed)


async def test_without_the_order_these_checks_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks bite: if each event were a key of its own, they would see it."""

    async def unordered(*args: object) -> list[deliveries.Pending]:
        rows = await deliveries_pending(*args)  # type: ignore[arg-type]
        return [row._replace(key=str(row.seq)) for row in rows]

    deliveries_pending = deliveries.pending
    monkeypatch.setattr(deliveries, "pending", unordered)
    with pytest.raises(AssertionError):
        await run_seed(tmp_path, 0)
