"""10,000 waiting events of 2,000 images to a receiver in a process of its own, beside a bare loop of posts.

`python -m tests.bench.deliveries ROLE …`: `receiver`, `syncd FOLDER` or `bare FOLDER URL`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from syncd.config import load
from syncd.daemon import logs
from syncd.daemon.assembly import Observers, SystemClock, assemble
from syncd.delivery.sender import MAX_IN_FLIGHT
from syncd.model import Change, Route, SinkFilter, Target
from syncd.store import migrate, outbox
from syncd.store.engine import Database
from tests.bench import large
from tests.bench.meter import Cost, metered

IMAGES = 2_000
EVENTS = 10_000
CONTESTANTS = {"bare": f"bare aiohttp, {MAX_IN_FLIGHT} posts in flight", "syncd": "syncd, signed and settled"}


def show(repeats: int) -> None:
    """syncd and the bare loop take turns, so that each pair of runs meets the same machine."""
    costs: dict[str, list[dict[str, Any]]] = {contestant: [] for contestant in CONTESTANTS}
    with tempfile.TemporaryDirectory(prefix="syncd-bench-") as name, _receiver() as url:
        folder = Path(name)
        _configure(folder, url)
        asyncio.run(_fill(folder / "waiting.db"))
        for _ in range(repeats):
            for contestant, runs in costs.items():
                runs.append(_run(contestant, name, url))
    head = "least / median / most"
    print(f"\n{EVENTS:,} deliveries to a receiver on loopback, {repeats} runs of each in turn")
    print(f"{'':<44} {f'a second, {head}':>33} {f'CPU µs each, {head}':>36}")
    for contestant, runs in costs.items():
        rates = _spread([EVENTS / run["wall"] for run in runs], ",.0f")
        cpu = _spread([run["cpu"] / EVENTS * 1e6 for run in runs], ".0f")
        print(f"{CONTESTANTS[contestant]:<44} {rates:>33} {cpu:>36}")
    print(f"{'ratio of each pair':<44} {_ratios(costs, 'wall'):>33} {_ratios(costs, 'cpu'):>36}")


def _ratios(costs: dict[str, list[dict[str, Any]]], cost: str) -> str:
    """What the bare loop needs as a part of what syncd needs in the run after it; 1 is as good as the bare loop."""
    return _spread(
        [bare[cost] / ours[cost] for bare, ours in zip(costs["bare"], costs["syncd"], strict=True)], ".2f"
    )


def _spread(values: list[float], form: str) -> str:
    return " / ".join(format(value, form) for value in (min(values), statistics.median(values), max(values)))


def _run(contestant: str, folder: str, url: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.deliveries", contestant, folder, url]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    cost: dict[str, Any] = json.loads(done.stdout)
    return cost


@contextmanager
def _receiver() -> Iterator[str]:
    command = [sys.executable, "-m", "tests.bench.deliveries", "receiver"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


async def _receive() -> None:
    async def answer(request: web.BaseRequest) -> web.Response:
        await request.read()
        return web.Response()

    server = await asyncio.get_running_loop().create_server(web.Server(answer), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", flush=True)
    await server.serve_forever()


def _configure(folder: Path, url: str) -> None:
    path = folder / "config.toml"
    path.touch(mode=0o600)
    path.write_text(
        f'[database]\npath = "{folder}/syncd.db"\n'
        '[accounts.lab]\npublic_key = "public"\nprivate_key = "private"\nregions = ["cn-1"]\n'
        f'[sinks.hook]\ntype = "webhook"\nurl = "{url}"\nsecrets = ["whsec_{"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}"]\n'
    )


async def _fill(path: Path) -> None:
    """Each image's status changes five times."""
    now = datetime.now(UTC)
    images = [next(rows)[0][1] for rows in [large.placed(random.Random(1))] for _ in range(IMAGES)]
    target = Target("lab", "cn-1")
    drafts = [
        large.changed(
            "image.status_changed",
            target,
            images[number % IMAGES],
            now,
            Change("status", "Making", "Available"),
        )
        for number in range(EVENTS)
    ]
    await migrate.upgrade(path)
    db = await Database.open(path)
    async with db.write() as tx:
        await outbox.append(tx, drafts, [Route("hook", SinkFilter())])
    await db.close()


async def _deliver(folder: Path) -> Cost:
    """As the daemon does, until all is settled."""
    shutil.copy(folder / "waiting.db", folder / "syncd.db")
    delivered: list[object] = []
    all_of_them = asyncio.Event()
    observers = Observers()

    def count(record: object) -> None:
        delivered.append(record)
        if len(delivered) == EVENTS:
            all_of_them.set()

    observers.deliveries.append(count)
    async with assemble(load(folder / "config.toml", {}), SystemClock(), observers) as parts:
        gc.freeze()  # as `syncd run` does
        async with metered() as cost:
            task = asyncio.create_task(parts.dispatcher.run())
            await all_of_them.wait()
        task.cancel()
        await asyncio.wait([task])
    with closing(sqlite3.connect(folder / "syncd.db")) as connection:
        states = connection.execute("SELECT state, COUNT(*) FROM deliveries GROUP BY state").fetchall()
    assert states == [("delivered", EVENTS)], states
    return cost


async def _post(folder: Path, url: str) -> Cost:
    with closing(sqlite3.connect(folder / "waiting.db")) as connection:
        bodies = [body.encode() for (body,) in connection.execute("SELECT body FROM events ORDER BY seq")]
    left = iter(bodies)
    gc.freeze()
    headers = {"Content-Type": "application/json"}

    async def lane(session: aiohttp.ClientSession) -> None:
        for body in left:
            async with session.post(url, data=body) as response:
                await response.read()

    async with aiohttp.ClientSession(headers=headers) as session, metered() as cost:
        await asyncio.gather(*(lane(session) for _ in range(MAX_IN_FLIGHT)))
    return cost


def main() -> None:
    role, *more = sys.argv[1:]
    if role == "receiver":
        asyncio.run(_receive())
        return
    logs.configure("critical")
    folder = Path(more[0])
    cost = asyncio.run(_deliver(folder) if role == "syncd" else _post(folder, more[1]))
    print(json.dumps(cost.as_json()))


if __name__ == "__main__":
    main()
