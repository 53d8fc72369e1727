"""The truth of the pretend cloud: who is shown which images where, what changes it, and how it was before."""

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
"""(seed, number) → the fields of the row of an image."""


@dataclass(frozen=True, slots=True)
class PageRead:
    """A page of a list that is about to be served."""

    account: str
    region: str
    offset: int
    limit: int


class World(Registry):
    """Accounts, regions and images. The same seed and the same calls give the same world, with the same ids and keys.

    ``clock`` gives the times of the history (seconds since 1970, or whatever a test counts in). The fields of images
    are named as on the wire: ``world.share("lab", "cn-wlcb", Name="我的镜像", Status="Making")``.
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
        """A world to try things with: accounts ``lab``, ``team-2``, …, each with ``images`` images in every region.

        Half of the images are the same in all regions.
        """
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

    # what changes the world

    def share(
        self, account: str | Account, regions: Where, image: str | None = None, /, **fields: Any
    ) -> str:
        """Show an image there, and return its id. Without ``image`` it is a new one, invented except for ``fields``."""
        if image is None:
            image = self._new_image(fields)
        elif fields:
            raise TypeError("fields are given to a new image; change() alters one that exists")
        row = self._image(image)
        for share_list in self._on(account, regions):
            share_list.add(image, row, self._clock())
        return image

    def fill(self, account: str | Account, regions: Where, count: int, **fields: Any) -> list[str]:
        """Share ``count`` new images."""
        return [self.share(account, regions, **fields) for _ in range(count)]

    def unshare(self, account: str | Account, regions: Where, image: str) -> bool:
        """Take an image away there; whether it was shown in any of these regions."""
        self._image(image)
        dropped = [share_list.drop(image, self._clock()) for share_list in self._on(account, regions)]
        return any(dropped)

    def set_status(self, image: str, status: str, regions: Where = EVERYWHERE) -> None:
        self.change(image, regions, Status=status)

    def rename(self, image: str, name: str, regions: Where = EVERYWHERE) -> None:
        self.change(image, regions, Name=name)

    def change(self, image: str, regions: Where = EVERYWHERE, **fields: Any) -> None:
        """Change fields of the image for every account that is shown it there."""
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
        """Take everything away there, from one account or from all; how many rows that were."""
        dropped = 0
        for owner in self._whom(account):
            for share_list in self._on(owner, regions):
                dropped += sum(share_list.drop(image, self._clock()) for image in list(share_list.ids()))
        return dropped

    # what is true now, and was

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
        """The id → the fields of every row there, in the order of the list."""
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
        """The body of an answer, without HTTP, checks or faults; before a page of a list is read, the watchers run."""
        return self.read(account, region, limit, offset, image_id).body(self.next_digits())

    def read(
        self, account: str | Account, region: str, limit: int, offset: int, image_id: str | None = None
    ) -> Page:
        """The page of that answer, before it becomes a body."""
        share_list = self.share_list(account, region)
        if image_id:
            row = share_list.row(image_id)
            return Page([_with_readme(row)] if row else [], 1 if row else 0)
        for watcher in tuple(self._watchers):
            watcher(PageRead(self.account(account).name, region, offset, limit))
        return Page(share_list.rows(offset, limit), len(share_list))

    def next_digits(self) -> bytes:
        """Digits that make the counters of the next answer differ from those of the last one."""
        return row_bytes.counter_digits(next(self._serials))

    def on_page(self, callback: Callable[[PageRead], None]) -> Callable[[], None]:
        """Run ``callback`` before each page of a list is read; the returned function ends that."""
        self._watchers.append(callback)
        return lambda: self._watchers.remove(callback)

    def after_pages(self, count: int, deed: Callable[[], object]) -> None:
        """Run ``deed`` once between two pages, when ``count`` more pages have been served."""
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
        """The share lists of every account there; with "*" those of removed regions too."""
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
