"""The types of the rows that the queries return. Times are text, as they are stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

DeliveryState = Literal["pending", "delivered", "dead", "skipped"]


@dataclass(frozen=True, slots=True)
class ImageRow:
    """One image in one region of one account, live or revoked."""

    account: str
    region: str
    image_id: str
    name: str | None
    status: str | None
    image_type: str | None
    owner_id: str | None
    owner_name: str | None
    author: str | None
    container: str | None
    size_mb: int | None
    price_yuan_per_hour: float | None
    visibility: int | None
    group_id: str | None
    version_name: str | None
    description: str | None
    tags: tuple[str, ...]
    softwares: Mapping[str, Any] | None
    source_gpu_type: str | None
    failed_reason: str | None
    created_at: str | None
    published_at: str | None
    first_seen_at: str
    shared_at: str
    changed_at: str
    missing_since: str | None
    last_seen_at: str | None
    revoked_at: str | None
    active: bool
    """False if the configuration no longer names its account or region."""


@dataclass(frozen=True, slots=True)
class ImageLine:
    """One image with its rows in all places that show it; ``latest`` stands for all of them."""

    image_id: str
    latest: ImageRow
    """The row that changed last."""
    places: tuple[ImageRow, ...]
    """By account and region."""

    @property
    def accounts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.account for row in self.places))

    @property
    def regions(self) -> tuple[str, ...]:
        return tuple(sorted({row.region for row in self.places}))

    @property
    def statuses(self) -> tuple[str, ...]:
        return tuple(sorted({row.status for row in self.places if row.status is not None}))


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event; ``body`` is the JSON exactly as it is sent."""

    seq: int
    id: str
    type: str
    account: str | None
    region: str | None
    image_id: str | None
    observed_at: str
    scope: str | None
    baseline: bool
    run_id: int | None
    body: str


@dataclass(frozen=True, slots=True)
class AccountRow:
    """``alert_…`` describe the open alert, if there is one, ``discovery_…`` the last discovery of regions."""

    account: str
    active: bool
    first_baseline_at: str | None
    discovered_at: str | None
    discovery_failures: int
    discovery_error: str | None
    discovery_class: str | None
    discovery_failing_since: str | None
    alert_class: str | None
    alert_since: str | None
    alert_opened_at: str | None


@dataclass(frozen=True, slots=True)
class TargetRow:
    account: str
    region: str
    active: bool
    baseline_at: str | None
    last_attempt_at: str | None
    last_success_at: str | None
    fresh_until: str | None
    failures: int
    last_error: str | None
    failure_class: str | None
    failing_since: str | None
    live_count: int
    held_count: int
    unlisted_since: str | None
    next_attempt_at: str | None
    """While it fails: when it is tried again at the latest."""


@dataclass(frozen=True, slots=True)
class MissingRow:
    """A live row that complete syncs lacked."""

    account: str
    region: str
    image_id: str
    name: str | None
    status: str | None
    missing_since: str
    missing_syncs: int
    held: bool
    """The guard holds it; otherwise it only waits for confirmation."""
    last_seen_at: str | None
    until: str | None
    """When the guard releases it at the earliest, as the target's last `sync.held` said; None if it is not held."""


@dataclass(frozen=True, slots=True)
class SinkRow:
    name: str
    state: str
    since: str
    next_attempt_at: str | None
    last_error: str | None
    failures: int
    absent_since: str | None
    """Since when the configuration no longer names it."""
    pending: int
    oldest_pending_seq: int | None
    oldest_pending_at: str | None
    """When that event was observed."""
    dead: int
    refused: int
    """How many of the pending events its receiver has refused."""
    refused_since: str | None
    """When the oldest of them was observed."""
    last_refusal: str | None
    """What it answered to the newest event that it refused, pending or dead."""
    failed_said_at: str | None
    """When `sink.failed` was announced because it gets nothing; None if that is over."""
    failed_reason: str | None
    dead_said_at: str | None
    """When `sink.failed` was announced because an event is dead; None if none is dead any more."""


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    event_seq: int
    sink: str
    state: str
    attempts: int
    next_attempt_at: str | None
    last_error: str | None
    finished_at: str | None
    event_id: str | None
    event_type: str | None
    account: str | None
    region: str | None
    image_id: str | None
    observed_at: str | None


@dataclass(frozen=True, slots=True)
class RunRow:
    id: int
    account: str
    region: str
    started_at: str
    finished_at: str
    count: int
    outcome: str
    pages: int
    listed: int
    shared: int
    revoked: int
    status_changed: int
    updated: int
    unreadable: int
    error: str | None


def columns_of(row_type: type) -> str:
    """The fields of a row type as SQL columns of the same names."""
    return ", ".join(field.name for field in fields(row_type))
