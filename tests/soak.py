"""`make soak`: thousands of syncs at full speed, with churn and faults; prints what grows, and what was told falsely.

python -m tests.soak --syncs 20000 --minutes 25
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from statistics import mean
from typing import Any
from urllib.request import Request, urlopen

from syncd.compshare.client import CompShare
from syncd.config import Config, load
from syncd.daemon import logs
from syncd.daemon.assembly import Observers, SystemClock, assemble
from syncd.model import Target
from syncd.sinks.sink import Delivered, Item, SendResult
from syncd.store.check import check_file
from syncd.store.engine import Database
from syncd.sync.accounts import Account
from syncd.sync.reconcile import active_targets, reconcile
from syncd.sync.report import SyncReport

FAULTS: tuple[dict[str, Any], ...] = (
    {"fault": "http_error", "status": 502}, {"fault": "html"}, {"fault": "truncated"}, {"fault": "null_list"},
    {"fault": "wrong_total"}, {"fault": "repeated_page"}, {"fault": "doubled_id"}, {"fault": "throttled"},
)  # fmt: skip
CHURN_EVERY = 20
WARM_UP = 0.2
"""The part of the run after which growth counts."""
MOST_GROWTH = {"memory_mb": 5.0, "descriptors": 2.0, "wal_mb": 1.0}
"""What may come on top of what was there after the warm-up: SQLite fills its caches, a connection is opened anew."""


class Taker:
    """A sink that takes everything."""

    group_wait = timedelta(0)
    longest_backoff = timedelta(hours=1)

    def __init__(self, name: str) -> None:
        self.name = name
        self.taken = 0

    async def send(self, items: Sequence[Item], away_since: datetime | None = None) -> SendResult:
        self.taken += len(items)
        return Delivered()

    async def aclose(self) -> None:
        return None


@contextmanager
def cloud(images: int) -> Iterator[str]:
    """A pretend CompShare in a process of its own; the configuration that it prints."""
    command = [sys.executable, "-m", "syncd.simulator", "--port", "0", "--images", str(images)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith('type = "log"'):
                break
        try:
            yield "".join(lines)
        finally:
            process.terminate()


def control(base: str, path: str, body: dict[str, Any] | None, method: str = "POST") -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(f"{base}/_control/{path}", data, method=method)) as answer:  # loopback
        return json.loads(answer.read() or b"null")


@dataclass
class World:
    """What the churn shared and took away again; only the latter may be called revoked."""

    base: str
    rng: random.Random
    shared: list[str] = field(default_factory=list)
    unshared: set[str] = field(default_factory=set)

    def churn(self) -> None:
        region = self.rng.choice(["cn-wlcb", "cn-sh2", "cn-bj2"])
        self.shared += control(self.base, "share", {"account": "lab", "region": region})["images"]
        if len(self.shared) > 20:
            image = self.shared.pop(self.rng.randrange(len(self.shared)))
            self.unshared.add(image)
            control(self.base, "unshare", {"account": "lab", "image": image})
        changed = {"image": self.rng.choice(self.shared), "status": self.rng.choice(["Making", "Available"])}
        control(self.base, "status", changed)
        if self.rng.random() < 0.8:
            control(self.base, "faults", {**self.rng.choice(FAULTS), "region": region, "times": 3})

    def shown(self, target: Target) -> set[str]:
        rows = control(self.base, f"images?account={target.account}&region={target.region}", None, "GET")
        return {row["CompShareImageId"] for row in rows}


async def soak(config: Config, syncs: int, seconds: float) -> int:
    """How much was found to be wrong."""
    world = World(config.api.base_url, random.Random(1))
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(assemble(config, SystemClock(), Observers()))
        parts.syncer.accounts = accounts = {name: impatient(config, name) for name in config.accounts}
        for account in accounts.values():
            stack.push_async_callback(account.cloud.aclose)
        counter = Taker("events")
        await parts.dispatcher.swap([counter], parts.syncer.settings.routes)
        delivering = asyncio.create_task(parts.dispatcher.run())
        await reconcile(parts.syncer)
        targets = await active_targets(parts.db)
        meter = Meter(config.database.path, syncs, seconds)
        while meter.goes_on:
            outcomes = await asyncio.gather(*(parts.syncer.sync(target) for target in targets))
            meter.count(outcomes)
            if meter.done % CHURN_EVERY < len(targets):
                await asyncio.to_thread(world.churn)
        control(world.base, "faults", None, "DELETE")
        for _ in range(3):
            await asyncio.gather(*(parts.syncer.sync(target) for target in targets))
        while await pending(parts.db):  # noqa: ASYNC110  # the end of a backlog does not ring
            await asyncio.sleep(0.1)
        delivering.cancel()
        await asyncio.wait([delivering])
        grown = meter.show(counter.taken)
        return grown + await judge(parts.db, world, targets, counter.taken)


def impatient(config: Config, name: str) -> Account:
    """An account whose client does not wait between its tries."""

    async def at_once(_: float) -> None:
        await asyncio.sleep(0)

    account = config.accounts[name]
    cloud = CompShare(account, config.api, sleep=at_once)
    return Account(name, cloud, config.api.base_url, account.project_id, account.regions)


async def pending(db: Database) -> int:
    async with db.read() as tx:
        ((count,),) = await tx.fetch("SELECT COUNT(*) FROM deliveries WHERE state = 'pending'")
    return int(count)


async def judge(db: Database, world: World, targets: Sequence[Target], taken: int) -> int:
    """False revocations, rows that differ from the cloud's, lost deliveries, faults of the file."""
    async with db.read() as tx:
        revoked = {
            row[0] for row in await tx.fetch("SELECT image_id FROM events WHERE type = 'image.revoked'")
        }
        owed = (await tx.fetch("SELECT COUNT(*) FROM deliveries"))[0][0]
        live = {tuple(row) for row in await tx.fetch("SELECT account, region, image_id FROM images")}
    shown = {(*target, image) for target in targets for image in world.shown(target)}
    wrong = {
        "false revocations": len(revoked - world.unshared),
        "rows that differ from the cloud": len(live ^ shown),
        "deliveries lost or doubled": abs(owed - taken),
        "problems of the file": len(check_file(db.path)),
    }
    for name, count in wrong.items():
        print(f"{name}: {count}")
    return sum(wrong.values())


