"""When an account's trouble is announced, repeated and over: pure. At most one alert an account is open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from syncd.config import AlertsConfig
from syncd.errors import FailureClass
from syncd.store.records import Alert

ALWAYS_SAID: frozenset[FailureClass] = frozenset({"auth", "configuration"})
"""Failures that only a person can mend: the first of each is announced even while another alert is open."""

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
    """Whether the target still is fresh after it."""


Say = Literal["failed", "reminder"]


def after_failure(
    alert: Alert | None, trouble: Trouble, limits: AlertsConfig, now: datetime
) -> tuple[Alert | None, Say | None]:
    """The alert that is open after a failure, and what to announce."""
    if alert is None:
        if not _opens(trouble, limits):
            return None, None
        return Alert(trouble.failure, trouble.since, now, now, (trouble.failure,)), "failed"
    if trouble.failure in ALWAYS_SAID and trouble.failure not in alert.told:
        told = (*alert.told, trouble.failure)
        return replace(alert, failure=trouble.failure, said_at=now, told=told), "failed"
    if now - alert.said_at >= limits.repeat:
        return replace(alert, said_at=now), "reminder"
    return alert, None


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
        and not any(_opens(trouble, limits) or trouble.failure in ALWAYS_SAID for trouble in troubles)
    )


def _opens(trouble: Trouble, limits: AlertsConfig) -> bool:
    return trouble.failure == "auth" or trouble.failures >= limits.after or not trouble.fresh
