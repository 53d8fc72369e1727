"""What a sync tells those who watch it: the schedule, the log, the metrics, the command line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from syncd.errors import FailureClass
from syncd.model import Target

SyncOutcome = Literal["complete", "incomplete", "held", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class SyncReport:
    """One sync of one target, or (``target.region`` empty) one region discovery of an account."""

    target: Target
    outcome: SyncOutcome
    started_at: datetime
    finished_at: datetime
    pages: int = 0
    listed: int = 0
    shared: int = 0
    revoked: int = 0
    status_changed: int = 0
    updated: int = 0
    live: int = 0
    missing: int = 0
    """Live rows that this sync lacked and left live."""
    held: int = 0
    baseline: bool = False
    failure: FailureClass | None = None
    failures: int = 0
    error: str | None = None
    code: int | None = None
    """The RetCode that ended it, where there is one."""
    retry_at: datetime | None = None
    """When a failing target is tried again, instead of its plan."""
    retry_after: timedelta | None = None
    """What the server asked to wait, where it did."""
    look_at: datetime | None = None
    """When a target with missing rows is looked at again, besides its plan."""

    @property
    def has_news(self) -> bool:
        return bool(self.shared or self.revoked or self.status_changed or self.updated)

    @property
    def seconds(self) -> float:
        """Never negative, though the clock may be set back meanwhile."""
        return max((self.finished_at - self.started_at).total_seconds(), 0.0)
