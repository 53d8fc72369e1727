"""What a sync warns of in the log, once while it lasts."""

from __future__ import annotations

import structlog

from syncd.model import Listing, Target
from syncd.sync.decision import Decision, Reading
from syncd.sync.event_drafts import IDS_SHOWN

log = structlog.get_logger()


class Warnings:
    """Fields of an unexpected type are said once a process, account and field."""

    def __init__(self) -> None:
        self._unreadable_said: set[tuple[str, str]] = set()

    def of_unreadable(self, target: Target, listing: Listing) -> None:
        for name, rows in listing.unreadable.items():
            if (target.account, name) not in self._unreadable_said:
                self._unreadable_said.add((target.account, name))
                log.warning(
                    "unreadable_field",
                    account=target.account,
                    region=target.region,
                    field=name,
                    rows=rows,
                    effect="its stored values are kept",
                )


def warn_of_lookups(reading: Reading, decision: Decision) -> None:
    """Once an episode each."""
    about = {"account": reading.target.account, "region": reading.target.region}
    if not decision.proving and reading.state.lookups_warned_at is None:
        log.warning(
            "lookups_prove_nothing",
            **about,
            missing=len(decision.kept),
            effect="images that the list lacks are called revoked after 24 hours only",
        )
    if decision.found and reading.state.disagreement_warned_at is None:
        log.warning(
            "list_and_lookup_disagree",
            **about,
            images=sorted(decision.found)[:IDS_SHOWN],
            count=len(decision.found),
            effect="images that the list lacks and a lookup still finds are not called revoked",
        )
