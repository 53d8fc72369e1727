from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from syncd.simulator import Simulator, World, lean_fields
from tests.cli.command_line import EVIL, REGIONS, CommandLine
from tests.processes import write_config


@pytest.fixture
async def cli(tmp_path: Path) -> AsyncIterator[CommandLine]:
    """Four images in both regions, one more in the first; a sink that writes a file."""
    world = World(invent=lean_fields)
    for region in REGIONS:
        world.add_region(region)
    world.add_account("lab")
    world.fill("lab", "*", 4)
    world.share("lab", "cn-a", Name=EVIL, Status="Making")
    async with Simulator(world) as sim:
        sinks = f'[sinks.file]\ntype = "log"\npath = "{tmp_path}/events.jsonl"\n'
        yield CommandLine(sim, write_config(tmp_path, sim, sinks))
