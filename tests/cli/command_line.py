"""The command line as a user has it: commands run as processes, with one configuration and a simulated cloud."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from syncd.simulator import Simulator
from tests.processes import Process, syncd

REGIONS = ("cn-a", "cn-b")
EVIL = "bad\x1b[31m\u202ename\n镜像"


class CommandLine:
    """Runs commands; ``said`` is what the last of them wrote to stderr."""

    def __init__(self, sim: Simulator, config: Path) -> None:
        self.sim = sim
        self.world = sim.world
        self.config = config
        self.db = config.with_name("syncd.db")
        self.said = ""

    async def run(self, *args: str | Path, code: int = 0) -> str:
        """Run a command that must end with ``code``; what it wrote to stdout."""
        async with syncd(*args, "--config", self.config) as process:
            output = await process.stdout()
            exit_code = await process.exit_code()
            self.said = "\n".join(process.stderr)
        assert exit_code == code, f"{args}: exit {exit_code}, {output} {self.said}"
        return output

    async def rows(self, *args: str | Path, code: int = 0) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(await self.run(*args, "--format", "json", code=code))
        return rows


async def daemon_of(process: Process) -> None:
    await process.logged("ready")
    await process.logged("synced", 2)
