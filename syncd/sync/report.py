"""What a sync tells those who watch it: the schedule, the log, the metrics, the command line."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Self

from syncd.errors import FailureClass
from syncd.store.records import SyncSummary


@dataclass(frozen=True, slots=True)
class SyncReport(SyncSummary):
    """One sync of one target, or (``target.region`` empty) one region discovery of an account."""

    live: int = 0
    missing: int = 0
    """Live rows that this sync lacked and left live."""
    held: int = 0
    baseline: bool = False
    failure: FailureClass | None = None
    failures: int = 0
    code: int | None = None
    """The RetCode that ended it, where there is one."""
    retry_at: datetime | None = None
    """When a failing target is tried again, instead of its plan."""
    retry_after: timedelta | None = None
    """What the server asked to wait, where it did."""
    look_at: datetime | None = None
    """When a target with missing rows is looked at again, besides its plan."""

    @classmethod
    def of(cls, summary: SyncSummary, **others: Any) -> Self:
        """A report that begins with this summary; ``others`` are the report's own fields."""
        return cls(**{field.name: getattr(summary, field.name) for field in fields(SyncSummary)}, **others)

    @property
    def seconds(self) -> float:
        """Never negative, though the clock may be set back meanwhile."""
        return max((self.finished_at - self.started_at).total_seconds(), 0.0)
