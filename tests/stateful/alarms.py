"""Silence means health: what fails is said, in time, and said to be over; what is called fresh is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import timedelta
from typing import TypeVar

from syncd.config import AlertsConfig
from syncd.model import Target
from syncd.store.targets import read_targets
from syncd.sync.report import SyncReport
from tests.stateful.clock import Clock
from tests.stateful.observed import Observed
from tests.sync.ledger import Event
from tests.sync.rig import Rig

ALERTS = AlertsConfig()
REPEATED_WITHIN = 2 * ALERTS.repeat
"""A clock that went wrong may cost one reminder."""
SLACK = timedelta(minutes=1)

T = TypeVar("T")


class Alarms:
    def __init__(self, rig: Rig, clock: Clock, observed: Observed) -> None:
        self._rig = rig
        self._clock = clock
        self._observed = observed
        self._held: set[Target] = set()
        self._named: dict[str, set[str]] = {}
        """Account whose alert is open → the regions that it named."""
        self._said: dict[str, timedelta] = {}
        self._failures: Counter[Target] = Counter()
        """Reported in a row."""
        self._tried: set[str] = set()
        """Accounts of which something failed in this step."""

    # what is told

    def hear(self, event: Event) -> None:
        match event.type:
            case "sync.held" | "sync.released":
                assert event.region
                target = Target(event.account, event.region)
                self._turn(self._held, target, event.type == "sync.held", event)
            case "sync.failed":
                self._named.setdefault(event.account, set()).update(event.data["regions"])
                self._said[event.account] = self._clock.passed
            case "sync.recovered":
                assert event.account in self._named, event
                del self._named[event.account]
                # The sync that ended it may have been killed after its commit, and never have reported.
                for target in [target for target in self._failures if target.account == event.account]:
                    del self._failures[target]

    # what happens

    def report(self, report: SyncReport) -> None:
        match report.outcome:
            case "failed" | "incomplete":
                self._failures[report.target] += 1
                self._tried.add(report.target.account)
            case "complete" | "held":
                del self._failures[report.target]

    def dismiss(self, account: str) -> None:
        """Nothing is said any more about an account that leaves."""
        self._named.pop(account, None)

    def power_cut(self) -> None:
        """How often something failed may be forgotten."""
        self._failures.clear()

    # what must be true

    def check(self, watched: Collection[Target]) -> None:
        for target in self._failures.keys() - set(watched):
            del self._failures[target]
        for account in {target.account for target in watched}:
            self._check_account(account, {target.region for target in watched if target.account == account})
        self._tried.clear()

    async def check_fresh(self) -> None:
        async with self._rig.db.read() as tx:
            states = await read_targets(tx)
        for state in states:
            if state.scope is not None and state.counts(state.scope, self._clock.now()):
                fresh = self._observed.is_fresh(state.target, SLACK)
                assert fresh, f"called fresh, and last read {self._observed.last(state.target)}: {state}"

    def check_rest(self, watched: Collection[Target]) -> None:
        """Whatever was announced as wrong was announced as right again, wherever it is still watched."""
        assert not self._held & set(watched), (
            f"{self._held & set(watched)} were said to be held, and not released"
        )
        assert not self._named, f"{set(self._named)} were told of failures, and not that all is well again"

    def _check_account(self, account: str, regions: set[str]) -> None:
        failing = {region for region in regions if self._failures[Target(account, region)] >= ALERTS.after}
        if not failing:
            return
        assert account in self._named, f"{account} was not told that {failing} fail"
        again = account not in self._tried or self._clock.passed - self._said[account] < REPEATED_WITHIN
        assert again, (
            f"{account} was told of failures {self._clock.passed - self._said[account]} ago, and not again"
        )
        if failing == regions:
            unsaid = regions - self._named[account]
            assert not unsaid, f"{account} was told of some regions, but not that {unsaid} fail too: all do"

    @staticmethod
    def _turn(open_: set[T], what: T, begins: bool, event: Event) -> None:
        assert (what in open_) is not begins, event
        (open_.add if begins else open_.discard)(what)
