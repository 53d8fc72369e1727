"""Events as the syncs draft them: pure, from what happened to the envelope's data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import nsmallest
from typing import Any

from syncd.model import Change, Draft, Image, Missing, Target, to_text
from syncd.store.records import AccountState, Alert
from syncd.sync.alerts import ADVICE, WHOLE_ACCOUNT
from syncd.sync.facts import Telling

IDS_SHOWN = 20
"""Ids that a sync.held names."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """What the image events of one commit have in common."""

    target: Target
    time: datetime
    baseline: bool = False
    rebaseline: bool = False

    def draft(
        self,
        type_: str,
        telling: Telling,
        image: Image,
        observed_after: datetime | None,
        *,
        before: Image | None = None,
        changes: Sequence[Change] = (),
        previous: dict[str, Any] | None = None,
        **extra: Any,
    ) -> Draft:
        data: dict[str, Any] = {
            "account": self.target.account,
            "region": self.target.region,
            "scope": telling.scope,
            "baseline": self.baseline,
            "observed_after": _text(observed_after),
            "image": image,
            "previous": previous,
            "changes": changes,
            **extra,
        }
        if self.rebaseline:
            data["reason"] = "scope_changed"
        versions = (image,) if before is None else (before, image)
        return Draft(
            type=type_,
            time=self.time,
            data=data,
            account=self.target.account,
            region=self.target.region,
            image_id=image.image_id,
            scope=telling.scope,
            baseline=self.baseline,
            names=_texts(version.name for version in versions),
            owners=_texts(text for version in versions for text in (version.owner_id, version.owner_name)),
        )


def shared(
    occasion: Occasion, telling: Telling, image: Image, after: datetime | None, reshared: bool
) -> Draft:
    return occasion.draft("image.shared", telling, image, after, reshared=reshared)


def revoked(occasion: Occasion, telling: Telling, image: Image, missing: Missing) -> Draft:
    return occasion.draft(
        "image.revoked",
        telling,
        image,
        missing.shown_at,
        missing_since=to_text(missing.since),
        unverified_regions=telling.unverified,
    )


def status_changed(
    occasion: Occasion,
    telling: Telling,
    before: Image,
    image: Image,
    changes: Sequence[Change],
    after: datetime | None,
) -> Draft:
    """``changes`` are all of the image's; this event tells the status."""
    return occasion.draft(
        "image.status_changed",
        telling,
        image,
        after,
        before=before,
        previous=_previous(changes),
        changes=[change for change in changes if change.field == "status"],
    )


def updated(
    occasion: Occasion,
    telling: Telling,
    before: Image,
    image: Image,
    changes: Sequence[Change],
    after: datetime | None,
) -> Draft:
    """``changes`` are all of the image's; this event tells everything but the status."""
    return occasion.draft(
        "image.updated",
        telling,
        image,
        after,
        before=before,
        previous=_previous(changes),
        changes=[change for change in changes if change.field != "status"],
    )


def hello(account: str, images: int, regions: Sequence[str], pending: Sequence[str], now: datetime) -> Draft:
    data = {"images": images, "regions": list(regions), "pending_regions": list(pending)}
    return _of_account("sync.baseline", account, (*regions, *pending), now, data)


def failed(
    alert: Alert, account: AccountState, regions: Sequence[str], message: str, reminder: bool, now: datetime
) -> Draft:
    data = {
        "class": alert.failure,
        "regions": list(regions),
        "since": to_text(alert.since),
        "message": message,
        "hint": ADVICE[alert.failure],
        "reminder": reminder,
    }
    return _of_account("sync.failed", account.account, regions, now, data)


def recovered(alert: Alert, account: AccountState, regions: Sequence[str], now: datetime) -> Draft:
    """``regions`` had failed. Who was told that the account as a whole fails is told, whatever region it asks for."""
    data = {
        "class": alert.failure,
        "regions": list(regions),
        "since": to_text(alert.since),
        "duration_seconds": max(0, round((now - alert.since).total_seconds())),
    }
    told_to = () if WHOLE_ACCOUNT in alert.named else regions
    return _of_account("sync.recovered", account.account, told_to, now, data)


def held(
    target: Target, ids: Sequence[str], missing: int, live: int, until: datetime, now: datetime
) -> Draft:
    """``until``: when the first of the held rows will be called revoked, if its absence lasts."""
    data = {
        "missing": missing,
        "live": live,
        "until": to_text(until),
        "image_ids": nsmallest(IDS_SHOWN, ids),
        "release_command": f"syncd held release {target.options}",
    }
    return _of_target("sync.held", target, now, **data)


def released(target: Target, reason: str, returned: int, revoked: int, now: datetime) -> Draft:
    return _of_target("sync.released", target, now, reason=reason, returned=returned, revoked=revoked)


def _of_account(
    type_: str, account: str, regions: Sequence[str], now: datetime, data: Mapping[str, Any]
) -> Draft:
    return Draft(
        type=type_,
        time=now,
        data={"account": account, "region": None, "baseline": False, **data},
        account=account,
        regions=tuple(regions),
    )


def _of_target(type_: str, target: Target, now: datetime, **data: Any) -> Draft:
    return Draft(
        type=type_,
        time=now,
        data={"account": target.account, "region": target.region, "baseline": False, **data},
        account=target.account,
        region=target.region,
        regions=(target.region,),
    )


def _previous(changes: Sequence[Change]) -> dict[str, Any]:
    return {change.field: change.before for change in changes}


def _text(moment: datetime | None) -> str | None:
    return to_text(moment) if moment else None


def _texts(texts: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(sorted({text for text in texts if text}))
