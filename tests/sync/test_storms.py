"""Storms: the list changes between its pages at random, and lies besides. No false revocation, no lost change."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from syncd.model import from_text
from tests.sync.rig import Rig, rig_at

ROWS = 330
QUICK, THOUSAND = 40, 1000

LIES = [
    ("page_local_total", {}),
    ("wrong_total", {"by": 3}),
    ("short_page", {"by": 2}),
    ("empty_page", {"skip": 2, "every": 5}),
    ("repeated_page", {"skip": 1, "every": 4}),
    ("over_long_page", {"extra": 3}),
    ("past_the_end", {"code": 8401}),
    ("shuffled", {"probability": 0.3}),
    ("hidden_rows", {"count": 2}),
    ("doubled_id", {}),
    ("rows_without_id", {}),
    ("retcode", {"code": 130, "probability": 0.2}),
    ("blank", {"probability": 0.3}),
    ("lookup_ignores_id", {"probability": 0.3}),
    ("lookup_fails", {"probability": 0.3}),
]


class Storm:
    """Changes the list before some of its pages, at a rate that differs from sync to sync."""

    def __init__(self, rig: Rig, seed: int) -> None:
        self.rig = rig
        self.rng = random.Random(seed)
        self.rate = 0.0
        self.touched: dict[str, float] = {}
        """Image → when it last changed, in the world's time."""
        rig.world.fill("lab", "cn-a", ROWS)
        rig.world.on_page(lambda _: self.between_pages())

    def between_pages(self) -> None:
        self.rig.advance(milliseconds=7)
        while self.rng.random() < self.rate:
            self.change()
        self.rig.advance(milliseconds=7)

    def change(self) -> None:
        world, rng = self.rig.world, self.rng
        ids = world.share_list("lab", "cn-a").ids()
        gone = "unshare" if len(ids) > ROWS else "share"
        deed = rng.choice(("share", "back", gone, gone, "status", "rename"))
        image = rng.choice(ids)
        if deed == "share":
            image = world.share("lab", "cn-a")
        elif deed == "back":
            image = rng.choice(sorted(world.history("lab", "cn-a").ids()))
            world.share("lab", "cn-a", image)
        elif deed == "unshare":
            world.unshare("lab", "cn-a", image)
        elif deed == "status":
            world.set_status(image, rng.choice("ABC"))
        else:
            world.rename(image, rng.choice("xyz"))
        self.touched[image] = self.rig.clock.at.timestamp()

    async def sync(self) -> Any:
        self.rate = self.rng.choice((0.0, 0.0, 0.1, 0.3, 0.5))
        self.rig.advance(seconds=self.rng.choice((1, 20, 60)))
        for _ in range(self.rng.randrange(4)):
            self.change()
        return await self.rig.sync()


def check_lasting(storm: Storm, before: float) -> int:
    """What did not change since ``before`` is stored as it is, but for what is held or undecided: how many that are."""
    rig = storm.rig
    truth, live = rig.truth(), rig.live()
    missing = "SELECT image_id FROM image_rows WHERE missing_since IS NOT NULL AND revoked_at IS NULL"
    waiting = {row[0] for row in rig.rows(missing)}
    for key in truth.keys() | live.keys():
        image = key[2]
        if storm.touched.get(image, 0.0) < before and image not in waiting:
            assert live.get(key) == truth.get(key), image
    return len(waiting)


async def changing(path: Path, order: str, syncs: int) -> None:
    """Only the truth changes; every lasting change is announced by the second complete sync after it."""
    async with rig_at(path / "syncd.db", order=order, seed=syncs) as rig:
        storm = Storm(rig, seed=syncs)
        outcomes: list[str] = []
        complete = [0.0, 0.0]
        waiting = 0
        await rig.sync()
        rig.news()
        for _ in range(syncs):
            report = await storm.sync()
            rig.check_revocations(rig.news())
            outcomes.append(report.outcome)
            if report.outcome == "complete":
                complete = [complete[1], from_text(rig.last).timestamp()]
                waiting += check_lasting(storm, complete[0])
        assert outcomes.count("complete") > syncs / 3
        assert outcomes.count("incomplete") > syncs / 50
        assert waiting < syncs / 10
        storm.rate = 0.0
        await rig.sync()
        await rig.sync()
        rig.check()


async def lying(path: Path, order: str, syncs: int) -> None:
    """The list lies in a new way every few syncs, never for a day: nothing is called revoked that was there."""
    async with rig_at(path / "syncd.db", order=order, seed=syncs) as rig:
        storm = Storm(rig, seed=syncs)
        await rig.sync()
        rig.news()
        for number in range(syncs):
            if number % 4 == 0:
                rig.sim.faults.clear()
                name, options = storm.rng.choice(LIES)
                rig.fault(name, on="lookup" if name.startswith("lookup") else "list", **options)
            await storm.sync()
            rig.check_revocations(rig.news())
        rig.sim.faults.clear()
        storm.rate = 0.0
        await rig.sync()
        await rig.sync()
        rig.check()


@pytest.mark.parametrize("order", ["newest", "oldest", "id"])
@pytest.mark.parametrize("storm", [changing, lying])
async def test_a_list_that_changes_between_its_pages_makes_no_false_news(tmp_path, storm, order):
    await storm(tmp_path, order, QUICK)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("order", ["newest", "oldest", "id"])
@pytest.mark.parametrize("storm", [changing, lying])
async def test_nor_in_a_thousand_syncs(tmp_path, storm, order):
    await storm(tmp_path, order, THOUSAND)
