"""What the reading commands cost on a large database, beyond the start of the process. Prints, asserts nothing.

python -m tests.bench.cache [--db PATH] [--follow SECONDS]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from syncd.model import to_text
from tests.bench import large
from tests.bench.cloud import cloud
from tests.bench.meter import peak_mb

REPEATS = 3
"""Runs of which the cheapest counts."""
LIMIT = 0.5
"""Seconds of CPU beyond the start that a command may need."""
SETTLED = 5.0
TICK = os.sysconf("SC_CLK_TCK")

COMMANDS = (
    "images", "images --by-region", "images --revoked", "images --all", "images --account lab --status Making",
    "images --region cn-2", "images --name *zzz*", "images --owner nobody", "image {image}",
    "events", "events --since 7d", "events --since 400d", "events --since 100", "events --type sync.* --type sink.*",
    "events --type image.updated --since 30d", "events --image {image}", "events --image {image} --type *.revoked",
    "status", "runs", "runs --outcome failed", "runs --account lab --region cn-2",
    "deliveries", "deliveries --sink team", "deliveries --state dead", "deliveries --sink hook --state skipped",
    "held list", "held list --account lab --region cn-2", "sinks list", "regions",
)  # fmt: skip
"""Every reading command, with its filters and with ones that match late or never."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.cache", description=__doc__)
    parser.add_argument("--db", type=Path, help="keep the database here, and use it if it is there")
    parser.add_argument(
        "--follow", type=float, default=30.0, help="seconds to watch a follower (%(default)s)"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="syncd-bench-") as name:
        folder = Path(name)
        path = given.db or folder / "syncd.db"
        if not path.exists():
            asyncio.run(large.write(path, datetime.now(UTC)))
        print(_description(path))
        with cloud(folder, 20, accounts=len(large.ACCOUNTS), regions=len(large.REGIONS)):
            _compare(path, _config(folder, path))
        for quiet in (True, False):
            _follow(path, given.follow, quiet=quiet)


def _description(path: Path) -> str:
    with closing(sqlite3.connect(path)) as db:
        counts = (
            f"{db.execute(f'SELECT COUNT(*) FROM {table}').fetchone()[0]:,} {table}"
            for table in ("images", "all_images", "events", "deliveries", "runs")
        )
        return f"{', '.join(counts)}: {path.stat().st_size / 1e9:.1f} GB"


def _an_image(path: Path) -> str:
    """An old one, with a long history."""
    with closing(sqlite3.connect(path)) as db:
        return str(db.execute("SELECT image_id FROM images ORDER BY shared_at LIMIT 1").fetchone()[0])


def _config(folder: Path, path: Path) -> Path:
    """The cloud's accounts over the large database."""
    config = folder / "config.toml"
    text = re.sub(r"(?m)^path = .*$", f'path = "{path}"', config.read_text()).partition("[sinks.")[0]
    config.write_text(text + "".join(f'[sinks.{name}]\ntype = "log"\n' for name in large.SINKS))
    return config


def _compare(path: Path, config: Path) -> None:
    start = _cpu("--version")
    image = _an_image(path)
    print(f"{'CPU, ms':<44} {'table':>7} {'json':>7}    beyond the start")
    for line in ("--version", "--help", "images --help"):
        print(f"{f'syncd {line}':<44} {_cpu(*line.split()) * 1000:>7.0f}")
    print(f"{'syncd images, start and all':<44} {_cpu('images', '--config', str(config)) * 1000:>7.0f}")
    for line in COMMANDS:
        arguments = [*line.format(image=image).split(), "--config", str(config)]
        costs = [_cpu(*arguments, "--format", form) - start for form in ("table", "json")]
        mark = "" if max(costs) < LIMIT else f"  more than {LIMIT * 1000:.0f} ms"
        print(
            f"{line.replace('{image}', 'ID'):<44} {costs[0] * 1000:>7.0f} {costs[1] * 1000:>7.0f}{mark}",
            flush=True,
        )


def _cpu(*arguments: str) -> float:
    """Seconds, of the cheapest of several runs."""
    costs = []
    for _ in range(REPEATS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, "-m", "syncd", *arguments], check=False, capture_output=True, text=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.returncode in (0, 3, 4), done.stderr
        costs.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(costs)


def _follow(path: Path, seconds: float, *, quiet: bool) -> None:
    line = [sys.executable, "-m", "syncd", "events", "--follow", "--type", "image.*", "--db", str(path)]
    with (
        subprocess.Popen(line, stdout=subprocess.DEVNULL) as process,
        closing(sqlite3.connect(path, isolation_level=None)) as db,
    ):
        time.sleep(SETTLED)
        before, started = _spent(process.pid), time.monotonic()
        while time.monotonic() - started < seconds:
            if not quiet:
                db.execute("UPDATE targets SET last_attempt_at = ?", (to_text(datetime.now(UTC)),))
            time.sleep(0.1)
        spent = _spent(process.pid) - before
        what = "nobody writes" if quiet else "ten commits a second"
        print(
            f"events --follow over {seconds:.0f} s, {what}: {spent * 1000:.0f} ms of CPU, {peak_mb(process.pid):.0f} MB"
        )
        process.terminate()


def _spent(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


if __name__ == "__main__":
    main()