class Meter:
    """Prints the figures of each tenth of the run."""

    def __init__(self, path: Path, syncs: int, seconds: float) -> None:
        self._path = path
        self._syncs = syncs
        self._seconds = seconds
        self._started = self._since = time.monotonic()
        self._used = time.process_time()
        self._reported = 0
        self._reported_at = 0
        self._figures: list[dict[str, float]] = []
        self._outcomes: Counter[str] = Counter()
        self.done = 0

    @property
    def goes_on(self) -> bool:
        return self._part() < 1

    def _part(self) -> float:
        return max(self.done / self._syncs, (time.monotonic() - self._started) / self._seconds)

    def count(self, reports: Sequence[SyncReport]) -> None:
        self.done += len(reports)
        self._outcomes.update(report.outcome for report in reports)
        if self._part() * 10 >= self._reported + 1:
            self._reported = int(self._part() * 10)
            self._figures.append(figures(self._path, self.done, self._times()))
            self._reported_at = self.done

    def _times(self) -> dict[str, float]:
        """Since the last figures; only that of the CPU is not the neighbours' doing."""
        since, used = self._since, self._used
        self._since, self._used = time.monotonic(), time.process_time()
        syncs = (self.done - self._reported_at) / 1000
        return {"ms_a_sync": (self._since - since) / syncs, "cpu_ms_a_sync": (self._used - used) / syncs}

    def show(self, delivered: int) -> int:
        """How much of it grew more than it may."""
        took = time.monotonic() - self._started
        outcomes = ", ".join(f"{count} {name}" for name, count in self._outcomes.most_common())
        print(f"{self.done} syncs in {took:.0f} s ({outcomes}), {delivered} events delivered")
        warm = self._figures[int(len(self._figures) * WARM_UP) :]
        if len(warm) < 2:
            return 0
        times = [figures["cpu_ms_a_sync"] for figures in self._figures]
        quarter = max(len(times) // 4, 1)
        first, last = mean(times[:quarter]), mean(times[-quarter:])
        print(f"ms of CPU a sync: {first:.1f} in the first quarter, {last:.1f} in the last")
        growth = {name: warm[-1][name] - warm[0][name] for name in ("file_mb", *MOST_GROWTH)}
        for name, by in growth.items():
            most = MOST_GROWTH.get(name)
            print(f"{name} since the warm-up: {by:+.1f}" + (f" (at most {most:+.1f})" if most else ""))
        return sum(growth[name] > most for name, most in MOST_GROWTH.items())


def figures(path: Path, done: int, times: dict[str, float]) -> dict[str, float]:
    gc.collect()
    status = Path("/proc/self/status").read_text()
    memory = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]  # Linux has it
    wal = path.with_name(path.name + "-wal")
    seen = {
        "memory_mb": memory,
        "descriptors": float(len(os.listdir("/proc/self/fd"))),  # names, not paths
        "wal_mb": wal.stat().st_size / 2**20 if wal.exists() else 0.0,
        "file_mb": path.stat().st_size / 2**20,
        **times,
    }
    print(f"{done:>7} syncs  " + "  ".join(f"{name} {value:.1f}" for name, value in seen.items()), flush=True)
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--syncs", type=int, default=20_000)
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--images", type=int, default=120)
    given = parser.parse_args()
    logs.configure("critical")
    with cloud(given.images) as printed, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.toml"
        path.touch(mode=0o600)
        path.write_text(re.sub(r"(?m)^path = .*$", f'path = "{folder}/syncd.db"', printed))
        config = load(path, {})
        config = replace(config, api=replace(config.api, rate=1e9, retries=0))
        sys.exit(bool(asyncio.run(soak(config, given.syncs, given.minutes * 60))))


if __name__ == "__main__":
    main()
