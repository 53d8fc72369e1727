"""What syncs read from and write to the database, as typed records. All times are aware UTC."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from syncd.errors import FailureClass
from syncd.model import Missing, Target, is_fresh

SyncOutcome = Literal["complete", "incomplete", "held", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Alert:
    """The one open alert of an account."""

    failure: FailureClass
    since: datetime
    """When the trouble began."""
    opened_at: datetime
    said_at: datetime
    """When it was last announced or repeated."""
    told: tuple[FailureClass, ...]
    """The classes announced while it is open."""
    named: tuple[str, ...] = ()
    """The regions that the announcements named; "" where one named the account as a whole."""
    failed: tuple[str, ...] = ()
    """The regions that failed while it is open, named or not."""


@dataclass(frozen=True, slots=True)
class AccountState:
    account: str
    scope: str
    """A hash of base_url, project and the key's owner: it tells what the account's rows belong to (`sync.accounts`)."""
    key_hash: str
    active: bool = True
    projects: tuple[str, ...] | None = None
    """The ids of the projects, as last read with this key; None if they were never read."""
    first_baseline_at: datetime | None = None
    hello_at: datetime | None = None
    discovered_at: datetime | None = None
    discovery_failures: int = 0
    discovery_class: FailureClass | None = None
    discovery_failing_since: datetime | None = None
    discovery_error: str | None = None
    alert: Alert | None = None


@dataclass(frozen=True, slots=True)
class TargetState:
    target: Target
    active: bool = True
    scope: str | None = None
    """The account's scope to which the target's rows belong; None before the baseline."""
    baseline_at: datetime | None = None
    last_attempt_at: datetime | None = None
    last_success_at: datetime | None = None
    """Start of the last complete sync."""
    fresh_until: datetime | None = None
    failures: int = 0
    """Failed or incomplete syncs in a row."""
    last_error: str | None = None
    failure_class: FailureClass | None = None
    failing_since: datetime | None = None
    live_count: int = 0
    held_count: int = 0
    episode_at: datetime | None = None
    """When the first sync began that lacked rows which are still missing."""
    lookups_warned_at: datetime | None = None
    """When this episode said that lookups prove nothing."""
    disagreement_warned_at: datetime | None = None
    """When this episode said that lookups find what the list lacks."""
    empty_since: datetime | None = None
    """Before the baseline: when the first of several empty lists in a row was read."""
    empty_syncs: int = 0
    empty_seconds: float = 0.0
    """Seconds for which these empty lists were observed (`sync.guard.observed`)."""
    unlisted_since: datetime | None = None
    """Since when the region discovery no longer names the region."""
    next_attempt_at: datetime | None = None
    """While it fails: when it is tried again at the latest."""

    @property
    def empty_wait(self) -> Missing | None:
        """How long the empty lists before the baseline have been observed, in the form of a missing row."""
        if self.empty_since is None:
            return None
        return Missing(self.empty_since, self.empty_syncs, waited=timedelta(seconds=self.empty_seconds))

    def failed(
        self, at: datetime, failure: FailureClass, error: str | None, retry: Callable[[int], datetime]
    ) -> TargetState:
        """After a failed or incomplete sync that began at ``at``.

        ``retry`` says for a number of failures in a row when the target is tried again.
        """
        return replace(
            self,
            last_attempt_at=at,
            failures=self.failures + 1,
            last_error=error,
            failure_class=failure,
            failing_since=self.failing_since or at,
            next_attempt_at=retry(self.failures + 1),
        )

    def succeeded(self, at: datetime, fresh_until: datetime) -> TargetState:
        """After a complete sync that began at ``at``."""
        return replace(
            self.without_failures(), last_attempt_at=at, last_success_at=at, fresh_until=fresh_until
        )

    def without_failures(self) -> TargetState:
        return replace(
            self, failures=0, last_error=None, failure_class=None, failing_since=None, next_attempt_at=None
        )

    def counts(self, scope: str, now: datetime) -> bool:
        """Whether its rows count for the account: it is active and fresh, and in the account's present scope."""
        return self.active and self.scope == scope and self.is_fresh(now)

    def is_fresh(self, now: datetime) -> bool:
        return is_fresh(self.last_success_at, self.fresh_until, now)


class Fact(msgspec.Struct, frozen=True):
    """What an account was last told about one image.

    ``baseline_at`` is when a baseline wrote it without telling; None once an ordinary event has told it.
    """

    live: bool
    status: str
    digest: bytes
    baseline_at: datetime | None = None
    lost_region: str | None = None
    """The last region that lost it without the account being told, because another region may still have it."""
    doubted_at: datetime | None = None
    """Since when it is in doubt whether what was told agrees with what the regions show; None if it agrees."""
    found_at: datetime | None = None
    """While it is in doubt: when a lookup last found it in a region that does not list it."""


@dataclass(frozen=True, slots=True)
class SyncSummary:
    """How one sync ended, what it read, and how many images changed in which way."""

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
    error: str | None = None

    @property
    def has_news(self) -> bool:
        return bool(self.shared or self.revoked or self.status_changed or self.updated)


@dataclass(frozen=True, slots=True)
class Run(SyncSummary):
    """One sync, as the table `runs` keeps it; a cancelled sync is not kept."""

    unreadable: int = 0
    """How many compared fields came in an unexpected type."""
