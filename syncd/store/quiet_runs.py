"""Complete syncs that found nothing new: they wait for the next write, and are written with it.

All that such a sync leaves is times and counters. A kill or a power cut loses those that still wait, and with them
at most how lately a target was read: never a row, an event or an alert.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from syncd.model import Target, to_text
from syncd.store.targets import distrust_times_ahead

if TYPE_CHECKING:
    from syncd.store.transaction import Transaction

_TARGET = (
    "UPDATE targets SET last_attempt_at = ?1, last_success_at = ?1, fresh_until = ?2"
    " WHERE account = ?3 AND region = ?4"
)
_RUN = (
    "UPDATE runs SET count = count + ?, finished_at = ?, pages = ?, listed = ?, unreadable = 0 WHERE id = ?"
)


@dataclass(frozen=True, slots=True)
class QuietRun:
    """``count`` syncs of a target in a row, of which the last one's times are kept."""

    target: Target
    run_id: int
    """The row of `runs` that the target's quiet syncs share."""
    started_at: datetime
    finished_at: datetime
    fresh_until: datetime
    pages: int
    listed: int
    count: int = 1


class QuietRuns:
    """Those that still wait to be written."""

    def __init__(self) -> None:
        self._waiting: dict[Target, QuietRun] = {}
        self._now = datetime.min.replace(tzinfo=UTC)
        """When the last of them ended."""

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, run: QuietRun) -> None:
        before, self._now = self._waiting.get(run.target), run.finished_at
        self._waiting[run.target] = run if before is None else replace(run, count=before.count + run.count)

    async def write(self, tx: Transaction) -> Mapping[Target, QuietRun]:
        """Write all; those that were written are to be dropped once the transaction is committed."""
        runs = dict(self._waiting)
        if runs:
            await tx.executemany(_TARGET, [_target_values(run) for run in runs.values()])
            await tx.executemany(_RUN, [_run_values(run) for run in runs.values()])
            await distrust_times_ahead(tx, self._now)
        return runs

    def drop(self, written: Mapping[Target, QuietRun]) -> None:
        """Some may have been added to since they were written: what came later still waits."""
        for target, run in written.items():
            now = self._waiting[target]
            if now is run:
                del self._waiting[target]
            else:
                self._waiting[target] = replace(now, count=now.count - run.count)


def _target_values(run: QuietRun) -> tuple[str, ...]:
    return to_text(run.started_at), to_text(run.fresh_until), *run.target


def _run_values(run: QuietRun) -> tuple[int | str, ...]:
    return run.count, to_text(run.finished_at), run.pages, run.listed, run.run_id
