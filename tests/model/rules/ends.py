"""Processes end: by themselves, killed in the middle of something, or with the whole machine."""

from __future__ import annotations

import random
from collections.abc import Coroutine
from typing import Any

from hypothesis.stateful import rule

from tests.model.deaths import dying, rise
from tests.model.figures import FIGURES
from tests.model.rules.draws import accounts, chance, regions
from tests.model.witness import Witness

DEEDS = ("sync", "sync", "sync all", "discover", "deliver", "deliver", "release", "prune")


class Ends(Witness):
    @rule()
    def begin_anew(self) -> None:
        self.run(rise(self.rig))
        self.outbox.check_kept()

    @rule(account=accounts, region=regions)
    def release_by_hand(self, account: str, region: str) -> None:
        self.run(self._release(account, region))

    @rule(rng=chance)
    def die(self, rng: random.Random) -> None:
        """In the middle of something, or else right behind it."""
        deed, work = self._some_work(rng)
        commits, after = rng.choice((1, 1, 1, 2, 3)), rng.random() < 0.5
        with dying(self.rig.db, commits, after=after) as remains:
            try:
                self.run(work)
            except BaseException as end:  # a group of deaths, where several things ended at once
                if not remains:
                    raise end
                FIGURES.kills[f"{'after' if after else 'before'} a commit of {deed}"] += 1
        self.story.tell(f"death {'after' if after else 'before'} commit {commits} of {deed}")
        self.run(rise(self.rig, *remains))
        self.outbox.check_kept()

    def _some_work(self, rng: random.Random) -> tuple[str, Coroutine[Any, Any, object]]:
        deed = rng.choice(DEEDS)
        account, region = self.somewhere(rng)
        match deed:
            case "sync":
                return deed, self._sync(account, region)
            case "sync all":
                return deed, self._sync_all()
            case "discover":
                return deed, self._discover()
            case "deliver":
                return deed, self.outbox.deliver()
            case "release":
                return deed, self._release(account, region)
            case _:
                return deed, self.outbox.prune()
