"""Random timelines of three regions: shares, changes, losses, failures, gaps and restarts in any order.

Afterwards the account has been told exactly what is true, each thing once, and the history is the state.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.sync.rig import REGIONS, Rig, rig_at

STEPS = 40
FEW, MANY = range(8), range(8, 120)


class Timeline:
    """``everywhere``: things happen to an image in all regions at once, or else in any one of them."""

    def __init__(self, rig: Rig, seed: int, everywhere: bool, retiring: bool) -> None:
        self.rig = rig
        self.rng = random.Random(seed)
        self.everywhere = everywhere
        self.retiring = retiring
        self.images: list[str] = []
        self.log: list[str] = []

    async def run(self) -> None:
        for region in REGIONS:
            self.rig.world.fill("lab", region, 12)
        await self.rig.sync(*self.rng.sample(REGIONS, self.rng.randint(0, 3)))
        for _ in range(STEPS):
            await self.step()
        self.rig.sim.faults.clear()
        await self.rig.restart(regions=REGIONS)
        for _ in range(2):
            await self.rig.sync(*REGIONS)

    async def step(self) -> None:
        deeds: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (12, self.sync), (3, self.share), (2, self.unshare), (3, self.change), (2, self.fail), (3, self.mend),
            (2, self.wait), (1, self.restart), (2 if self.retiring else 0, self.retire),
        ]  # fmt: skip
        weights, choices = zip(*deeds, strict=True)
        (deed,) = self.rng.choices(choices, weights)
        self.log.append(deed.__name__)
        await deed()

    def where(self) -> str:
        return "*" if self.everywhere else self.rng.choice(REGIONS)

    async def sync(self) -> None:
        await self.rig.sync(self.rng.choice(REGIONS))

    async def share(self) -> None:
        known = self.rng.choice(self.images) if self.images and self.rng.random() < 0.5 else None
        image = self.rig.world.share("lab", self.where(), known, **({} if known else {"Status": "Making"}))
        if known is None:
            self.images.append(image)

    async def unshare(self) -> None:
        if self.images:
            self.rig.world.unshare("lab", self.where(), self.rng.choice(self.images))

    async def change(self) -> None:
        if self.images:
            fields = {"Status": self.rng.choice("ABC"), "Name": self.rng.choice("xyz")}
            for unchanged in self.rng.sample(sorted(fields), self.rng.randint(0, 1)):
                del fields[unchanged]
            self.rig.world.change(self.rng.choice(self.images), self.where(), **fields)

    async def fail(self) -> None:
        self.rig.fault("retcode", self.rng.choice(REGIONS), code=130)

    async def mend(self) -> None:
        for fault in list(self.rig.sim.faults)[:1]:
            fault.remove()

    async def wait(self) -> None:
        self.rig.advance(minutes=self.rng.choice((1, 5, 20, 35, 600)))

    async def restart(self) -> None:
        await self.rig.restart()

    async def retire(self) -> None:
        await self.rig.restart(regions=tuple(self.rng.sample(REGIONS, self.rng.randint(1, 3))))


async def told_the_truth(path: Path, seed: int, everywhere: bool, retiring: bool = False) -> None:
    async with rig_at(path / "syncd.db", regions=REGIONS, seed=seed) as rig:
        timeline = Timeline(rig, seed, everywhere, retiring)
        try:
            await timeline.run()
            rig.check(globally=everywhere and not retiring, told_once=not retiring)
        except AssertionError as error:
            error.add_note(f"seed {seed}: {timeline.log}")
            raise


@pytest.mark.parametrize("everywhere", [True, False], ids=["global", "regional"])
@pytest.mark.parametrize("seed", FEW)
async def test_whatever_happens_the_account_is_told_the_truth_once(tmp_path, seed, everywhere):
    await told_the_truth(tmp_path, seed, everywhere)


@pytest.mark.parametrize("seed", FEW)
async def test_with_regions_that_leave_and_return_what_is_known_is_what_is_listed(tmp_path, seed):
    await told_the_truth(tmp_path, seed, everywhere=seed % 2 == 0, retiring=True)


@pytest.mark.slow
@pytest.mark.parametrize("seed", MANY)
async def test_many_more_that_leave_and_return(tmp_path, seed):
    await told_the_truth(tmp_path, seed, everywhere=seed % 2 == 0, retiring=True)


@pytest.mark.slow
@pytest.mark.parametrize("everywhere", [True, False], ids=["global", "regional"])
@pytest.mark.parametrize("seed", MANY)
async def test_many_more_timelines(tmp_path, seed, everywhere):
    await told_the_truth(tmp_path, seed, everywhere)
