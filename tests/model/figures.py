"""What the runs of the model covered."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Figures:
    """``believed``: revocations on the cloud's consistent word, for as long as the guard waits."""

    worlds: int = 0
    steps: int = 0
    kills: int = 0
    believed: int = 0
    delivered: int = 0
    syncs: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        def told(counted: Counter[str]) -> str:
            return ", ".join(f"{name} {count:,}" for name, count in counted.most_common())

        return (
            f"{self.worlds:,} worlds, {self.steps:,} steps, {self.kills:,} kills before a commit,"
            f" {self.delivered:,} deliveries, {self.believed:,} revocations on the cloud's steady word\n"
            f"syncs: {told(self.syncs)}\nevents: {told(self.events)}\nfaults: {told(self.faults)}"
        )


FIGURES = Figures()
