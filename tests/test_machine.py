"""The machine turns against the daemon: a full disk, a locked file, a frozen process, no descriptors left."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from syncd.simulator import Simulator, World, lean_fields
from syncd.store import upkeep
from tests.processes import syncd, write_config

pytestmark = pytest.mark.slow


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    world = World(invent=lean_fields)
    world.add_region("cn-a")
    world.add_account("lab")
    world.fill("lab", "cn-a", 5)
    async with Simulator(world) as running:
        yield running


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


async def settled(path: Path, sim: Simulator) -> None:
    """Until the file shows what the cloud does."""
    async with asyncio.timeout(30):
        while True:
            count = len(sim.requests.select())
            await sim.requests.reach(count + 2)
            with closing(sqlite3.connect(path)) as db:
                live = {row[0] for row in db.execute("SELECT image_id FROM images")}
            if live == sim.world.shared("lab", "cn-a"):
                return


async def test_a_full_disk_is_said_once_and_nothing_is_lost_when_there_is_room_again(
    sim: Simulator, small_disk: Path, tmp_path: Path
) -> None:
    config = write_config(tmp_path, sim)
    path = small_disk / "syncd.db"
    config.write_text(config.read_text().replace(f"{tmp_path}/syncd.db", str(path)))
    async with syncd("run", "--config", config) as daemon:
        await daemon.logged("synced")
        ballast = small_disk / "ballast"
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(b"x" * 4096):
                pass
        sim.world.fill("lab", "cn-a", 500)
        failed = await daemon.logged("database_failed")
        assert failed["hint"]
        ballast.unlink()
        daemon.signal(signal.SIGHUP)
        async with syncd("sync", "--config", config) as by_hand:
            await by_hand.exit_code()
        await settled(path, sim)
        assert len(daemon.lines("database_failed")) == 1
    assert not upkeep.check(path)


async def test_a_file_that_another_program_locks_is_waited_for(sim: Simulator, tmp_path: Path) -> None:
    config = write_config(tmp_path, sim)
    path = tmp_path / "syncd.db"
    async with syncd("run", "--config", config) as daemon:
        await daemon.logged("synced")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            sim.world.share("lab", "cn-a")
            await sim.requests.reach(len(sim.requests.select()) + 2)
            other.execute("COMMIT")
        await settled(path, sim)
        daemon.signal(signal.SIGTERM)
        assert await daemon.exit_code() == 0


async def test_frozen_for_a_while_it_goes_on(sim: Simulator, tmp_path: Path) -> None:
    config = write_config(tmp_path, sim)
    async with syncd("run", "--config", config) as daemon:
        await daemon.logged("synced")
        daemon.signal(signal.SIGSTOP)
        sim.world.fill("lab", "cn-a", 3)
        await asyncio.sleep(2.5)  # longer than its interval: what it must survive is time itself
        daemon.signal(signal.SIGCONT)
        await settled(tmp_path / "syncd.db", sim)


async def test_a_page_that_rotted_ends_it_with_5_and_a_remedy(sim: Simulator, tmp_path: Path) -> None:
    sim.world.fill("lab", "cn-a", 300)
    config = write_config(tmp_path, sim)
    async with syncd("sync", "--config", config) as first:
        assert await first.exit_code() == 0
    path = tmp_path / "syncd.db"
    content = bytearray(path.read_bytes())
    content[4096 * 3 :] = os.urandom(len(content) - 4096 * 3)
    path.write_bytes(content)
    async with syncd("run", "--config", config) as daemon:
        assert await daemon.exit_code() == 5
        assert "backup" in "\n".join(daemon.stderr)
    async with syncd("db", "check", "--config", config) as check:
        assert await check.exit_code() == 5


async def test_few_descriptors_are_enough_and_none_are_leaked(sim: Simulator, tmp_path: Path) -> None:
    config = write_config(tmp_path, sim)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, before[1]))
    try:
        process = syncd("run", "--config", config)
        daemon = await process.__aenter__()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    try:
        await daemon.logged("synced")
        await sim.requests.reach(len(sim.requests.select()) + 3)
        count = len(list(Path(f"/proc/{daemon.pid}/fd").iterdir()))
        await sim.requests.reach(len(sim.requests.select()) + 3)
        assert len(list(Path(f"/proc/{daemon.pid}/fd").iterdir())) <= count + 1
    finally:
        await process.__aexit__(None, None, None)
