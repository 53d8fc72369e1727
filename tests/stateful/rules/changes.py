"""What changes in the cloud: images come, go, change and move, one by one and many at once."""

from __future__ import annotations

import random

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.stateful.lies import FAILURES
from tests.stateful.rules.draws import accounts, chance, places
from tests.stateful.stage import ACCOUNTS
from tests.stateful.witness import Witness
from tests.sync.rig import REGIONS

MANY = (12, 30, 180)
"""Of so many, a fifth or a quarter goes at once."""


class Changes(Witness):
    @rule(account=accounts, where=places, again=st.integers(0, 40))
    def share(self, account: str, where: str, again: int) -> None:
        known = self.images[again] if again < len(self.images) else None
        image = self.rig.world.share(account, where, known, **({} if known else {"Status": "Making"}))
        self.images += [] if known else [image]

    @precondition(lambda self: self.images)
    @rule(account=accounts, where=places, which=st.integers(0, 1000))
    def unshare(self, account: str, where: str, which: int) -> None:
        self.rig.world.unshare(account, where, self.images[which % len(self.images)])

    @rule(which=st.integers(0, 1000), where=places, status=st.sampled_from("AB"), name=st.sampled_from("xy"))
    def change(self, which: int, where: str, status: str, name: str) -> None:
        world = self.rig.world
        shown = sorted(
            set().union(*(world.shared(account, region) for account in ACCOUNTS for region in REGIONS))
        )
        if shown:
            world.change(shown[which % len(shown)], where, Status=status, Name=name)

    @rule(rng=chance)
    def lose(self, rng: random.Random) -> None:
        """Some of what a region lists goes, and the loss is looked at, again and again."""
        account, region = self.somewhere(rng)
        shown = self.rig.world.share_list(account, region).ids()
        for image in rng.sample(shown, min(len(shown), rng.choice((1, 2, 3, 12)))):
            self.rig.world.unshare(account, rng.choice((region, "*")), image)
        self.look(account, region, rng.choices((0, 4, 30, 90), k=4))

    @rule(rng=chance)
    def lose_many(self, rng: random.Random) -> None:
        """Many go at once, fewer than the guard holds; some more are missing from lists only, or denied as well."""
        account, region = self.somewhere(rng)
        count = rng.choice(MANY)
        self.lies.end()
        self.images += self.rig.world.fill(account, region, count - count // 3)
        self.images += self.rig.world.fill(account, (region, self.other(rng, region)), count // 3)
        self.look(account, region, [rng.choice((1, 30))])
        shown = self.rig.world.share_list(account, region).ids()
        leaving = rng.sample(shown, max(2, len(shown) * rng.choice((10, 25, 28)) // 100))
        for image in leaving[rng.randint(1, 3) :]:
            self.rig.world.unshare(account, rng.choice((region, "*")), image)
        staying = [image for image in leaving if image in self.rig.world.shared(account, region)]
        self.lies.hide(account, region, staying)
        self.look(account, region, rng.choices((0, 1, 3, 10, 60, 1500), k=4))
        self.lies.end()

    @rule(rng=chance)
    def move(self, rng: random.Random) -> None:
        """An image goes over to another region, which fails meanwhile, or is not read."""
        account, region = self.somewhere(rng)
        to = self.other(rng, region)
        shown = self.rig.world.share_list(account, region).ids()
        if not shown:
            return
        image = rng.choice(shown)
        if rng.random() < 0.5:
            self.lies.tell(None, *rng.choice(FAILURES), to)
        goes_first = rng.random() < 0.3
        for leaves in (goes_first, not goes_first):
            if leaves:
                self.rig.world.unshare(account, region, image)
            else:
                self.rig.world.share(account, to, image)
            if rng.random() < 0.4:
                self.look(account, rng.choice((region, to)), [rng.choice((0, 1, 40))])
        self._read_in_any_order(rng, account)

    @rule(rng=chance)
    def tell_and_lose(self, rng: random.Random) -> None:
        """A region tells a change of an image that others have too; then it fails, retires or loses the image."""
        account, region = self.somewhere(rng)
        shown = self.rig.world.share_list(account, region).ids()
        if not shown:
            return
        image = rng.choice(shown)
        self.rig.world.share(account, "*", image)
        for one in REGIONS:
            self.look_if_watched(account, one)
        self.rig.world.change(image, region, **rng.choice(({"Status": "Offline"}, {"Name": "xyz"})))
        self.look(account, region, [rng.choice((0, 1))])
        match rng.choice(("lose", "lose while another fails", "fail", "retire")):
            case "lose":
                self.rig.world.unshare(account, region, image)
            case "lose while another fails":
                self.rig.world.unshare(account, region, image)
                self.lies.tell(None, *rng.choice(FAILURES), self.other(rng, region))
            case "fail":
                self.lies.tell(None, *rng.choice(FAILURES), region)
            case "retire":
                self.retire(account, region)
        self._read_in_any_order(rng, account)

    def retire(self, account: str, region: str) -> None:
        """Another region stays, or comes instead."""
        self.story.tell(f"{account}/{region} retires")
        left = [target.region for target in self.rig.active(account) if target.region != region]
        self.rig.configure(account, tuple(left or [one for one in REGIONS if one != region]))
        self.run(self.rig.restart())
        self.is_true()

    def look_if_watched(self, account: str, region: str, minutes: float = 0) -> None:
        if any(target.region == region for target in self.rig.active(account)):
            self.look(account, region, [minutes])

    def _read_in_any_order(self, rng: random.Random, account: str) -> None:
        regions = list(REGIONS) * 2
        rng.shuffle(regions)
        for region in regions[: rng.randint(2, 6)]:
            self.look_if_watched(account, region, rng.choice((0, 1, 12, 40)))
