"""A file that cannot be written for a while, or not at all: each trouble is said once, and every event comes once."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sqlite3
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from syncd.simulator import Simulator
from tests.one_region import one_region
from tests.processes import WAIT_SECONDS, Process, syncd, write_config
from tests.sync.ledger import RequestLog

pytestmark = pytest.mark.slow


@dataclass
class Receiver:
    """Takes every event; keeps its answers back while ``open`` is not set."""

    heard: list[str] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, request: web.BaseRequest) -> web.Response:
        event = json.loads(await request.read())
        async with self.came:
            self.heard.append(event["id"])
            self.came.notify_all()
        await self.open.wait()
        return web.Response(status=204)


@dataclass
class Stage:
    """A cloud, a receiver and a file of events around one database."""

    sim: Simulator
    receiver: Receiver
    folder: Path
    path: Path
    config: Path

    def share(self) -> str:
        return self.sim.world.share("lab", "cn-a")

    async def listed(self, more: int = 2) -> None:
        await self.sim.requests.reach(len(self.sim.requests.select()) + more)

    async def rested(self) -> None:
        async with asyncio.timeout(WAIT_SECONDS * 2):
            while self._owed() or self._live() != self.sim.world.shared("lab", "cn-a"):
                await self.listed(1)

    async def told(self, daemon: Process) -> None:
        """Until the file shows what the cloud does and everybody was told; then all must hold."""
        await self.rested()
        daemon.signal(signal.SIGTERM)
        assert await daemon.exit_code() == 0
        async with syncd("db", "check", "--config", self.config) as check:
            assert await check.exit_code() == 0
        ledger = RequestLog(self.path, self.sim.world)
        ledger.check()
        ids = [event.id for event in ledger.events()]
        lines = (self.folder / "events.jsonl").read_text().splitlines()
        assert sorted(self.receiver.heard) == sorted(ids)
        assert sorted(json.loads(line)["id"] for line in lines) == sorted(ids)

    def _owed(self) -> int:
        return len(self._rows("SELECT 1 FROM deliveries WHERE state <> 'delivered'"))

    def _live(self) -> set[str]:
        return {row[0] for row in self._rows("SELECT image_id FROM images")}

    def _rows(self, sql: str) -> list[tuple[str, ...]]:
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as db:
            return db.execute(sql).fetchall()


@asynccontextmanager
async def staged(folder: Path, database: Path) -> AsyncIterator[Stage]:
    receiver = Receiver()
    receiver.open.set()
    runner = web.ServerRunner(web.Server(receiver.take, access_log=None), shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sinks = f'[sinks.hook]\ntype = "webhook"\nurl = "http://127.0.0.1:{runner.addresses[0][1]}/"\nbaseline = true\n'
    sinks += f'[sinks.file]\ntype = "log"\npath = "{folder}/events.jsonl"\nbaseline = true\n'
    try:
        async with one_region() as sim:
            config = write_config(folder, sim, sinks, regions='regions = ["cn-a"]')
            path = database / "syncd.db"
            config.write_text(config.read_text().replace(f"{folder}/syncd.db", str(path)))
            yield Stage(sim, receiver, folder, path, config)
    finally:
        receiver.open.set()
        await runner.cleanup()


def said(daemon: Process) -> Counter[tuple[str, str | None]]:
    """What was worth a warning, and of which sink."""
    loud = [line for line in daemon.log if line["level"] in ("warning", "error", "critical")]
    return Counter((line["event"], line.get("sink")) for line in loud if line["event"] != "configuration")


@contextmanager
def unwritable(pid: int) -> Iterator[None]:
    """Every write of the process to a file fails with EFBIG: no root needed, and it ends as it began."""
    limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], check=False).returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def remount(disk: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", disk], check=True)


async def test_while_nothing_can_be_written_it_says_so_once_and_goes_on_by_itself(tmp_path: Path) -> None:
    async with staged(tmp_path, tmp_path) as stage, syncd("run", "--config", stage.config) as daemon:
        await daemon.logged("synced")
        stage.share()
        await daemon.logged("synced", 2)
        with unwritable(daemon.pid):
            stage.share()
            assert "input/output error" in (await daemon.logged("database_failed"))["error"]
            await stage.listed(4)
        await daemon.logged("database_recovered")
        await stage.told(daemon)
        assert said(daemon)["database_failed", None] == 1
        assert max(said(daemon).values()) == 1, said(daemon)
        assert len(daemon.lines("database_recovered")) == 1


async def test_what_was_delivered_is_written_when_it_can_be_and_not_sent_again(tmp_path: Path) -> None:
    async with staged(tmp_path, tmp_path) as stage, syncd("run", "--config", stage.config) as daemon:
        await daemon.logged("synced")
        stage.receiver.open.clear()
        heard = len(stage.receiver.heard)
        stage.share()
        async with asyncio.timeout(WAIT_SECONDS), stage.receiver.came:
            await stage.receiver.came.wait_for(lambda: len(stage.receiver.heard) > heard)
        with unwritable(daemon.pid):
            stage.receiver.open.set()
            await daemon.logged("outcomes_not_written")
            await stage.listed(4)
        await daemon.logged("outcomes_written")
        await stage.told(daemon)
        assert said(daemon)["outcomes_not_written", "hook"] == 1
        assert max(said(daemon).values()) == 1, said(daemon)


async def test_a_full_disk_costs_no_event_and_ends_without_a_restart(
    small_disk: Path, tmp_path: Path
) -> None:
    async with staged(tmp_path, small_disk) as stage, syncd("run", "--config", stage.config) as daemon:
        await daemon.logged("synced")
        ballast = small_disk / "ballast"
        with ballast.open("wb", buffering=0) as file:
            while os.statvfs(small_disk).f_bavail:
                file.write(b"x" * 4096)
        stage.sim.world.fill("lab", "cn-a", 300)
        assert "the disk is full" in (await daemon.logged("database_failed"))["error"]
        await stage.listed(4)
        ballast.unlink()
        await daemon.logged("database_recovered")
        await stage.told(daemon)
        assert max(said(daemon).values()) == 1, said(daemon)


@pytest.mark.parametrize("new", [True, False])
async def test_on_a_full_disk_it_does_not_start_and_says_why(
    small_disk: Path, tmp_path: Path, new: bool
) -> None:
    async with staged(tmp_path, small_disk) as stage:
        if not new:
            async with syncd("run", "--config", stage.config) as daemon:
                await daemon.logged("synced")
                await stage.told(daemon)
            for file in small_disk.glob("*.lock"):
                file.unlink()
        ballast = small_disk / "ballast"
        with ballast.open("wb", buffering=0) as file:
            while os.statvfs(small_disk).f_bavail:
                file.write(b"x" * 4096)
        async with syncd("run", "--config", stage.config) as refused:
            assert await refused.exit_code() == 5
            assert "No space left on device" in refused.stderr[0] or "the disk is full" in refused.stderr[0]
            assert "free some space" in refused.stderr[1]
            assert len(refused.stderr) == 2
        ballast.unlink()
        async with syncd("run", "--config", stage.config) as again:
            await again.logged("ready")
            stage.share()
            await stage.told(again)


async def test_a_file_locked_for_longer_than_a_write_waits_is_named_once(tmp_path: Path) -> None:
    async with staged(tmp_path, tmp_path) as stage, syncd("run", "--config", stage.config) as daemon:
        await daemon.logged("synced")
        await stage.rested()
        with closing(sqlite3.connect(stage.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            stage.share()
            assert "keeps it locked" in (await daemon.logged("database_failed"))["error"]
            await stage.listed(2)  # each waited ten seconds for the lock
            other.execute("ROLLBACK")
        await daemon.logged("database_recovered")
        await stage.told(daemon)
        assert said(daemon)["database_failed", None] == 1
        assert max(said(daemon).values()) == 1, said(daemon)


@pytest.mark.parametrize("with_companions", [False, True])
async def test_a_deleted_file_ends_it_with_5_and_a_copy_put_back_goes_on(
    tmp_path: Path, with_companions: bool
) -> None:
    async with staged(tmp_path, tmp_path) as stage:
        copy = tmp_path / "copy.db"
        async with syncd("run", "--config", stage.config) as daemon:
            await daemon.logged("synced")
            await stage.listed()
            async with syncd("db", "backup", str(copy), "--config", stage.config) as backup:
                assert await backup.exit_code() == 0
            for suffix in ("", "-wal", "-shm") if with_companions else ("",):
                stage.path.with_name(stage.path.name + suffix).unlink()
            assert await daemon.exit_code() == 5
            assert f"{stage.path} does not exist" in "\n".join(daemon.stderr)
            assert not stage.path.exists()
        for suffix in ("-wal", "-shm"):
            stage.path.with_name(stage.path.name + suffix).unlink(missing_ok=True)
        copy.rename(stage.path)
        async with syncd("run", "--config", stage.config) as again:
            await again.logged("ready")
            stage.share()
            await stage.told(again)


async def test_a_file_that_rots_under_it_ends_it_with_5_and_a_remedy(tmp_path: Path) -> None:
    async with staged(tmp_path, tmp_path) as stage, syncd("run", "--config", stage.config) as daemon:
        await daemon.logged("synced")
        stage.sim.world.fill("lab", "cn-a", 300)
        await daemon.logged("synced", 2)
        with closing(sqlite3.connect(stage.path)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with stage.path.open("r+b") as file:
            file.seek(4096)
            file.write(os.urandom(os.path.getsize(stage.path) - 4096))  # noqa: PTH202  # a number of bytes
        stage.sim.world.fill("lab", "cn-a", 300)
        assert await daemon.exit_code() == 5
        assert "damaged" in "\n".join(daemon.stderr)
        assert "backup" in "\n".join(daemon.stderr)
        assert len([line for line in daemon.stderr if not line.startswith("{")]) == 2


async def test_on_a_read_only_disk_it_does_not_start_and_reading_works(
    small_disk: Path, tmp_path: Path
) -> None:
    async with staged(tmp_path, small_disk) as stage:
        async with syncd("run", "--config", stage.config) as daemon:
            await daemon.logged("synced")
            await stage.told(daemon)
        remount(small_disk, "ro")
        async with syncd("run", "--config", stage.config) as refused:
            assert await refused.exit_code() == 5
            assert "Read-only file system" in refused.stderr[0]
            assert len(refused.stderr) == 2
        async with syncd("images", "--config", stage.config, "--format", "jsonl") as images:
            assert len((await images.stdout()).splitlines()) == 5
            assert await images.exit_code() == 0
        remount(small_disk, "rw")
        async with syncd("run", "--config", stage.config) as again:
            await again.logged("ready")
            stage.share()
            await stage.told(again)
