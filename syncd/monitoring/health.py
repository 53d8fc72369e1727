"""Whether syncd does its job, decided without I/O. `status`, `/readyz` and the heartbeat all ask this."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from syncd.model import is_fresh, trusted

OVERDUE_AFTER = timedelta(hours=1)
"""syncd is unhealthy if an event has waited longer than this for a sink that is not disabled."""


@dataclass(frozen=True, slots=True)
class AccountView:
    """A configured account."""

    account: str
    targets: int
    """How many active targets it has."""
    error: str | None = None
    """Why its region discovery fails."""


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
        """If the time of the event lies in the future, nobody knows how long it has waited: it counts as overdue."""
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
    """The health at ``now``; ``reload_error`` says why the last reload of the configuration failed, if it did."""
    reasons = [
        *(f"account {view.account} has no target{_why(view.error)}" for view in accounts if not view.targets),
        *(_stale(target, now) for target in targets if not target.is_fresh(now)),
        *(_overdue(sink, now) for sink in sinks if sink.is_overdue(now)),
    ]
    warnings = [*_held(targets), *_of_sinks(sinks), *_failing(accounts, targets, now)]
    if reload_error is not None:
        warnings.append(f"the last reload failed, so the old configuration is still in force: {reload_error}")
    return Health(tuple(reasons), tuple(warnings))


def _held(targets: Sequence[TargetView]) -> Iterator[str]:
    yield from (f"{target.held} held in {_name(target)}" for target in targets if target.held)


def _of_sinks(sinks: Sequence[SinkView]) -> Iterator[str]:
    yield from (f"sink {sink.name} has {sink.dead} dead" for sink in sinks if sink.dead)
    disabled = (sink for sink in sinks if sink.state == "disabled")
    yield from (f"sink {sink.name} is disabled, {sink.pending} wait" for sink in disabled)
    away = (sink for sink in sinks if sink.state == "backing_off")
    yield from (f"sink {sink.name} is away{_why(sink.error)}" for sink in away)


def _failing(accounts: Sequence[AccountView], targets: Sequence[TargetView], now: datetime) -> Iterator[str]:
    """What fails, but has not made syncd unhealthy yet."""
    failing = (target for target in targets if target.failures and target.is_fresh(now))
    yield from (f"{_name(target)} fails{_why(target.error)}" for target in failing)
    unknown = (view for view in accounts if view.targets and view.error)
    yield from (f"regions of {view.account} are unknown{_why(view.error)}" for view in unknown)


def _stale(target: TargetView, now: datetime) -> str:
    name = _name(target)
    if target.fresh_until is None:
        return f"{name} was never read whole{_why(target.error)}"
    if target.last_success_at is not None and trusted(target.last_success_at, now) is None:
        return f"{name} was last read when this machine's clock ran ahead{_why(target.error)}"
    return f"{name} is stale since {target.fresh_until:%Y-%m-%d %H:%M} UTC{_why(target.error)}"


def _overdue(sink: SinkView, now: datetime) -> str:
    assert sink.waiting_since is not None
    if trusted(sink.waiting_since, now) is None:
        return f"sink {sink.name}: an event has waited since this machine's clock ran ahead{_why(sink.error)}"
    hours = (now - sink.waiting_since).total_seconds() / 3600
    return f"sink {sink.name}: an event has waited for {hours:.0f} h{_why(sink.error)}"


def _name(target: TargetView) -> str:
    return f"{target.account}/{target.region}"


def _why(error: str | None) -> str:
    return f": {error}" if error else ""
