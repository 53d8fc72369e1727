"""The pretend cloud's truth: who is shown which images where, the deeds that change it, and its history."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

from syncd.simulator import catalogue, row_bytes
from syncd.simulator.accounts import Account
from syncd.simulator.history import History
from syncd.simulator.page import Page
from syncd.simulator.registry import EVERYWHERE, Registry, UnknownError, Where
from syncd.simulator.share_list import Order, ShareList

Invent = Callable[[int, int], dict[str, Any]]
"""(seed, number) → the fields of an image's row."""


@dataclass(frozen=True, slots=True)
class PageRead:
    """A page of a list that is about to be served."""

    account: str
    region: str
    offset: int
    limit: int


class World(Registry):
    """Accounts, regions and images. Deterministic: the same seed and deeds give the same world, ids and keys.

    ``clock`` dates the history (seconds since the epoch, or whatever a test counts in). Fields of images are
    named as on the wire: ``world.share("lab", "cn-wlcb", Name="我的镜像", Status="Making")``.
    """

    def __init__(
        self,
        seed: int = 1,
        *,
        clock: Callable[[], float] = time.time,
        order: Order = "newest",
        invent: Invent = catalogue.image_fields,
    ) -> None:
        super().__init__(seed)
        self._clock = clock
        self._order = order
        self._invent = invent
        self._share_lists: dict[tuple[str, str], ShareList] = {}
        self._images: dict[str, bytes] = {}
        self._numbers = itertools.count(1)
        self._serials = itertools.count(1)
        self._watchers: list[Callable[[PageRead], None]] = []

    @classmethod
    def sample(
        cls,
        accounts: int = 2,
        regions: Iterable[str] = ("cn-wlcb", "cn-sh2", "cn-bj2"),
        images: int = 40,
        seed: int = 1,
    ) -> Self:
        """A world to look at: accounts ``lab``, ``team-2``, …; each is shown ``images`` in every region,
        and half as many in all regions at once."""
        world = cls(seed)
        for region in regions:
            world.add_region(region)
        for number in range(1, accounts + 1):
            name = "lab" if number == 1 else f"team-{number}"
            world.add_account(name)
            for region in world.regions:
                world.fill(name, region, images - images // 2)
            world.fill(name, EVERYWHERE, images // 2)
        return world

    # deeds

    def share(
        self, account: str | Account, regions: Where, image: str | None = None, /, **fields: Any
    ) -> str:
        """Show an image there; without ``image`` a new one, invented but for ``fields``. Returns its id."""
        if image is None:
            image = self._new_image(fields)
        elif fields:
            raise TypeError("fields are given to a new image; change() alters one that exists")
        row = self._image(image)
        for share_list in self._on(account, regions):
            share_list.add(image, row, self._clock())
        return image

    def fill(self, account: str | Account, regions: Where, count: int, **fields: Any) -> list[str]:
        """Share so many new images."""
        return [self.share(account, regions, **fields) for _ in range(count)]

    def unshare(self, account: str | Account, regions: Where, image: str) -> bool:
        """Take an image away there; says whether it was shown anywhere."""
        self._image(image)
        dropped = [share_list.drop(image, self._clock()) for share_list in self._on(account, regions)]
        return any(dropped)

    def set_status(self, image: str, status: str, regions: Where = EVERYWHERE) -> None:
        self.change(image, regions, Status=status)

    def rename(self, image: str, name: str, regions: Where = EVERYWHERE) -> None:
        self.change(image, regions, Name=name)

    def change(self, image: str, regions: Where = EVERYWHERE, **fields: Any) -> None:
        """Alter fields for every account that is shown the image there."""
        if regions == EVERYWHERE:
            self._images[image] = _altered(self._image(image), fields)
        for share_list in self._of_all(regions):
            row = share_list.row(image)
            if row is not None:
                share_list.put(image, _altered(row, fields))

    def remove(self, image: str) -> None:
        """Delete an image: nobody is shown it any more. It can be shared again under its id."""
        self._image(image)
        for share_list in self._of_all(EVERYWHERE):
            share_list.drop(image, self._clock())

    def blank(self, regions: Where, account: str | Account | None = None) -> int:
        """Take everything away there, from one account or all; says how many rows."""
        share_lists = [share_list for one in self._whom(account) for share_list in self._on(one, regions)]
        return sum(
            share_list.drop(image, self._clock())
            for share_list in share_lists
            for image in list(share_list.ids())
        )

    # the truth

    def share_list(self, account: str | Account, region: str) -> ShareList:
        self._where(region)
        key = (self.account(account).name, region)
        if key not in self._share_lists:
            self._share_lists[key] = ShareList(self._order)
        return self._share_lists[key]

    def shared(self, account: str | Account, region: str) -> frozenset[str]:
        """The ids that are shown there now."""
        return frozenset(self.share_list(account, region).ids())

    def images(self, account: str | Account, region: str) -> dict[str, dict[str, Any]]:
        """Id → fields of every row there, in the list's order."""
        return {
            fields["CompShareImageId"]: fields
            for fields in map(row_bytes.decode, self.share_list(account, region).rows())
        }

    def history(self, account: str | Account, region: str) -> History:
        """When each image was shown there, in the time of this world's clock."""
        return self.share_list(account, region).history

    # reading as the API does

    def page(
        self,
        account: str | Account,
        region: str,
        limit: int = 20,
        offset: int = 0,
        image_id: str | None = None,
    ) -> bytes:
        """The body of one answer, without HTTP, checks or faults. A page of a list runs the watchers first."""
        return self.read(account, region, limit, offset, image_id).body(self.next_digits())

    def read(
        self, account: str | Account, region: str, limit: int, offset: int, image_id: str | None = None
    ) -> Page:
        """The same, before it becomes bytes."""
        share_list = self.share_list(account, region)
        if image_id:
            row = share_list.row(image_id)
            return Page([_with_readme(row)] if row else [], 1 if row else 0)
        for watcher in tuple(self._watchers):
            watcher(PageRead(self.account(account).name, region, offset, limit))
        return Page(share_list.rows(offset, limit), len(share_list))

    def next_digits(self) -> bytes:
        """What makes the counters of the next answer differ from the last one's."""
        return row_bytes.counter_digits(next(self._serials))

    def on_page(self, callback: Callable[[PageRead], None]) -> Callable[[], None]:
        """Run ``callback`` before each page of a list is read; returns what ends that."""
        self._watchers.append(callback)
        return lambda: self._watchers.remove(callback)

    def after_pages(self, count: int, deed: Callable[[], object]) -> None:
        """Run ``deed`` once, between two pages: when ``count`` more have been served."""
        left = itertools.count(count, -1)

        def watch(_: PageRead) -> None:
            if next(left) == 0:
                end()
                deed()

        end = self.on_page(watch)

    # parts

    def _new_image(self, fields: dict[str, Any]) -> str:
        made = self._invent(self.seed, next(self._numbers)) | fields
        image: str = made["CompShareImageId"]
        self._images[image] = row_bytes.encode(made)
        return image

    def _image(self, image: str) -> bytes:
        if image not in self._images:
            raise UnknownError(f"no image {image!r}")
        return self._images[image]

    def _on(self, account: str | Account, regions: Where) -> list[ShareList]:
        return [self.share_list(account, region) for region in self._where(regions)]

    def _of_all(self, regions: Where) -> list[ShareList]:
        """Every account's share_lists there; with "*" those of removed regions too."""
        named = None if regions == EVERYWHERE else self._where(regions)
        return [
            share_list
            for (_, region), share_list in self._share_lists.items()
            if named is None or region in named
        ]


def _altered(row: bytes, fields: dict[str, Any]) -> bytes:
    return row_bytes.encode(row_bytes.decode(row) | fields)


def _with_readme(row: bytes) -> bytes:
    fields = row_bytes.decode(row)
    return row_bytes.encode(fields | {"Readme": catalogue.readme(fields)})
