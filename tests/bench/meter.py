"""What a piece of work costs its process: CPU, wall, peak memory, bytes written, the event loop's lag."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

BEAT = 0.005
"""Seconds between two looks at the loop."""


@dataclass
class Cost:
    """CPU and wall in seconds and bytes written by files, each for one of ``rounds`` equal rounds."""

    rounds: int = 1
    cpu: float = 0.0
    wall: float = 0.0
    written: int = 0
    peak_mb: float = 0.0
    lags: list[float] = field(default_factory=list)
    """Seconds by which each beat of the loop was late."""
    more: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        fields = asdict(self) | self.more
        lags = sorted(fields.pop("lags"))
        if lags:
            fields["lag_worst"] = lags[-1]
            fields["lag_p999"] = lags[min(len(lags) - 1, int(len(lags) * 0.999))]
        return fields


@asynccontextmanager
async def metered(rounds: int = 1) -> AsyncIterator[Cost]:
    """Measure the block, which is ``rounds`` equal rounds."""
    cost = Cost(rounds)
    watch = asyncio.create_task(_beats(cost.lags))
    await asyncio.sleep(0)
    cpu, wall, written = time.process_time(), time.perf_counter(), _written()
    yield cost
    cost.cpu = (time.process_time() - cpu) / rounds
    cost.wall = (time.perf_counter() - wall) / rounds
    cost.written = round((_written() - written) / rounds)
    cost.peak_mb = peak_mb()
    await asyncio.sleep(2 * BEAT)
    watch.cancel()


async def _beats(lags: list[float]) -> None:
    while True:
        due = time.perf_counter() + BEAT
        await asyncio.sleep(BEAT)
        lags.append(max(0.0, time.perf_counter() - due))


def peak_mb(pid: int | str = "self") -> float:
    """The most memory that a process ever held (VmHWM)."""
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def _written() -> int:
    """Bytes given to write(2) and pwrite(2): files and pipes, not sockets."""
    found = re.search(r"wchar: (\d+)", Path("/proc/self/io").read_text())
    assert found is not None
    return int(found[1])
