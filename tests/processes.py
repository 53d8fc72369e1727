"""Real syncd processes: started, watched line by line, signalled, and always ended with the test."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from syncd.simulator import Simulator

WAIT_SECONDS = 30.0
"""Seconds until a test gives up on a process."""


class Process:
    """A running `syncd`; its log is read as it comes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = process.pid
        self.log: list[dict[str, Any]] = []
        self.stderr: list[str] = []
        self._more = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())
        self._stdout = asyncio.create_task(self._read_stdout())

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def logged(self, event: str, count: int = 1) -> dict[str, Any]:
        """The ``count``-th line of the log with this event."""
        async with asyncio.timeout(WAIT_SECONDS), self._more:
            await self._more.wait_for(lambda: len(self.lines(event)) >= count or self._reader.done())
        found = self.lines(event)
        assert len(found) >= count, f"no {event} in {self.stderr}"
        return found[count - 1]

    def lines(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.log if line.get("event") == event]

    async def exit_code(self) -> int:
        async with asyncio.timeout(WAIT_SECONDS):
            await self._reader
            return await self._process.wait()

    async def stdout(self) -> str:
        async with asyncio.timeout(WAIT_SECONDS):
            return (await self._stdout).decode()

    async def end(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await asyncio.wait([self._reader, self._stdout])
        await self._process.wait()

    async def _read(self) -> None:
        assert self._process.stderr is not None
        async for raw in self._process.stderr:
            line = raw.decode().rstrip("\n")
            async with self._more:
                self.stderr.append(line)
                if line.startswith("{"):
                    self.log.append(json.loads(line))
                self._more.notify_all()
        async with self._more:
            self._more.notify_all()

    async def _read_stdout(self) -> bytes:
        assert self._process.stdout is not None
        return await self._process.stdout.read()


@asynccontextmanager
async def syncd(*args: str | Path, under: Sequence[str] = (), **environ: str) -> AsyncIterator[Process]:
    """``under``: a command that runs the rest of its line."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR")}
    process = Process(
        await asyncio.create_subprocess_exec(
            *under, sys.executable, "-m", "syncd", *map(str, args),
            env=kept | environ, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )
    )  # fmt: skip
    try:
        yield process
    finally:
        await process.end()


def write_config(
    folder: Path, sim: Simulator, more: str = "", *, interval: str = "1s", regions: str = ""
) -> Path:
    """A configuration of every account of the simulator, with the database beside it."""
    accounts = "".join(
        f'[accounts.{one.name}]\npublic_key = "{one.public_key}"\nprivate_key = "{one.private_key}"\n{regions}\n'
        for one in sim.world.accounts
    )
    path = folder / "config.toml"
    path.touch(mode=0o600)
    path.write_text(
        f'[database]\npath = "{folder}/syncd.db"\n[schedule]\ninterval = "{interval}"\njitter = "0s"\n'
        f'[api]\nbase_url = "{sim.url}"\nrate = 1000\n{accounts}{more}'
    )
    return path
