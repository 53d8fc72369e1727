"""What the database says about syncd's work at one moment, in the terms of `health`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from syncd.model import from_text
from syncd.monitoring.health import AccountView, SinkView, TargetView
from syncd.store.queries import AccountRow, Reader, SinkRow, TargetRow, accounts, last_seq, sinks, targets


@dataclass(frozen=True, slots=True)
class Snapshot:
    accounts: Sequence[AccountView]
    targets: Sequence[TargetView]
    sinks: Sequence[SinkView]
    events: Mapping[str, int] = field(default_factory=dict)
    """Type → how many events have a number above the one that was asked for."""
    last_seq: int = 0


def take_snapshot(
    path: Path,
    configured_accounts: Collection[str] | None = None,
    configured_sinks: Collection[str] | None = None,
    *,
    events_after: int | None = None,
) -> Snapshot:
    """Read the file. Without a configuration (None), its active accounts and sinks stand in for the configured ones.

    ``events_after``: count the events with numbers above this one. Raises the DatabaseError tree.
    """
    with Reader.open(path) as reader:
        reader.snapshot()
        active_targets = [row for row in targets(reader) if row.active]
        active_accounts = {row.account: row for row in accounts(reader) if row.active}
        names = active_accounts if configured_accounts is None else configured_accounts
        last = last_seq(reader)
        return Snapshot(
            accounts=[_account(name, active_accounts.get(name), active_targets) for name in sorted(names)],
            targets=[_target(row) for row in active_targets if row.account in names],
            sinks=[_sink(row) for row in sinks(reader) if _is_configured(row, configured_sinks)],
            events={} if events_after is None else _count_events(reader, events_after, last),
            last_seq=last,
        )


def _account(name: str, row: AccountRow | None, active_targets: Sequence[TargetRow]) -> AccountView:
    count = sum(target.account == name for target in active_targets)
    if row is None:
        return AccountView(name, count)
    return AccountView(name, count, row.discovery_error, row.alert_class, _moment(row.alert_since))


def _target(row: TargetRow) -> TargetView:
    return TargetView(
        row.account,
        row.region,
        _moment(row.fresh_until),
        _moment(row.last_success_at),
        row.live_count,
        row.held_count,
        row.failures,
        row.last_error,
        row.failure_class,
        _moment(row.last_attempt_at),
        _moment(row.next_attempt_at),
    )


def _sink(row: SinkRow) -> SinkView:
    return SinkView(
        row.name,
        row.state,
        _moment(row.oldest_pending_at),
        row.pending,
        row.dead,
        row.last_error,
        row.refused,
        _moment(row.refused_since),
        row.last_refusal,
        tuple(_alerts(row)),
    )


def _alerts(row: SinkRow) -> Iterator[str]:
    if row.failed_said_at is not None:
        yield row.failed_reason or "backing_off"
    if row.dead_said_at is not None:
        yield "dead"


def _moment(text: str | None) -> datetime | None:
    return from_text(text) if text else None


def _is_configured(row: SinkRow, configured: Collection[str] | None) -> bool:
    return row.absent_since is None if configured is None else row.name in configured


def _count_events(reader: Reader, after: int, last: int) -> dict[str, int]:
    return dict(
        reader.rows(
            "SELECT type, COUNT(*) FROM events WHERE seq > ? AND seq <= ? GROUP BY type", (after, last)
        )
    )
