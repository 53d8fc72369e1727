from __future__ import annotations

import asyncio
import json
import random
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from syncd.simulator import Fault, Simulator, World, lean_fields
from syncd.store import requests
from syncd.store.check import check_file
from tests.processes import WAIT_SECONDS, syncd, write_config

REGIONS = ("cn-wlcb", "cn-sh2")


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    world = World(invent=lean_fields)
    for region in REGIONS:
        world.add_region(region)
    world.add_account("lab")
    world.fill("lab", "*", 5)
    async with Simulator(world) as running:
        yield running


def live(path: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as db:
        return set(db.execute("SELECT region, image_id FROM images"))


def shown(world: World) -> set[tuple[str, str]]:
    return {(region, image) for region in world.regions for image in world.shared("lab", region)}


async def written(path: Path, lines: int) -> None:
    """What is not delivered when it stops is at the next start, and no line of the log tells that it is."""
    async with asyncio.timeout(WAIT_SECONDS):
        while path.read_bytes().count(b"\n") < lines:  # noqa: ASYNC110  # a file tells nobody
            await asyncio.sleep(0.01)


async def test_it_tells_what_happens_and_stops_with_exit_code_0(sim: Simulator, tmp_path: Path) -> None:
    config = write_config(tmp_path, sim, f'[sinks.file]\ntype = "log"\npath = "{tmp_path}/events.jsonl"\n')
    async with syncd("run", "--config", config) as daemon:
        await daemon.logged("ready")
        await daemon.logged("synced", 2)
        image = sim.world.share("lab", "*", Name="新镜像")
        await daemon.logged("synced", 4)
        await written(tmp_path / "events.jsonl", 2)
        daemon.signal(signal.SIGTERM)
        assert await daemon.exit_code() == 0
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [event["type"] for event in events] == ["sync.baseline", "image.shared"]
    assert events[1]["subject"] == image
    assert live(tmp_path / "syncd.db") == shown(sim.world)


async def test_a_second_daemon_on_the_file_names_the_first_and_ends_with_5(
    sim: Simulator, tmp_path: Path
) -> None:
    config = write_config(tmp_path, sim)
    async with syncd("run", "--config", config) as first:
        await first.logged("ready")
        async with syncd("run", "--config", config) as second:
            assert await second.exit_code() == 5
            assert str(first.pid) in "\n".join(second.stderr)
            assert len(second.stderr) <= 2


async def test_a_kill_in_the_middle_loses_nothing_and_leaves_history_and_state_agreed(
    sim: Simulator, tmp_path: Path
) -> None:
    config = write_config(tmp_path, sim)
    rng = random.Random(1)
    for _ in range(4):
        async with syncd("run", "--config", config) as daemon:
            await daemon.logged("ready")
            sim.world.fill("lab", "*", 30)
            for image in rng.sample(sorted(sim.world.shared("lab", "cn-wlcb")), 2):
                sim.world.unshare("lab", "*", image)
            await sim.requests.reach(len(sim.requests.select()) + rng.randrange(1, 6))
            daemon.signal(signal.SIGKILL)
            assert await daemon.exit_code() == -signal.SIGKILL
        assert not check_file(tmp_path / "syncd.db")
    async with syncd("sync", "--config", config) as last:
        assert await last.exit_code() == 0
    assert live(tmp_path / "syncd.db") == shown(sim.world)
    assert not check_file(tmp_path / "syncd.db")


async def test_a_reload_follows_the_new_configuration(sim: Simulator, tmp_path: Path) -> None:
    config = write_config(tmp_path, sim, regions='regions = ["cn-wlcb"]')
    async with syncd("run", "--config", config) as daemon:
        await daemon.logged("synced")
        write_config(tmp_path, sim, regions='regions = ["cn-sh2"]')
        daemon.signal(signal.SIGHUP)
        await daemon.logged("reloaded")
        assert (await daemon.logged("synced", 2))["region"] == "cn-sh2"
        assert {region for region, _ in live(tmp_path / "syncd.db")} == {"cn-sh2"}


async def test_a_reload_asks_the_new_gateway_at_once_when_the_old_one_hangs(
    sim: Simulator, tmp_path: Path
) -> None:
    config = write_config(tmp_path, sim, interval="1h")
    sim.faults.add(Fault("hang", on="zones", times=1))
    async with syncd("run", "--config", config) as daemon:
        await sim.requests.arrive(1, subject="zones")
        config.write_text(config.read_text().replace(sim.url, sim.url.replace("127.0.0.1", "localhost")))
        daemon.signal(signal.SIGHUP)
        await daemon.logged("reloaded")
        await daemon.logged("synced", 2)


async def test_a_first_sync_that_a_reload_cuts_off_begins_anew(sim: Simulator, tmp_path: Path) -> None:
    config = write_config(tmp_path, sim, interval="1h", regions='regions = ["cn-wlcb"]')
    sim.faults.add(Fault("hang", on="list", times=1))
    async with syncd("run", "--config", config) as daemon:
        await sim.requests.arrive(1, subject="list")
        config.write_text(config.read_text().replace("rate = 1000", "rate = 999"))
        daemon.signal(signal.SIGHUP)
        await daemon.logged("synced")


async def test_a_reload_keeps_the_level_of_the_command_line(sim: Simulator, tmp_path: Path) -> None:
    config = write_config(tmp_path, sim)
    async with syncd("--log-level", "debug", "run", "--config", config) as daemon:
        await daemon.logged("ready")
        daemon.signal(signal.SIGHUP)
        await daemon.logged("reloaded")
        seen = len(daemon.lines("sync"))
        await daemon.logged("sync", seen + 1)


async def test_a_faulty_reload_changes_nothing_and_says_why(sim: Simulator, tmp_path: Path) -> None:
    config = write_config(tmp_path, sim)
    async with syncd("run", "--config", config) as daemon:
        await daemon.logged("synced", 2)
        config.write_text(config.read_text() + "[guard]\nmn = 3\n")
        daemon.signal(signal.SIGHUP)
        refused = await daemon.logged("reload_failed")
        assert "guard.mn" in refused["faults"][0]
        sim.world.share("lab", "cn-wlcb")
        await daemon.logged("synced", 3)


async def test_a_second_signal_is_obeyed_at_once(sim: Simulator, tmp_path: Path) -> None:
    arrived = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        arrived.set()
        await asyncio.Event().wait()
        raise AssertionError

    app = web.Application()
    app.router.add_post("/", hang)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    config = write_config(tmp_path, sim, f'[sinks.hook]\ntype = "webhook"\nurl = "{url}"\n')
    try:
        async with syncd("run", "--config", config) as daemon:
            await asyncio.wait_for(arrived.wait(), 20)
            daemon.signal(signal.SIGINT)
            await daemon.logged("stopping")
            daemon.signal(signal.SIGINT)
            assert await daemon.exit_code() == 128 + signal.SIGINT
    finally:
        await runner.cleanup()


async def test_a_failing_region_is_said_once_and_the_other_goes_on(sim: Simulator, tmp_path: Path) -> None:
    config = write_config(tmp_path, sim).with_name("config.toml")
    config.write_text(config.read_text().replace("rate = 1000", "rate = 1000\nretries = 0"))
    async with syncd("run", "--config", config) as daemon:
        await daemon.logged("synced", 2)
        fault = sim.faults.add(Fault("http_error", status=502, region="cn-sh2"))
        failed = await daemon.logged("sync_failed")
        assert (failed["region"], failed["class"]) == ("cn-sh2", "unreachable")
        sim.world.share("lab", "cn-wlcb")
        await daemon.logged("synced", 3)
        fault.remove()
        await daemon.logged("sync_recovered")
        assert len(daemon.lines("sync_failed")) == 1


@pytest.mark.parametrize("wrecked", [b"this is no database" * 100, b""])
async def test_a_file_that_cannot_be_used_ends_it_with_5_or_is_made_anew(
    wrecked: bytes, sim: Simulator, tmp_path: Path
) -> None:
    config = write_config(tmp_path, sim)
    (tmp_path / "syncd.db").write_bytes(wrecked)
    async with syncd("run", "--config", config) as daemon:
        if wrecked:
            assert await daemon.exit_code() == 5
            assert len(daemon.stderr) == 2
        else:
            await daemon.logged("ready")


async def test_a_deleted_file_ends_it_with_5(sim: Simulator, tmp_path: Path) -> None:
    config = write_config(tmp_path, sim)
    async with syncd("run", "--config", config) as daemon:
        await daemon.logged("synced", 2)
        (tmp_path / "syncd.db").unlink()
        assert await daemon.exit_code() == 5


@pytest.mark.slow
async def test_a_request_is_answered_when_a_locked_file_is_free_again(sim: Simulator, tmp_path: Path) -> None:
    config = write_config(tmp_path, sim, interval="1h", regions='regions = ["cn-wlcb", "cn-sh2"]')
    path = tmp_path / "syncd.db"
    async with syncd("run", "--config", config) as daemon:
        await daemon.logged("synced", 2)
        asked = requests.submit(path, "sync", {}, datetime.now(UTC))
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await daemon.logged("database_failed")
        await daemon.logged("database_recovered")
        await daemon.logged("request")
        async with asyncio.timeout(WAIT_SECONDS):
            while not isinstance(answer := requests.look(path, asked), requests.Answered):  # noqa: ASYNC110
                await asyncio.sleep(0)  # an answer in a file does not ring
        assert answer.exit_code == 0
