"""A pretend cloud of one region and a few images, and the wait for a file that shows it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from syncd.simulator import Simulator, World, lean_fields


@asynccontextmanager
async def one_region() -> AsyncIterator[Simulator]:
    world = World(invent=lean_fields)
    world.add_region("cn-a")
    world.add_account("lab")
    world.fill("lab", "cn-a", 5)
    async with Simulator(world) as running:
        yield running


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
