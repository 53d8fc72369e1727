"""Whether syncd does its job: pure. `status`, `/readyz` and the heartbeat ask this and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from syncd.model import is_fresh, trusted

OVERDUE_AFTER = timedelta(hours=1)
"""A delivery of an enabled sink that waits longer makes syncd unhealthy."""


@dataclass(frozen=True, slots=True)
class AccountView:
    """A configured account."""

    account: str
    targets: int
    """Its active ones."""
    error: str | None = None
    """Of its region discovery."""


@dataclass(frozen=True, slots=True)
class TargetView:
    """An active target."""

    account: str
    region: str
    fresh_until: datetime | None
    last_success_at: datetime | None = None
    live: int = 0
    held: int = 0
    failures: int = 0
    error: str | None = None

    def is_fresh(self, now: datetime) -> bool:
        return is_fresh(self.last_success_at, self.fresh_until, now)


@dataclass(frozen=True, slots=True)
class SinkView:
    """A configured sink; ``waiting_since`` is the time of its oldest pending event."""

    name: str
    state: str
    waiting_since: datetime | None = None
    pending: int = 0
    dead: int = 0
    error: str | None = None

    def is_overdue(self, now: datetime) -> bool:
        """Nobody knows how long an event waits whose time lies beyond now: it counts as overdue."""
        if self.waiting_since is None or self.state == "disabled":
            return False
        since = trusted(self.waiting_since, now)
        return since is None or now - since > OVERDUE_AFTER


@dataclass(frozen=True, slots=True)
class Health:
    reasons: tuple[str, ...] = ()
    """Why it is unhealthy; empty if it is not."""
    warnings: tuple[str, ...] = ()

    @property
    def healthy(self) -> bool:
        return not self.reasons


def assess(
    accounts: Sequence[AccountView],
    targets: Sequence[TargetView],
    sinks: Sequence[SinkView],
    now: datetime,
    reload_error: str | None = None,
) -> Health:
    reasons = [
        *(f"account {one.account} has no target{_why(one.error)}" for one in accounts if not one.targets),
        *(_stale(one, now) for one in targets if not one.is_fresh(now)),
        *(_overdue(one, now) for one in sinks if one.is_overdue(now)),
    ]
    warnings = [
        *(f"{one.held} held in {one.account}/{one.region}" for one in targets if one.held),
        *(f"sink {one.name} has {one.dead} dead" for one in sinks if one.dead),
        *(f"sink {one.name} is disabled, {one.pending} wait" for one in sinks if one.state == "disabled"),
        *(f"sink {one.name} is away{_why(one.error)}" for one in sinks if one.state == "backing_off"),
        *(
            f"{one.account}/{one.region} fails{_why(one.error)}"
            for one in targets
            if one.failures and one.is_fresh(now)
        ),
        *(
            f"regions of {one.account} are unknown{_why(one.error)}"
            for one in accounts
            if one.targets and one.error
        ),
    ]
    if reload_error is not None:
        warnings.append(f"the last reload failed, the configuration before it goes on: {reload_error}")
    return Health(tuple(reasons), tuple(warnings))


def _stale(target: TargetView, now: datetime) -> str:
    where = f"{target.account}/{target.region}"
    if target.fresh_until is None:
        return f"{where} was never read whole{_why(target.error)}"
    if target.last_success_at is not None and trusted(target.last_success_at, now) is None:
        return f"{where} was last read when this machine's clock ran ahead{_why(target.error)}"
    return f"{where} is stale since {target.fresh_until:%Y-%m-%d %H:%M} UTC{_why(target.error)}"


def _overdue(sink: SinkView, now: datetime) -> str:
    assert sink.waiting_since is not None
    if trusted(sink.waiting_since, now) is None:
        return f"sink {sink.name}: an event waits since this machine's clock ran ahead{_why(sink.error)}"
    hours = (now - sink.waiting_since).total_seconds() / 3600
    return f"sink {sink.name}: an event waits for {hours:.0f} h{_why(sink.error)}"


def _why(error: str | None) -> str:
    return f": {error}" if error else ""
