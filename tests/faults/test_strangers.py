"""Whoever shares an image writes its texts: they reach the file and the commands as nothing but texts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from syncd.simulator import Simulator, World, lean_fields
from tests.processes import syncd, write_config

pytestmark = pytest.mark.slow

HOSTILE = "Robert'); DROP TABLE image_rows;--\" ? :name %s {{7*7}} ${IFS} \x1b[2J\u202e\x9b31m\x00 <!channel>"
OBEYED = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


async def test_a_hostile_image_changes_nothing_and_is_found_by_its_name(tmp_path: Path) -> None:
    world = World(invent=lean_fields)
    world.add_region("cn-a")
    world.add_account("lab")
    image = world.share("lab", "cn-a", Name=HOSTILE, Description=HOSTILE, Author=HOSTILE, Tags=[HOSTILE])
    async with Simulator(world) as sim:
        sink = f'[sinks.file]\ntype = "log"\npath = "{tmp_path}/events.jsonl"\nbaseline = true\n'
        config = write_config(tmp_path, sim, sink, regions='regions = ["cn-a"]')

        async def said(*command: str, code: int = 0) -> str:
            async with syncd(*command, "--config", config) as process:
                assert await process.exit_code() == code, process.stderr
                return await process.stdout() + "\n".join(process.stderr)

        await said("sync")
        (row,) = map(json.loads, (await said("images", "--format", "jsonl")).splitlines())
        assert row["name"] == HOSTILE
        for option in ("--name", "--owner"):
            await said("images", option, HOSTILE.replace("\x00", ""))
        for option in ("--status", "--account", "--region"):
            refused = await said("images", option, HOSTILE.replace("\x00", ""), code=2)
            assert OBEYED.search(refused) is None
        assert image in await said("images", "--name", "Robert'); DROP TABLE*")
        for command in (("images",), ("image", image), ("events",), ("status",), ("runs",), ("deliveries",)):
            assert OBEYED.search(await said(*command)) is None
        await said("image", "x' OR '1'='1", code=2)
        await said("db", "check")
    assert OBEYED.search((tmp_path / "events.jsonl").read_text().replace("\n", "")) is None
