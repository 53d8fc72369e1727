"""The cloud fails, lies and changes while it is read."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.stateful.lies import ANSWERS, DENIALS, FAILURES, HIDERS, LIES, LOOKUP_LIES
from tests.stateful.rules.draws import accounts, chance, regions
from tests.stateful.witness import Witness

IMPATIENT = timedelta(milliseconds=40)


class Faults(Witness):
    @rule(rng=chance)
    def live_through(self, rng: random.Random) -> None:
        """Sync while a fault lasts, and go on with it in force."""
        account, region = self.somewhere(rng)
        self.lies.end()
        alone = rng.random() < 0.5
        for _ in range(1 if alone else 2):
            if rng.random() < 0.6:
                self.lies.tell("list", *rng.choice(LIES), region)
            else:
                self.lies.tell(None, *rng.choice(FAILURES), region)
        self._lie_about_one(rng, account, region, deny=alone)
        self.look(account, region, rng.choices((0, 1, 6, 20, 90, 800), k=rng.randrange(4)))

    @rule(rng=chance)
    def be_deceived(self, rng: random.Random) -> None:
        """A region hides images for a while, with success, and lookups say what they like."""
        account, region = self.somewhere(rng)
        self.lies.end()
        self.lies.tell("list", *rng.choice(HIDERS), region)
        shown = self.rig.world.share_list(account, region).ids()
        if shown and rng.random() < 0.4:
            self.rig.world.unshare(account, region, rng.choice(shown))
        self._lie_about_one(rng, account, region, deny=True)
        self.look(account, region, [rng.choice((0, 3, 12, 40, 700))] * rng.choice((4, 4, 8)))
        self.lies.end()

    @rule(rng=chance, hours=st.sampled_from((2, 26, 200)))
    def pause_in_deceit(self, rng: random.Random, hours: int) -> None:
        """A few lists that hide images, a long time in which nobody looks, and one more."""
        account, region = self.somewhere(rng)
        self.lies.end()
        self.lies.tell("list", *rng.choice(HIDERS), region)
        self._lie_about_one(rng, account, region, deny=True)
        self.look(account, region, [1, 1, 60 * hours, 1, 1])
        self.lies.end()

    @rule(rng=chance)
    def fail_everywhere(self, rng: random.Random) -> None:
        """One region of an account fails, for long enough to be told; then all of them do, for a day or two."""
        account, region = self.somewhere(rng)
        self.lies.end()
        self.lies.tell(None, "retcode", {"code": 130}, region)
        self.look(account, region, [1, 2, 4])
        self.lies.tell(None, *rng.choice((("retcode", {"code": 130}), ("html", {}))), None)
        for minutes in (1, 2, 4, rng.choice((10, 1500)), 1500):
            for target in self.rig.active(account):
                self.look(*target, [0])
            self.rig.advance(minutes=minutes)
        self.lies.end()

    @rule(account=accounts, region=regions, about=st.sampled_from(("list", "lookup")))
    def hang(self, account: str, region: str, about: str) -> None:
        """Some answers never come."""
        patient = self.rig.api
        self.run(self.rig.restart(api=replace(patient, timeout=IMPATIENT)))
        self.lies.tell(about, "hang", {}, region)
        self.run(self._sync(account, region))
        self.is_true()
        self.lies.end()
        self.run(self.rig.restart(api=patient))

    @rule(fault=st.sampled_from(ANSWERS), about=st.sampled_from(("zones", "projects")))
    def doubt(self, fault: tuple[str, dict[str, Any]], about: str) -> None:
        """What else is asked gets no good answer, in all regions."""
        self.lies.tell(about, *fault, None)

    @rule()
    def behave(self) -> None:
        self.lies.end()

    @rule(rng=chance)
    def sync_while_it_changes(self, rng: random.Random) -> None:
        """``deny``: what the list loses between its pages, lookups do not find either."""
        account, region = self.somewhere(rng)
        deny = rng.random() < 0.5
        if deny:
            self.lies.end()
            self.lies.deny(account, region, self.rig.world.share_list(account, region).ids()[:-3])
        end = self.rig.world.on_page(lambda _: self.stir(rng, account, region))
        self.run(self._sync(account, region))
        end()
        if deny:
            self.is_true()
            self.lies.end()

    def _lie_about_one(self, rng: random.Random, account: str, region: str, *, deny: bool) -> None:
        """What lookups answer meanwhile: the truth, that nothing or not all is there, or nonsense."""
        match rng.randrange(4):
            case 0 if deny:
                shown = self.rig.world.share_list(account, region).ids()
                self.lies.deny(account, region, shown[: -rng.randint(1, 3)])
            case 1:
                self.lies.tell("lookup", *rng.choice(DENIALS), region)
            case 2:
                self.lies.tell("lookup", *rng.choice(LOOKUP_LIES), region)
