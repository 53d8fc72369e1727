"""Processes end: by themselves, killed in the middle of something, or with the whole machine."""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.faults.power import Kept, Lost, Torn
from tests.stateful.deaths import Kill, Remains, rise, watching
from tests.stateful.figures import FIGURES
from tests.stateful.rules.draws import accounts, chance, regions
from tests.stateful.witness import Witness

DEEDS = ("sync", "sync", "sync all", "discover", "deliver", "deliver", "release", "prune")


class Ends(Witness):
    @rule()
    def begin_anew(self) -> None:
        self._rise()

    @rule(account=accounts, region=regions)
    def release_by_hand(self, account: str, region: str) -> None:
        self.run(self._release(account, region))

    @rule(rng=chance)
    def die(self, rng: random.Random) -> None:
        """In the middle of something, or else right behind it."""
        deed, work = self._some_work(rng)
        kill = Kill(self.rig.path, rng.choice((1, 1, 1, 2, 3)), late=rng.random() < 0.5)
        with watching(self.rig.db, kill.before_commit, kill.after_commit):
            self._until_dead(work, lambda: kill.is_dead)
        self._count(f"kill in {deed}" if kill.is_dead else f"kill behind {deed}")
        self._rise(kill.remains)

    @precondition(lambda self: self.power is not None)
    @rule(rng=chance, syncs=st.sampled_from((1, 1, 2, 2, 3, 4, 6, 10)))
    def lose_power(self, rng: random.Random, syncs: int) -> None:
        """In the middle of something, before a file is synced, or else right behind it."""
        power = self.power
        assert power is not None
        deed, work = self._some_work(rng)
        remains, loss = Remains(self.rig.path), rng.choice((Lost(), Torn(rng), Torn(rng), Kept()))
        power.cut_at(syncs, remains.folder, loss)
        with watching(self.rig.db, power.before_commit, power.before_commit):
            self._until_dead(work, lambda: power.is_off)
        self._count(f"power cut {'in' if power.is_off else 'behind'} {deed}")
        power.cut_now()
        self.alarms.power_cut()
        self._rise(remains)

    def _until_dead(self, work: Coroutine[Any, Any, object], is_dead: Callable[[], bool]) -> None:
        self.outbox.is_dead = is_dead
        try:
            self.run(work)
        except BaseException as end:  # a group of deaths, where several things ended at once
            if not is_dead():
                raise end
        finally:
            self.is_cut_short = is_dead()
            self.outbox.is_dead = lambda: False

    def _count(self, death: str) -> None:
        self.story.tell(death)
        FIGURES.kills[death] += 1

    def _rise(self, remains: Remains | None = None) -> None:
        self.run(rise(self.rig, remains))
        if self.power is not None and remains is not None:
            self.power.back_on(self.rig.path)
        self.outbox.check_kept()

    def _some_work(self, rng: random.Random) -> tuple[str, Coroutine[Any, Any, object]]:
        deed = rng.choice(DEEDS)
        account, region = self.somewhere(rng)
        for _ in range(rng.randrange(3)):
            self.stir(rng, account, region)
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
