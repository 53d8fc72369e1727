"""The daemon as a process: how soon it is ready, how soon news is out, what it costs while nothing happens."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from tests.bench.cloud import cloud, control
from tests.bench.listings import contestant
from tests.bench.meter import peak_mb
from tests.processes import Process, syncd

STARTS = 5
CHANGES = 10
INTERVAL = 2.0
"""Seconds between the syncs of the daemon that announces changes."""
SETTLED = 15.0
"""Seconds that a daemon gets before it counts as idle."""
TICK = os.sysconf("SC_CLK_TCK")


def start_up(large: int) -> None:
    """``large``: images of the database that it also starts on."""
    print(f"\n{'':<44} {'ms':>7} {'CPU ms':>7} {'MB':>5}")
    wall, cpu = _child("--help")
    print(f"{'syncd --help':<44} {wall * 1000:>7.0f} {cpu * 1000:>7.0f}")
    with tempfile.TemporaryDirectory(prefix="syncd-bench-") as folder, cloud(Path(folder), 20, regions=3):
        _started(Path(folder), "start to ready, on a new file", anew=True)
        _started(Path(folder), "start to ready, on that file")
        waits = asyncio.run(_announced(Path(folder)))
    with tempfile.TemporaryDirectory(prefix="syncd-bench-") as folder, cloud(Path(folder), large):
        contestant("first", folder, 1)
        _started(Path(folder), f"start to ready, {large:,} images stored")
    print(
        f"{f'a change to the webhook, interval {INTERVAL:.0f} s':<44} {statistics.median(waits) * 1000:>7.0f}"
        f" median, worst less the interval {(max(waits) - INTERVAL) * 1000:.0f} ms"
    )


def _started(folder: Path, name: str, *, anew: bool = False) -> None:
    """The quickest of several starts, which do not sync at once; each on a new file if ``anew``."""
    starts = []
    for _ in range(STARTS):
        if anew:
            for left in folder.glob("syncd.db*"):
                left.unlink()
        starts.append(asyncio.run(_ready(folder)))
    wall, cpu, memory = min(starts)
    print(f"{name:<44} {wall * 1000:>7.0f} {cpu * 1000:>7.0f} {memory:>5.0f}", flush=True)


def _child(*arguments: str) -> tuple[float, float]:
    """Wall and CPU of the quickest of several runs."""
    costs = []
    for _ in range(STARTS):
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run([sys.executable, "-m", "syncd", *arguments], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        costs.append((time.perf_counter() - started, cpu))
    return min(costs)


async def _ready(folder: Path) -> tuple[float, float, float]:
    """Wall and CPU in seconds, and resident MB."""
    config = _configured(folder, 60, "run_on_start = false")
    started = time.perf_counter()
    async with syncd("run", "--config", config) as process:
        await process.logged("ready")
        wall = time.perf_counter() - started
        return wall, _cpu(process), _resident_mb(process)


async def _announced(folder: Path) -> list[float]:
    """Seconds from each of a few changes at odd moments to its webhook."""
    arrived: asyncio.Queue[float] = asyncio.Queue()

    async def receive(request: web.BaseRequest) -> web.Response:
        await request.read()
        arrived.put_nowait(time.perf_counter())
        return web.Response()

    async with _served(receive) as url:
        config = _configured(
            folder, INTERVAL, 'jitter = "0s"', f'[sinks.hook]\ntype = "webhook"\nurl = "{url}"\n'
        )
        async with syncd("run", "--config", config) as process:
            await process.logged("ready")
            await asyncio.sleep(2 * INTERVAL)
            while not arrived.empty():
                arrived.get_nowait()
            base = re.search(r'base_url = "(.*)"', config.read_text())
            assert base is not None
            waits = []
            for number in range(CHANGES):
                await asyncio.sleep(INTERVAL * number / CHANGES)
                changed = time.perf_counter()
                await asyncio.to_thread(control, base[1], "share", {"account": "lab", "region": "cn-1"})
                waits.append(await arrived.get() - changed)
    return waits


@asynccontextmanager
async def _served(handler: object) -> AsyncIterator[str]:
    server = await asyncio.get_running_loop().create_server(web.Server(handler), "127.0.0.1", 0)  # type: ignore[arg-type]
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


def _configured(folder: Path, interval: float, schedule: str = "", more: str = "") -> Path:
    """The cloud's configuration with another schedule, in a file of its own."""
    path = folder / "daemon.toml"
    path.touch(mode=0o600)
    printed = (folder / "config.toml").read_text()
    planned = f'interval = "{interval:g}s"\n{schedule}'
    path.write_text(re.sub(r"(?m)^interval = .*$", planned, printed) + more)
    return path


def idling(seconds: float = 60.0) -> None:
    """A daemon between two syncs, one of a small user, and one of 1,000 targets."""
    head = f"a daemon over {seconds:.0f} s"
    print(f"\n{head:<44} {'CPU %':>7} {'busiest second %':>17} {'wake-ups/s':>11} {'MB':>5} {'peak MB':>8}")
    for name, images, accounts, regions, interval in (
        ("3 targets of 333 images, between two syncs", 333, 1, 3, 3600.0),
        ("3 targets of 333 images, every minute", 333, 1, 3, 60.0),
        ("1,000 targets of 20 images, every minute", 20, 100, 10, 60.0),
    ):
        with (
            tempfile.TemporaryDirectory(prefix="syncd-bench-") as folder,
            cloud(Path(folder), images, accounts=accounts, regions=regions),
        ):
            settled = SETTLED if accounts == 1 else SETTLED + 2 * interval
            print(f"{name:<44} {asyncio.run(_watched(Path(folder), interval, settled, seconds))}", flush=True)


async def _watched(folder: Path, interval: float, settled: float, seconds: float) -> str:
    async with syncd("run", "--config", _configured(folder, interval)) as process:
        await process.logged("ready")
        await asyncio.sleep(settled)
        cpu, wakes, started = _cpu(process), _wakes(process), time.perf_counter()
        busiest = 0.0
        while time.perf_counter() - started < seconds:
            before = _cpu(process)
            await asyncio.sleep(1)
            busiest = max(busiest, _cpu(process) - before)
        took = time.perf_counter() - started
        return (
            f"{(_cpu(process) - cpu) / took * 100:>7.2f} {busiest * 100:>17.0f}"
            f" {(_wakes(process) - wakes) / took:>11.1f} {_resident_mb(process):>5.0f} {peak_mb(process.pid):>8.0f}"
        )


def _cpu(process: Process) -> float:
    """Seconds of CPU so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def _resident_mb(process: Process) -> float:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def _wakes(process: Process) -> int:
    """How often its threads went to sleep of their own accord, and so woke up."""
    return sum(
        int(found[1])
        for status in Path(f"/proc/{process.pid}/task").glob("*/status")
        if (found := re.search(r"\nvoluntary_ctxt_switches:\s+(\d+)", status.read_text()))
    )
