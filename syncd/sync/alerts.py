"""When an account's trouble is announced, repeated and over: pure. At most one alert an account is open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from syncd.config import AlertsConfig
from syncd.errors import FailureClass
from syncd.model import trusted
from syncd.store.records import Alert

ALWAYS_SAID: frozenset[FailureClass] = frozenset({"auth", "configuration"})
"""Failures that only a person can mend: the first of each is announced even while another alert is open."""

WHOLE_ACCOUNT = ""
"""Named as a region where no region failed: the account's regions could not be discovered."""

ADVICE: dict[FailureClass, str] = {
    "auth": "Check the key pair, its permissions and [api] base_url; `syncd doctor` asks the API with it.",
    "configuration": "Check the region and project_id of this account; `syncd regions` lists what the key may use.",
    "unreachable": "Check the network and [api] base_url from this machine; syncd goes on trying.",
    "protocol": "The API answers something that is not a list; if it lasts an hour, look for a newer syncd.",
    "incomplete": "The list changes or contradicts itself while it is read; additions count, nothing is revoked.",
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """One failed or incomplete attempt, of a target or of an account's region discovery."""

    failure: FailureClass
    failures: int
    """How many in a row, this one included."""
    since: datetime
    fresh: bool
    """False if it was never read whole, or was fresh when the failures began and is not any more.

    One that was stale before, after a pause of the machine say, takes as many failures as any other.
    """


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of the account fails after an attempt."""

    regions: tuple[str, ...] = ()
    """Those whose last attempt failed."""
    unwell: tuple[str, ...] = ()
    """Those among them without a complete sync since the alert's trouble began: they are part of it, and no growth."""
    everywhere: bool = False
    """Whether each active region fails so that it would be announced by itself."""


Say = Literal["failed", "reminder"]

NOWHERE = Extent()


def after_failure(
    alert: Alert | None, trouble: Trouble, limits: AlertsConfig, now: datetime, extent: Extent = NOWHERE
) -> tuple[Alert | None, Say | None]:
    """The alert that is open after a failure, and what to announce."""
    if alert is None:
        if not opens(trouble, limits):
            return None, None
        alert = Alert(trouble.failure, trouble.since, now, now, told=())
        return _said(alert, trouble.failure, extent, now), "failed"
    alert = as_of(alert, now)
    alert = replace(
        alert, named=_union(alert.named, extent.unwell), failed=_union(alert.failed, extent.regions)
    )
    if _grows(alert, trouble, limits, extent):
        return _said(alert, trouble.failure, extent, now), "failed"
    if now - alert.said_at >= limits.repeat:
        return _said(alert, alert.failure, extent, now), "reminder"
    return alert, None


def as_of(alert: Alert, now: datetime, instead: datetime | None = None) -> Alert:
    """An alert that a clock which ran ahead opened counts as opened and said now: it closes and repeats as others do.

    ``instead`` of now, where another moment is meant.
    """
    stamp = instead or now
    return replace(
        alert,
        since=trusted(alert.since, now) or stamp,
        opened_at=trusted(alert.opened_at, now) or stamp,
        said_at=trusted(alert.said_at, now) or stamp,
    )


def is_over(
    alert: Alert,
    last_successes: Iterable[datetime | None],
    troubles: Iterable[Trouble],
    limits: AlertsConfig,
) -> bool:
    """Whether every active target of the account had a complete sync since the alert opened.

    ``troubles`` are those of targets whose last attempt failed: one that is worth an announcement by itself keeps
    the alert open.
    """
    times = list(last_successes)
    return (
        bool(times)
        and all(time is not None and time >= alert.opened_at for time in times)
        and not any(opens(trouble, limits) or trouble.failure in ALWAYS_SAID for trouble in troubles)
    )


def opens(trouble: Trouble, limits: AlertsConfig) -> bool:
    """Whether a failure is worth an announcement by itself."""
    return trouble.failure == "auth" or trouble.failures >= limits.after or not trouble.fresh


def _grows(alert: Alert, trouble: Trouble, limits: AlertsConfig, extent: Extent) -> bool:
    """Another cause, or all regions where fewer were named: what was said describes it no longer."""
    if trouble.failure not in alert.told and (trouble.failure in ALWAYS_SAID or opens(trouble, limits)):
        return True
    return extent.everywhere and not set(extent.regions) <= set(alert.named)


def _said(alert: Alert, failure: FailureClass, extent: Extent, now: datetime) -> Alert:
    return replace(
        alert,
        failure=failure,
        said_at=now,
        told=alert.told if failure in alert.told else (*alert.told, failure),
        named=_union(alert.named, extent.regions or (WHOLE_ACCOUNT,)),
        failed=_union(alert.failed, extent.regions),
    )


def _union(known: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    return (*known, *(region for region in more if region not in known))
