"""Whether syncd does its job, decided without I/O.

`status`, `/readyz`, the metrics, the heartbeat and the unit's status line all ask this (docs/operations.md, "Health").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from syncd.model import Target, is_fresh, trusted

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
    alert: str | None = None
    """The class of its open alert: `sync.failed` was announced, and `sync.recovered` was not."""
    alert_since: datetime | None = None
    """When the trouble of the alert began."""


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
    """Failed or incomplete syncs in a row."""
    error: str | None = None
    failure: str | None = None
    """The class of the last failure."""
    last_attempt_at: datetime | None = None
    next_attempt_at: datetime | None = None
    """When it is tried again at the latest, while it fails and a daemon runs."""

    @property
    def target(self) -> Target:
        return Target(self.account, self.region)

    def is_fresh(self, now: datetime) -> bool:
        return is_fresh(self.last_success_at, self.fresh_until, now)

    def next_try(self, now: datetime) -> datetime | None:
        """``next_attempt_at``, unless a clock that ran ahead wrote it."""
        return self.next_attempt_at if trusted(self.last_attempt_at, now) else None


@dataclass(frozen=True, slots=True)
class SinkView:
    """A configured sink; ``waiting_since`` is the time of its oldest pending event."""

    name: str
    state: str
    waiting_since: datetime | None = None
    pending: int = 0
    dead: int = 0
    error: str | None = None
    refused: int = 0
    """How many of the pending events its receiver has refused; they are tried again."""
    refused_since: datetime | None = None
    """The time of the oldest of them."""
    last_refusal: str | None = None
    """What the receiver answered to the newest event that it refused, pending or dead."""
    alerts: tuple[str, ...] = ()
    """The reasons of `sink.failed` events for which no `sink.recovered` came yet."""

    def is_overdue(self, now: datetime) -> bool:
        """If the time of the event lies in the future, nobody knows how long it has waited: it counts as overdue."""
        if self.waiting_since is None or self.state == "disabled":
            return False
        since = trusted(self.waiting_since, now)
        return since is None or now - since > OVERDUE_AFTER

    @property
    def is_gone(self) -> bool:
        """Its receiver answered HTTP 410, so syncd disabled it by itself."""
        return self.state == "disabled" and "gone" in self.alerts

    @property
    def is_away_for_long(self) -> bool:
        """The other sinks were told that it takes nothing."""
        return self.state == "backing_off" and "backing_off" in self.alerts


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
        *(_alert(view, now) for view in accounts if view.alert),
        *(_stale(target, now) for target in targets if not target.is_fresh(now)),
        *_undelivered(sinks, now),
    ]
    warnings = [*_failing(accounts, targets, now), *_held(targets), *_of_sinks(sinks, now)]
    if reload_error is not None:
        warnings.append(f"the last reload failed, so the old configuration is still in force: {reload_error}")
    return Health(tuple(reasons), tuple(warnings))


def status_line(targets: Sequence[TargetView], health: Health) -> str:
    """One line for `systemctl status`: how many targets there are, how many fail, and what is wrong."""
    failing = sum(target.failures > 0 for target in targets)
    line = f"watching {len(targets)} target{'' if len(targets) == 1 else 's'}"
    if failing:
        line += f", {failing} failing"
    if health.healthy:
        return line
    more = f" (and {len(health.reasons) - 1} more)" if len(health.reasons) > 1 else ""
    return f"{line}; unhealthy: {health.reasons[0]}{more}"


def _alert(view: AccountView, now: datetime) -> str:
    since = _since(view.alert_since, now)
    return (
        f"account {view.account}: sync fails ({view.alert}){since}, and has not recovered{_why(view.error)}"
    )


def _stale(target: TargetView, now: datetime) -> str:
    name = target.target
    if target.fresh_until is None:
        return f"{name} was never read whole{_why(target.error)}"
    if target.last_success_at is not None and trusted(target.last_success_at, now) is None:
        return f"{name} was last read when this machine's clock ran ahead{_why(target.error)}"
    return f"{name} is stale since {target.fresh_until:%Y-%m-%d %H:%M} UTC{_why(target.error)}"


def _undelivered(sinks: Sequence[SinkView], now: datetime) -> Iterator[str]:
    """One reason for each sink whose events do not arrive."""
    for sink in sinks:
        if sink.is_gone:
            yield f"sink {sink.name} was disabled because its receiver is gone, {sink.pending} wait{_why(sink.error)}"
        elif sink.is_overdue(now):
            yield _overdue(sink, now)
        elif sink.is_away_for_long:
            yield f"sink {sink.name} has taken nothing for over an hour{_why(sink.error)}"


def _overdue(sink: SinkView, now: datetime) -> str:
    assert sink.waiting_since is not None
    why = _why(sink.error or sink.last_refusal)
    if trusted(sink.waiting_since, now) is None:
        return f"sink {sink.name}: an event has waited since this machine's clock ran ahead{why}"
    hours = (now - sink.waiting_since).total_seconds() / 3600
    return f"sink {sink.name}: an event has waited for {hours:.0f} h{why}"


def _failing(accounts: Sequence[AccountView], targets: Sequence[TargetView], now: datetime) -> Iterator[str]:
    """What fails, besides the targets that are not fresh any more."""
    for target in targets:
        if target.failures and target.is_fresh(now):
            times = "once" if target.failures == 1 else f"{target.failures} times in a row"
            yield f"{target.target} failed {times}{_why(target.error)}"
    unknown = (view for view in accounts if view.targets and view.error)
    yield from (f"regions of {view.account} are unknown{_why(view.error)}" for view in unknown)


def _held(targets: Sequence[TargetView]) -> Iterator[str]:
    for target in targets:
        if target.held:
            command = f"`syncd held list {target.target.options}`"
            yield f"{target.held} held in {target.target}: {command} shows them"


def _of_sinks(sinks: Sequence[SinkView], now: datetime) -> Iterator[str]:
    for sink in sinks:
        if sink.state == "disabled" and not sink.is_gone:
            yield f"sink {sink.name} is disabled, {sink.pending} wait"
        if sink.state == "backing_off" and not sink.is_away_for_long:
            yield f"sink {sink.name} is away{_why(sink.error)}"
        if sink.state == "ok" and {"gone", "backing_off"} & set(sink.alerts):
            yield f"sink {sink.name} was away, and has taken nothing since it was enabled"
        if sink.refused:
            yield _refusing(sink, now)
        if sink.dead:
            why = _why(None if sink.refused else sink.last_refusal)
            yield f"sink {sink.name} has {sink.dead} dead (given up){why}"


def _refusing(sink: SinkView, now: datetime) -> str:
    since, why = _since(sink.refused_since, now), _why(sink.last_refusal)
    if sink.refused == 1:
        return f"sink {sink.name} has refused 1 event{since}; it is tried again{why}"
    return f"sink {sink.name} has refused {sink.refused} events{since}; they are tried again{why}"


def _since(moment: datetime | None, now: datetime) -> str:
    since = trusted(moment, now)
    return f" since {since:%Y-%m-%d %H:%M} UTC" if since else ""


def _why(error: str | None) -> str:
    return f": {error}" if error else ""
