"""A random world: the cloud lies, fails and changes while it is read; accounts, regions, projects and sinks come and
go; the clock jumps; processes are killed.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from syncd.model import Secret
from syncd.sync.release import release
from syncd.sync.settings import Settings
from tests.model.expected import CHAT, NAMES, PICKY, ROUTES
from tests.model.figures import FIGURES
from tests.model.kills import dying, rise
from tests.model.lies import ANSWERS, FAILURES, LIES, LOOKUP_LIES
from tests.model.outbox import HOUR
from tests.model.witness import ACCOUNTS, Witness
from tests.sync.rig import REGIONS

accounts = st.sampled_from(ACCOUNTS)
regions = st.sampled_from(REGIONS)
places = st.sampled_from((*REGIONS, "*", "*"))

IMPATIENT = timedelta(milliseconds=40)


class Machine(Witness):
    # the world

    @initialize(
        few=st.sampled_from((0, 1, 2, 4, 12)), many=st.sampled_from((0, 3, 110)), discovering=st.booleans()
    )
    def begin(self, few: int, many: int, discovering: bool) -> None:
        for account in ACCOUNTS:
            self.images += self.rig.world.fill(account, "*", few)
        self.rig.world.fill("lab", "cn-a", many)
        if discovering:
            self.rig.configure("alice", None)
            self.run(self.rig.restart())

    @rule(account=accounts, where=places, again=st.integers(0, 40))
    def share(self, account: str, where: str, again: int) -> None:
        known = self.images[again] if again < len(self.images) else None
        image = self.rig.world.share(account, where, known, **({} if known else {"Status": "Making"}))
        self.images += [] if known else [image]

    @precondition(lambda self: self.images)
    @rule(account=accounts, where=places, which=st.integers(0, 1000))
    def unshare(self, account: str, where: str, which: int) -> None:
        self.rig.world.unshare(account, where, self.images[which % len(self.images)])

    @rule(account=accounts, region=regions, count=st.integers(1, 12), minutes=st.sampled_from((0, 4, 30)))
    def lose(self, account: str, region: str, count: int, minutes: int) -> None:
        """Some of what the region lists goes, and the loss is looked at, again and again."""
        for image in self.rig.world.shelf(account, region).ids()[:count]:
            self.rig.world.unshare(account, region, image)
        for _ in range(3):
            self.run(self._sync(account, region))
            self.is_true()
            self.rig.advance(minutes=minutes)

    @rule(which=st.integers(0, 1000), where=places, status=st.sampled_from("AB"), name=st.sampled_from("xy"))
    def change(self, which: int, where: str, status: str, name: str) -> None:
        world = self.rig.world
        shown = sorted(
            set().union(*(world.shared(account, region) for account in ACCOUNTS for region in REGIONS))
        )
        if shown:
            world.change(shown[which % len(shown)], where, Status=status, Name=name)

    # the cloud's faults

    @rule(
        fault=st.sampled_from([("list", *lie) for lie in LIES] + [(None, *failure) for failure in FAILURES]),
        account=accounts,
        region=regions,
        lookups=st.sampled_from([None, *LOOKUP_LIES]),
        waits=st.lists(st.sampled_from((0, 1, 6, 20, 90, 800)), max_size=4),
    )
    def live_through(
        self,
        fault: tuple[str | None, str, dict[str, Any]],
        account: str,
        region: str,
        lookups: tuple[str, dict[str, Any]] | None,
        waits: list[int],
    ) -> None:
        """Sync while the fault lasts, and go on with it in force."""
        self.lies.tell(*fault, region)
        if lookups is not None:
            self.lies.tell("lookup", *lookups, region)
        for minutes in waits:
            self.rig.advance(minutes=minutes)
            self.run(self._sync(account, region))
            self.is_true()

    @rule(account=accounts, region=regions, minutes=st.sampled_from((0, 3, 12, 40)), surely=st.booleans())
    def go_blank(self, account: str, region: str, minutes: int, surely: bool) -> None:
        """A region shows nothing for a while, with success; ``surely``: and denies each image that is asked for."""
        self.lies.tell("list", "blank", {}, region)
        if surely:
            self.lies.tell("lookup", "null_list", {"total": 0}, region)
        for _ in range(4):
            self.run(self._sync(account, region))
            self.is_true()
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

    # syncs

    @rule(account=accounts, region=regions)
    def sync(self, account: str, region: str) -> None:
        self.run(self._sync(account, region))

    @rule()
    def sync_all(self) -> None:
        self.run(self._sync_all())

    @rule(account=accounts, region=regions, seed=st.integers(0, 99))
    def sync_while_it_changes(self, account: str, region: str, seed: int) -> None:
        rng = random.Random(seed)
        end = self.rig.world.on_page(lambda _: self._stir(rng, account, region))
        self.run(self._sync(account, region))
        end()

    @rule(
        deed=st.sampled_from(("sync", "sync", "sync all", "discover", "deliver", "release", "prune")),
        account=accounts,
        region=regions,
        commits=st.sampled_from((1, 1, 1, 2, 3)),
        after=st.booleans(),
    )
    def die(self, deed: str, account: str, region: str, commits: int, after: bool) -> None:
        """In the middle of something, or else right behind it."""
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

    @rule(minutes=st.sampled_from((1, 3, 10, 40, 61, 600, 1500)))
    def wait(self, minutes: int) -> None:
        self.rig.advance(minutes=minutes)

    @rule()
    def set_the_clock_back(self) -> None:
        self.rig.clock.at -= HOUR
        self.set_back += HOUR

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
