"""What people change: accounts, regions, projects, keys, receivers and their filters."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import rule

from syncd.model import Secret
from tests.stateful.expected import CHAT, NAMES, PICKY, ROUTES
from tests.stateful.rules.draws import accounts, regions
from tests.stateful.witness import Witness


class Configuration(Witness):
    @rule(account=accounts, some=st.none() | st.sets(regions))
    def watch(self, account: str, some: set[str] | None) -> None:
        """Only these regions of the account from now on (None: all); the account leaves if it has none."""
        self.story.tell(f"{account} is watched in {'all regions' if some is None else sorted(some)}")
        self.rig.configs.pop(account, None)
        if some is None or some:
            self.rig.configure(account, None if some is None else tuple(sorted(some)))
        self.run(self.rig.restart())

    @rule(which=st.integers(0, 1))
    def change_the_project(self, which: int) -> None:
        if "lab" in self.rig.configs:
            self.story.tell(f"lab has project {which}")
            self.run(self.rig.restart(project_id=self.rig.world.account("lab").projects[which]))

    @rule()
    def rotate_the_key(self) -> None:
        if "lab" in self.rig.configs:
            self.story.tell("lab has another key")
            keys = self.rig.world.rotate_key("lab")
            public, private = Secret(keys.public_key), Secret(keys.private_key)
            self.run(self.rig.restart(public_key=public, private_key=private))

    @rule(names=st.sets(st.sampled_from(NAMES), min_size=1), picky=st.booleans())
    def send_to(self, names: set[str], picky: bool) -> None:
        """Only to these sinks from now on; ``picky``: chat takes something else."""
        chosen = tuple(route for route in ROUTES if route.sink in names)
        self.outbox.routes = tuple(PICKY if picky and route is CHAT else route for route in chosen)
        self.run(self.rig.restart(settings=replace(self.rig.settings, routes=self.outbox.routes)))
        self.run(self.outbox.deliver())

    @rule(away=st.sets(st.sampled_from(NAMES)), moody=st.sets(st.sampled_from(NAMES)))
    def deliver(self, away: set[str], moody: set[str]) -> None:
        self.outbox.away, self.outbox.moody = frozenset(away), frozenset(moody)
        self.run(self.outbox.deliver())

    @rule()
    def prune(self) -> None:
        self.run(self.outbox.prune())
