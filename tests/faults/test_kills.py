"""SIGKILL at random instants, with syncs and deliveries under way: nothing is lost, doubled or out of order."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from syncd.simulator import Simulator, World, lean_fields
from syncd.store.check import check_file
from tests.processes import syncd, write_config

REGIONS = ("cn-a", "cn-b")
RUNS = int(os.environ.get("SYNCD_KILLS", "40"))


class Receiver:
    """Takes nine requests of ten; some of those it refuses it has heard, as a receiver that times out has."""

    def __init__(self, rng: random.Random) -> None:
        self.heard: list[dict[str, Any]] = []
        self.refuses = 0.1
        self._rng = rng

    async def take(self, request: web.Request) -> web.Response:
        event = json.loads(await request.read())
        refused = self._rng.random() < self.refuses
        if not refused or self._rng.random() < 0.5:
            self.heard.append(event)
        return web.Response(status=503 if refused else 204)


def churn(world: World, rng: random.Random) -> None:
    for _ in range(rng.randrange(1, 8)):
        shown = sorted(world.shared("lab", "cn-a"))
        deed = rng.randrange(4)
        if deed == 0 or len(shown) < 120:
            world.share("lab", rng.choice(["*", "cn-a", "cn-b"]))
        elif deed == 1:
            world.unshare("lab", "*", rng.choice(shown))
        elif deed == 2:
            world.set_status(rng.choice(shown), rng.choice(["Making", "Available", "Offline"]))
        else:
            world.rename(rng.choice(shown), f"renamed {rng.randrange(1000)}")


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_kills_at_random_lose_double_and_reorder_nothing(tmp_path: Path) -> None:
    rng = random.Random(7)
    world = World(invent=lean_fields)
    for region in REGIONS:
        world.add_region(region)
    world.add_account("lab")
    world.fill("lab", "*", 150)
    receiver = Receiver(rng)
    app = web.Application()
    app.router.add_post("/", receiver.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook = f'[sinks.hook]\ntype = "webhook"\nurl = "http://127.0.0.1:{runner.addresses[0][1]}/"\n'
    hook += 'events = ["image.*"]\nscope = "region"\nbaseline = true\n'
    path = tmp_path / "syncd.db"
    try:
        async with Simulator(world) as sim:
            config = write_config(tmp_path, sim, hook)
            for _ in range(RUNS):
                churn(world, rng)
                async with syncd("run", "--config", config) as daemon:
                    await daemon.logged("ready")
                    await sim.requests.reach(len(sim.requests.select()) + rng.randrange(1, 8))
                    churn(world, rng)
                    daemon.signal(signal.SIGKILL)
                    await daemon.exit_code()
                assert not check_file(path)
            receiver.refuses = 0
            await settle(config, path)
    finally:
        await runner.cleanup()
    hold(path, world, receiver)


async def settle(config: Path, path: Path) -> None:
    """Rounds without a kill until all is told and delivered."""
    for _ in range(40):
        async with syncd("sync", "--config", config) as once:
            code = await once.exit_code()
        if code == 4:  # kills kept it from committing for so long that too many went at once
            async with syncd("held", "release", "--all", "--config", config) as release:
                code = await release.exit_code()
        assert code == 0
        with closing(sqlite3.connect(path)) as db:
            # A sink that backs off is due again in seconds; time is not what this test is about.
            db.execute("UPDATE sinks SET next_attempt_at = NULL")
            db.commit()
            if not db.execute("SELECT 1 FROM deliveries WHERE state = 'pending'").fetchone():
                return
    raise AssertionError("deliveries stay pending")


def hold(path: Path, world: World, receiver: Receiver) -> None:
    with closing(sqlite3.connect(path)) as db:
        live = set(db.execute("SELECT region, image_id FROM images"))
        recorded = dict(db.execute("SELECT id, seq FROM events WHERE type LIKE 'image.%'"))
    assert live == {(region, image) for region in REGIONS for image in world.shared("lab", region)}
    assert not check_file(path)
    assert {event["id"] for event in receiver.heard} == recorded.keys()
    first_heard: dict[str, list[int]] = defaultdict(list)
    seen: set[str] = set()
    for event in receiver.heard:
        if event["id"] not in seen:
            seen.add(event["id"])
            first_heard[event["subject"]].append(recorded[event["id"]])
    assert all(numbers == sorted(numbers) for numbers in first_heard.values())
