"""`make soak`: thousands of syncs at full speed, with churn and faults; prints what grows, asserts nothing.

python -m tests.soak --syncs 20000 --minutes 15
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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from syncd import logs
from syncd.assembly import Observers, SystemClock, assemble
from syncd.config import Config, load
from syncd.sinks.sink import Delivered, Item, Verdict
from syncd.store import upkeep
from syncd.sync.roster import active_targets, reconcile

FAULTS: tuple[dict[str, Any], ...] = (
    {"fault": "http_error", "status": 502}, {"fault": "html"}, {"fault": "truncated"}, {"fault": "null_list"},
    {"fault": "wrong_total"}, {"fault": "repeated_page"}, {"fault": "doubled_id"}, {"fault": "throttled"},
)  # fmt: skip
CHURN_EVERY = 20
WARM_UP = 0.2
"""The part of the run after which growth counts."""


class Counter:
    """A sink that takes everything."""

    group_wait = timedelta(0)
    longest_backoff = timedelta(hours=1)

    def __init__(self, name: str) -> None:
        self.name = name
        self.taken = 0

    async def send(self, items: Sequence[Item], away_since: datetime | None = None) -> Verdict:
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


def churn(base: str, rng: random.Random, shared: list[str]) -> None:
    region = rng.choice(["cn-wlcb", "cn-sh2", "cn-bj2"])
    found = control(base, "share", {"account": "lab", "region": region})
    shared += found["images"]
    if len(shared) > 20:
        control(base, "unshare", {"account": "lab", "image": shared.pop(rng.randrange(len(shared)))})
    if shared:
        control(base, "status", {"image": rng.choice(shared), "status": rng.choice(["Making", "Available"])})
    if rng.random() < 0.3:
        control(base, "faults", {**rng.choice(FAULTS), "region": region, "times": 3})


async def soak(config: Config, syncs: int, seconds: float) -> None:
    base = config.api.base_url
    rng = random.Random(1)
    shared: list[str] = []
    started = time.monotonic()
    async with assemble(config, SystemClock(), Observers()) as parts:
        counter = Counter("events")
        await parts.dispatcher.swap([counter], parts.syncer.settings.routes)
        delivering = asyncio.create_task(parts.dispatcher.run())
        await reconcile(parts.db, parts.accounts)
        targets = await active_targets(parts.db)
        done, reported, first, last = 0, 0, None, None
        while done < syncs and time.monotonic() - started < seconds:
            began = time.monotonic()
            await asyncio.gather(*(parts.syncer.sync(target) for target in targets))
            done += len(targets)
            if done % CHURN_EVERY < len(targets):
                await asyncio.to_thread(churn, base, rng, shared)
            part = max(done / syncs, (time.monotonic() - started) / seconds)
            if part * 10 >= reported + 1:
                reported = int(part * 10)
                last = figures(config.database.path, done, (time.monotonic() - began) / len(targets))
                first = first or (last if part >= WARM_UP else None)
        delivering.cancel()
        await asyncio.wait([delivering])
        print(f"{done} syncs in {time.monotonic() - started:.0f} s, {counter.taken} events delivered")
    if first is not None and last is not None:
        print(f"memory since the warm-up: {last['memory_mb'] - first['memory_mb']:+.1f} MB")
        print(f"file descriptors since the warm-up: {last['descriptors'] - first['descriptors']:+.0f}")
    print(f"problems found by the check: {len(upkeep.check(config.database.path))}")


def figures(path: Path, done: int, seconds: float) -> dict[str, float]:
    gc.collect()
    status = Path("/proc/self/status").read_text()
    memory = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]  # Linux has it
    wal = path.with_name(path.name + "-wal")
    seen = {
        "memory_mb": memory,
        "descriptors": float(len(os.listdir("/proc/self/fd"))),  # names, not paths
        "wal_mb": wal.stat().st_size / 2**20 if wal.exists() else 0.0,
        "file_mb": path.stat().st_size / 2**20,
        "ms_a_sync": seconds * 1000,
    }
    print(f"{done:>7} syncs  " + "  ".join(f"{name} {value:.1f}" for name, value in seen.items()), flush=True)
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--syncs", type=int, default=20_000)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--images", type=int, default=120)
    given = parser.parse_args()
    logs.configure("critical")
    with cloud(given.images) as printed, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.toml"
        path.touch(mode=0o600)
        path.write_text(re.sub(r"(?m)^path = .*$", f'path = "{folder}/syncd.db"', printed))
        config = load(path, {})
        config = replace(config, api=replace(config.api, rate=1000, retries=0))
        asyncio.run(soak(config, given.syncs, given.minutes * 60))


if __name__ == "__main__":
    main()
