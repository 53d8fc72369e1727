"""A random world: the cloud lies, fails and changes while it is read; accounts, regions, projects and sinks come and
go; clocks are wrong; processes are killed.

A new fault is a line in `lies`, a new deed a rule in `rules`, a new promise an assertion in `judge` (what is told of an
image), `account_judge` (what an account hears), `alarms` (what is said of syncd itself) or `outbox` (who gets it).
"""

from __future__ import annotations

import random

from hypothesis.stateful import initialize

from tests.stateful.lies import FIRST_LISTS
from tests.stateful.rules.changes import Changes
from tests.stateful.rules.configuration import Configuration
from tests.stateful.rules.draws import chance
from tests.stateful.rules.ends import Ends
from tests.stateful.rules.faults import Faults
from tests.stateful.rules.times import INTERVALS, Times
from tests.stateful.stage import ACCOUNTS
from tests.sync.rig import REGIONS


class Machine(Changes, Faults, Times, Configuration, Ends):
    @initialize(rng=chance)
    def begin(self, rng: random.Random) -> None:
        for account in ACCOUNTS:
            self.images += self.rig.world.fill(account, "*", rng.choice((0, 1, 2, 4, 12)))
            self.images += self.rig.world.fill(account, rng.choice(REGIONS), rng.choice((0, 3, 8)))
        self.rig.world.fill("lab", "cn-a", rng.choice((0, 0, 110)))
        self.plan(rng.choice(INTERVALS))
        if rng.random() < 0.5:
            self.rig.configure("alice", None)
            self.run(self.rig.restart())
        if rng.random() < 0.3:
            self._read_badly_at_first(rng)
        self.run(self._discover())
        if rng.random() < 0.8:
            self.look_at_all()

    def _read_badly_at_first(self, rng: random.Random) -> None:
        """The first lists of some regions are blank, for a while."""
        for region in rng.sample(REGIONS, rng.randint(1, 3)):
            self.lies.tell("list", *rng.choice(FIRST_LISTS), region)
        for _ in range(rng.randint(1, 4)):
            self.run(self._discover())
            self.look_at_all()
            self.rig.advance(minutes=rng.choice((1, 61)))
        self.lies.end()
