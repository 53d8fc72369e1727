"""Time turns against the daemon: it is frozen, its clock is set back and forward, its machine sleeps for a day."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from syncd.simulator import Simulator
from syncd.store.check import check_file
from tests.one_region import one_region, settled
from tests.processes import Process, syncd, write_config

pytestmark = pytest.mark.slow


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with one_region() as running:
        yield running


class Wall:
    """The wall clock of a process, by libfaketime; its monotonic clock stays right."""

    def __init__(self, folder: Path) -> None:
        self._offset = folder / "offset"
        self.set("+0")
        libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
        if not libraries:
            pytest.skip("moving a process' clock needs libfaketime")
        self.environ = {
            "LD_PRELOAD": str(libraries[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, offset: str) -> None:
        self._offset.write_text(offset + "\n")


@pytest.fixture
def wall(tmp_path: Path) -> Wall:
    return Wall(tmp_path)


async def test_frozen_for_a_while_it_goes_on(sim: Simulator, tmp_path: Path) -> None:
    config = write_config(tmp_path, sim)
    async with syncd("run", "--config", config) as daemon:
        await daemon.logged("synced")
        daemon.signal(signal.SIGSTOP)
        sim.world.fill("lab", "cn-a", 3)
        await asyncio.sleep(2.5)  # longer than its interval: what it must survive is time itself
        daemon.signal(signal.SIGCONT)
        await settled(tmp_path / "syncd.db", sim)


@pytest.mark.parametrize("jump", ["-1h", "+1d"])
async def test_a_clock_that_jumps_stops_nothing_and_makes_no_news(
    sim: Simulator, wall: Wall, tmp_path: Path, jump: str
) -> None:
    async with syncd("run", "--config", write_config(tmp_path, sim), **wall.environ) as daemon:
        await daemon.logged("synced")
        wall.set(jump)
        sim.world.share("lab", "cn-a")
        await settled(tmp_path / "syncd.db", sim)
        wall.set("+0")
        sim.world.share("lab", "cn-a")
        await settled(tmp_path / "syncd.db", sim)
        await told_only_what_came(daemon, tmp_path)


async def test_after_a_day_of_sleep_it_goes_on_at_once(sim: Simulator, wall: Wall, tmp_path: Path) -> None:
    async with syncd("run", "--config", write_config(tmp_path, sim), **wall.environ) as daemon:
        await daemon.logged("synced")
        daemon.signal(signal.SIGSTOP)
        wall.set("+1d")
        sim.world.share("lab", "cn-a")
        daemon.signal(signal.SIGCONT)
        await settled(tmp_path / "syncd.db", sim)
        await told_only_what_came(daemon, tmp_path)


async def told_only_what_came(daemon: Process, folder: Path) -> None:
    daemon.signal(signal.SIGTERM)
    assert await daemon.exit_code() == 0
    with closing(sqlite3.connect(folder / "syncd.db")) as db:
        types = {row[0] for row in db.execute("SELECT type FROM events WHERE baseline = 0")}
    assert types == {"sync.baseline", "image.shared"}
    assert not check_file(folder / "syncd.db")
