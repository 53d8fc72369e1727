"""What the runs of the model covered."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Figures:
    """``believed``: of the revocations, those on the cloud's consistent word, for as long as the guard waits.

    ``remembered``: how often what a syncer remembered of a settled target was compared with the database.
    """

    worlds: int = 0
    steps: int = 0
    revoked: int = 0
    believed: int = 0
    delivered: int = 0
    given_up: int = 0
    remembered: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    syncs: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        def told(counted: Counter[str]) -> str:
            return ", ".join(f"{name} {count:,}" for name, count in counted.most_common())

        return (
            f"{self.worlds:,} worlds, {self.steps:,} steps, {sum(self.faults.values()):,} faults,"
            f" {sum(self.kills.values()):,} kills\n"
            f"{self.revoked:,} revocations told as news: 0 false,"
            f" {self.believed:,} of them on a lie told as long as the guard waits\n"
            f"{sum(self.events.values()):,} events: 0 invented, 0 lost; {self.delivered:,} deliveries taken,"
            f" {self.given_up:,} given up as the retention and refusals allow\n"
            f"what was remembered of a target was compared with the database {self.remembered:,} times\n"
            f"syncs: {told(self.syncs)}\nevents: {told(self.events)}\nkills: {told(self.kills)}\n"
            f"faults: {told(self.faults)}"
        )


FIGURES = Figures()
