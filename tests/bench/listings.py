"""The contestants side by side on one cloud, each in a fresh process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.cloud import cloud

ENOUGH = 20_000
"""Images listed until a quick contestant's CPU says something."""

CONTESTANTS = {
    "sdk": "official SDK, fetch alone",
    "floor": "floor: fetch, decode, digest",
    "first": "syncd, first sync",
    "driver": "  its rows by the driver alone",
    "unchanged": "syncd, unchanged sync",
    "changed": "syncd, 1 % changed",
}


@dataclass(frozen=True)
class Size:
    images: int
    """In each target."""
    accounts: int = 1
    regions: int = 1

    @property
    def all_images(self) -> int:
        return self.images * self.accounts * self.regions

    def __str__(self) -> str:
        count = self.accounts * self.regions
        return f"{count:,} target{'s' * (count > 1)} of {self.images:,} images"


def compare(size: Size, repeats: int) -> dict[str, dict[str, Any]]:
    """Contestant → the least costly of its ``repeats`` runs, which alternate, and by how much the dearest exceeds it.

    What else runs on the machine only adds to a run's cost.
    """
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in CONTESTANTS}
    rounds = max(1, ENOUGH // size.all_images)
    with (
        tempfile.TemporaryDirectory(prefix="syncd-bench-") as folder,
        cloud(Path(folder), size.images, accounts=size.accounts, regions=size.regions),
    ):
        for _ in range(repeats):
            for name in CONTESTANTS:
                runs[name].append(contestant(name, folder, rounds))
    return {name: _cheapest(costs) for name, costs in runs.items()}


def _cheapest(costs: list[dict[str, Any]]) -> dict[str, Any]:
    cheapest = min(costs, key=lambda cost: cost["cpu"])
    return cheapest | {"spread": max(cost["cpu"] for cost in costs) / cheapest["cpu"] - 1}


def contestant(name: str, folder: str, rounds: int) -> dict[str, Any]:
    which = [f"tests.bench.{name}"] if name in ("sdk", "floor") else ["tests.bench.ours", name]
    command = [sys.executable, "-m", *which, folder, str(rounds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    cost: dict[str, Any] = json.loads(done.stdout)
    return cost


def table(size: Size, costs: dict[str, dict[str, Any]]) -> str:
    head = (
        f"{'':<31} {'CPU s':>8} {'spread':>7} {'µs/image':>9} {'× floor':>8} {'× SDK':>7} {'wall s':>8} {'peak MB':>8}"
        f" {'requests':>9} {'rows':>9} {'written kB':>11} {'file +kB':>9} {'lag p99.9/worst ms':>19}"
    )
    return "\n".join([f"\n{size}", head, *(line(name, cost, costs) for name, cost in costs.items())])


def line(name: str, cost: dict[str, Any], costs: dict[str, dict[str, Any]]) -> str:
    cpu = cost["cpu"]
    lag = f"{cost['lag_p999'] * 1000:.0f} / {cost['lag_worst'] * 1000:.0f}" if "lag_worst" in cost else "-"
    spread = f"+{cost['spread']:.0%}"
    grown = f"{cost['grown'] / 1000:,.1f}" if "grown" in cost else "-"
    return (
        f"{CONTESTANTS[name]:<31} {cpu:>8.3f} {spread:>7} {cpu / cost['images'] * 1e6:>9.1f}"
        f" {cpu / costs['floor']['cpu']:>8.2f} {cpu / costs['sdk']['cpu']:>7.2f} {cost['wall']:>8.2f}"
        f" {cost['peak_mb']:>8.0f} {cost['requests']:>9,} {cost.get('rows', 0):>9,}"
        f" {cost['written'] / 1000:>11,.1f} {grown:>9} {lag:>19}"
    )
