"""A random world: the cloud lies, fails and changes while it is read; accounts, regions, projects and sinks come and
go; the clock jumps; processes are killed.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from syncd.compshare.reading import LIMIT
from syncd.model import Secret
from syncd.sync.release import release
from syncd.sync.settings import Settings
from tests.model.expected import CHAT, NAMES, PICKY, ROUTES
from tests.model.figures import FIGURES
from tests.model.kills import dying, rise
from tests.model.lies import ANSWERS, DENIALS, FAILURES, HIDERS, LIES, LOOKUP_LIES
from tests.model.witness import ACCOUNTS, Witness
from tests.sync.rig import REGIONS

accounts = st.sampled_from(ACCOUNTS)
regions = st.sampled_from(REGIONS)
chance = st.randoms(use_true_random=True)
"""From a seed that hypothesis draws: its own choices prefer what is small and what comes first."""
places = st.sampled_from((*REGIONS, "*", "*"))

IMPATIENT = timedelta(milliseconds=40)


class Machine(Witness):
    # the world

    @initialize(rng=chance)
    def begin(self, rng: random.Random) -> None:
        for account in ACCOUNTS:
            self.images += self.rig.world.fill(account, "*", rng.choice((0, 1, 2, 4, 12)))
            self.rig.world.fill(account, rng.choice(REGIONS), rng.choice((0, 3, 8)))
        self.rig.world.fill("lab", "cn-a", rng.choice((0, 0, 110)))
        if rng.random() < 0.5:
            self.rig.configure("alice", None)
            self.run(self.rig.restart())
            self.run(self._discover())
        if rng.random() < 0.8:
            self.run(self._sync_all())

    @rule(account=accounts, where=places, again=st.integers(0, 40))
    def share(self, account: str, where: str, again: int) -> None:
        known = self.images[again] if again < len(self.images) else None
        image = self.rig.world.share(account, where, known, **({} if known else {"Status": "Making"}))
        self.images += [] if known else [image]

    @precondition(lambda self: self.images)
    @rule(account=accounts, where=places, which=st.integers(0, 1000))
    def unshare(self, account: str, where: str, which: int) -> None:
        self.rig.world.unshare(account, where, self.images[which % len(self.images)])

    @rule(rng=chance)
    def lose(self, rng: random.Random) -> None:
        """Some of what a region lists goes, and the loss is looked at, again and again."""
        account, region = self._somewhere(rng)
        shown = self.rig.world.shelf(account, region).ids()
        for image in rng.sample(shown, min(len(shown), rng.choice((1, 2, 3, 12)))):
            self.rig.world.unshare(account, rng.choice((region, "*")), image)
        self._look(account, region, rng.choices((0, 4, 30, -60), k=4))

    @rule(which=st.integers(0, 1000), where=places, status=st.sampled_from("AB"), name=st.sampled_from("xy"))
    def change(self, which: int, where: str, status: str, name: str) -> None:
        world = self.rig.world
        shown = sorted(
            set().union(*(world.shared(account, region) for account in ACCOUNTS for region in REGIONS))
        )
        if shown:
            world.change(shown[which % len(shown)], where, Status=status, Name=name)

    # the cloud's faults

    @rule(rng=chance)
    def live_through(self, rng: random.Random) -> None:
        """Sync while a fault lasts, and go on with it in force."""
        account, region = self._somewhere(rng)
        self.lies.end()
        alone = rng.random() < 0.5
        for _ in range(1 if alone else 2):
            if rng.random() < 0.6:
                self.lies.tell("list", *rng.choice(LIES), region)
            else:
                self.lies.tell(None, *rng.choice(FAILURES), region)
        self._lie_about_one(rng, account, region, deny=alone)
        self._look(account, region, rng.choices((0, 1, 6, 20, 90, 800), k=rng.randrange(4)))

    @rule(rng=chance)
    def be_deceived(self, rng: random.Random) -> None:
        """A region hides images for a while, with success, and lookups say what they like."""
        account, region = self._somewhere(rng)
        self.lies.end()
        self.lies.tell("list", *rng.choice(HIDERS), region)
        shown = self.rig.world.shelf(account, region).ids()
        if shown and rng.random() < 0.4:
            self.rig.world.unshare(account, region, rng.choice(shown))
        self._lie_about_one(rng, account, region, deny=True)
        self._look(account, region, [rng.choice((0, 3, 12, 40, 700))] * 4)
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

    # syncs

    @rule(account=accounts, region=regions)
    def sync(self, account: str, region: str) -> None:
        self.run(self._sync(account, region))

    @rule()
    def sync_all(self) -> None:
        self.run(self._sync_all())

    @rule(rng=chance)
    def sync_while_it_changes(self, rng: random.Random) -> None:
        """``deny``: what the list loses between its pages, lookups do not find either."""
        account, region = self._somewhere(rng)
        deny = rng.random() < 0.5
        if deny:
            self.lies.end()
            self.lies.deny(account, region, self.rig.world.shelf(account, region).ids()[:-3])
        end = self.rig.world.on_page(lambda _: self._stir(rng, account, region))
        self.run(self._sync(account, region))
        end()
        if deny:
            self.is_true()
            self.lies.end()

    @rule(rng=chance)
    def die(self, rng: random.Random) -> None:
        """In the middle of something, or else right behind it."""
        deed = rng.choice(("sync", "sync", "sync all", "discover", "deliver", "deliver", "release", "prune"))
        commits, after = rng.choice((1, 1, 1, 2, 3)), rng.random() < 0.5
        account, region = self._somewhere(rng)
        work = {
            "sync": self._sync(account, region), "sync all": self._sync_all(), "discover": self._discover(),
            "deliver": self.outbox.deliver(), "release": self._release(account, region),
            "prune": self.outbox.prune(),
        }  # fmt: skip
        chosen = work.pop(deed)
        for other in work.values():
            other.close()
        with dying(self.rig.db, commits, after=after) as remains:
            try:
                self.run(chosen)
            except BaseException as end:  # a group of deaths, where several things ended at once
                if not remains:
                    raise end
                FIGURES.kills[f"{'after' if after else 'before'} a commit of {deed}"] += 1
        self.run(rise(self.rig, *remains))

    @rule()
    def begin_anew(self) -> None:
        self.run(rise(self.rig))

    @rule(account=accounts, region=regions)
    def release_by_hand(self, account: str, region: str) -> None:
        self.run(self._release(account, region))

    @rule()
    def discover(self) -> None:
        self.run(self._discover())

    # time

    @rule(minutes=st.sampled_from((1, 3, 10, 40, 61, 600, 1500, -60)))
    def wait(self, minutes: int) -> None:
        self.pass_(minutes)

    # the configuration

    @rule(account=accounts, some=st.none() | st.sets(regions))
    def watch(self, account: str, some: set[str] | None) -> None:
        """Only these regions of the account from now on (None: all); the account leaves if it has none."""
        self.rig.configs.pop(account, None)
        if some is None or some:
            self.rig.configure(account, None if some is None else tuple(sorted(some)))
        self.run(self.rig.restart())

    @rule(which=st.integers(0, 1))
    def change_the_project(self, which: int) -> None:
        if "lab" in self.rig.configs:
            self.run(self.rig.restart(project_id=self.rig.world.account("lab").projects[which]))

    @rule()
    def rotate_the_key(self) -> None:
        if "lab" in self.rig.configs:
            keys = self.rig.world.rotate_key("lab")
            public, private = Secret(keys.public_key), Secret(keys.private_key)
            self.run(self.rig.restart(public_key=public, private_key=private))

    @rule(names=st.sets(st.sampled_from(NAMES), min_size=1), picky=st.booleans())
    def send_to(self, names: set[str], picky: bool) -> None:
        """Only to these sinks from now on; ``picky``: chat takes something else."""
        chosen = tuple(route for route in ROUTES if route.sink in names)
        self.outbox.routes = tuple(PICKY if picky and route is CHAT else route for route in chosen)
        self.run(self.rig.restart(settings=Settings(routes=self.outbox.routes)))
        self.run(self.outbox.deliver())

    # the outbox

    @rule(away=st.sets(st.sampled_from(NAMES)), moody=st.sets(st.sampled_from(NAMES)))
    def deliver(self, away: set[str], moody: set[str]) -> None:
        self.outbox.away, self.outbox.moody = frozenset(away), frozenset(moody)
        self.run(self.outbox.deliver())

    @rule()
    def prune(self) -> None:
        self.run(self.outbox.prune())

    # parts

    def _somewhere(self, rng: random.Random) -> tuple[str, str]:
        """A watched place, one where something is shown if there is any, more often one with a long list."""
        watched = [(name, target.region) for name in self.rig.configs for target in self.rig.active(name)]
        full = [place for place in watched if self.rig.world.shared(*place)]
        long = [place for place in full if len(self.rig.world.shared(*place)) > LIMIT]
        return rng.choice(full + 2 * long or watched or [(ACCOUNTS[0], REGIONS[0])])

    def _lie_about_one(self, rng: random.Random, account: str, region: str, *, deny: bool) -> None:
        """What lookups answer meanwhile: the truth, that nothing or not all is there, or nonsense."""
        match rng.randrange(4):
            case 0 if deny:
                shown = self.rig.world.shelf(account, region).ids()
                self.lies.deny(account, region, shown[: -rng.randint(1, 3)])
            case 1:
                self.lies.tell("lookup", *rng.choice(DENIALS), region)
            case 2:
                self.lies.tell("lookup", *rng.choice(LOOKUP_LIES), region)

    def _look(self, account: str, region: str, waits: Iterable[int]) -> None:
        for minutes in waits:
            self.run(self._sync(account, region))
            self.is_true()
            self.pass_(minutes)

    async def _release(self, account: str, region: str) -> None:
        if any(target.region == region for target in self.rig.active(account)):
            self.judge.by_hand = True
            await release(self.rig.syncer, account, region)

    def _stir(self, rng: random.Random, account: str, region: str) -> None:
        shown = self.rig.world.shelf(account, region).ids()
        match rng.randrange(4):
            case 0:
                self.images.append(self.rig.world.share(account, region))
            case 1 if shown:
                self.rig.world.unshare(account, region, rng.choice(shown))
            case 2 if shown:
                self.rig.world.set_status(rng.choice(shown), rng.choice("AB"))
