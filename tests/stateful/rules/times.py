"""Syncs as they are planned, by a daemon and by cron; clocks that are wrong; pauses."""

from __future__ import annotations

import random
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.stateful.rules.draws import accounts, chance, places, regions
from tests.stateful.witness import Witness

INTERVALS = tuple(timedelta(minutes=minutes) for minutes in (1, 1, 1, 20, 360))
AHEAD = (timedelta(hours=8), timedelta(days=365))
"""A machine that holds local time until it asks the network; a battery that is empty."""


class Times(Witness):
    @rule(account=accounts, region=regions)
    def sync(self, account: str, region: str) -> None:
        self.run(self._sync(account, region))

    @rule()
    def sync_all(self) -> None:
        self.look_at_all()

    @rule()
    def discover(self) -> None:
        self.run(self._discover())

    @rule(minutes=st.sampled_from((1, 3, 10, 40, 61, 600, 1500)))
    def wait(self, minutes: int) -> None:
        self.rig.advance(minutes=minutes)

    @rule(interval=st.sampled_from(INTERVALS))
    def plan_otherwise(self, interval: timedelta) -> None:
        self.plan(interval)

    @rule(rng=chance, rounds=st.integers(2, 4), minutes=st.sampled_from((30, 60, 60, 1440)))
    def be_run_by_cron(self, rng: random.Random, rounds: int, minutes: int) -> None:
        """Rounds further apart than the interval, while images come, go and move."""
        for _ in range(rounds):
            account, region = self.somewhere(rng)
            shown = self.rig.world.share_list(account, region).ids()
            if shown and rng.random() < 0.7:
                image = rng.choice(shown)
                self.rig.world.share(account, self.other(rng, region), image)
                self.rig.world.unshare(account, region, image)
            self.run(self._round())
            self.is_true()
            self.rig.advance(minutes=minutes)

    # clocks

    @rule(minutes=st.sampled_from((-60, 61, 480, -480)))
    def set_the_clock(self, minutes: int) -> None:
        self.clock.jump(timedelta(minutes=minutes))

    @rule()
    def set_the_clock_right(self) -> None:
        self.clock.set_right()

    @rule(rng=chance, ahead=st.sampled_from(AHEAD))
    def run_ahead(self, rng: random.Random, ahead: timedelta) -> None:
        """The clock is ahead for a while in which something fails, is lost or is forgotten, and is set back."""
        account, region = self.somewhere(rng)
        if rng.random() < 0.4:
            self.lies.tell(None, "retcode", {"code": 130}, region)
        self.clock.jump(ahead)
        self.look(account, region, rng.choice(((1,), (1, 1, 1), (40, 40, 40))))
        for deed in rng.sample((self.outbox.prune, self.outbox.deliver, self._sync_all), k=rng.randrange(3)):
            self.run(deed())
            self.is_true()
        self.clock.jump(-ahead)
        if rng.random() < 0.6:
            self.lies.end()
        self.look(account, region, rng.choices((1, 10, 40), k=3))

    @rule(account=accounts, where=places, minutes=st.sampled_from((5, 600)))
    def lose_after_a_jump(self, account: str, where: str, minutes: int) -> None:
        """Everything was read by a clock that ran ahead; then an image goes, and one region cannot say so."""
        self.clock.jump(AHEAD[0])
        self.look_at_all()
        self.clock.jump(-AHEAD[0])
        self.rig.advance(minutes=minutes)
        active = self.rig.active(account)
        shown = sorted(self.rig.world.shared(*active[0])) if active else []
        if len(active) > 1 and shown:
            self.rig.world.unshare(account, where, shown[0])
            self.lies.tell(None, "retcode", {"code": 130}, active[1].region)
            self.look(*active[0], [1])
            self.look(*active[1], [1, 2, 4, 30])
            self.look(*active[0], [1])
