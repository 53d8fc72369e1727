"""What the world showed when, each row of it: the judge of what events say."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any

from syncd.model import COMPARED
from syncd.simulator import row_bytes
from syncd.simulator.share_list import ShareList
from tests.stateful.story import Story, short
from tests.sync.ledger import as_stored
from tests.sync.rig import Rig


class Recorded(ShareList):
    """A shelf that remembers every content of every row; ``tick`` tells the moment."""

    def __init__(self, rig: Rig, name: str, story: Story) -> None:
        super().__init__("newest")
        self._rig = rig
        self._name = name
        self._story = story
        self._contents: dict[str, list[tuple[float, bytes]]] = {}
        self.denied: frozenset[str] = frozenset()
        """Ids that lookups do not find, though the list has them."""
        self.hidden: frozenset[str] = frozenset()
        """Ids that lists lack, though lookups find them."""

    def __len__(self) -> int:
        return super().__len__() - sum(image_id in self for image_id in self.hidden)

    def rows(self, offset: int = 0, limit: int | None = None) -> list[bytes]:
        end = None if limit is None else offset + limit
        listed = [image_id for image_id in self.ids() if image_id not in self.hidden]
        return [self._rows[image_id] for image_id in listed[offset:end]]

    def row(self, image_id: str) -> bytes | None:
        return None if image_id in self.denied else super().row(image_id)

    def add(self, image_id: str, row: bytes, at: float) -> None:
        if image_id not in self:
            self._contents.setdefault(image_id, []).append((at, row))
            self._story.tell(f"{self._name} shows {short(image_id)}")
        super().add(image_id, row, at)

    def put(self, image_id: str, row: bytes) -> None:
        self._contents[image_id].append((self._rig.world._clock(), row))
        self._story.tell(f"{self._name} changes {short(image_id)}")
        super().put(image_id, row)

    def drop(self, image_id: str, at: float) -> bool:
        shown = super().drop(image_id, at)
        if shown:
            self._story.tell(f"{self._name} shows {short(image_id)} no more")
        return shown

    def shown(self, image_id: str, since: float) -> Iterator[dict[str, Any]]:
        """Each content that it had at or after ``since``, as the database has compared fields."""
        edges = [*self._contents.get(image_id, ()), (float("inf"), b"")]
        for (_, row), (end, _) in pairwise(edges):
            if end > since:
                yield _stored(row)


def record(
    rig: Rig, accounts: Collection[str], regions: Collection[str], story: Story
) -> dict[tuple[str, str], Recorded]:
    """Shelves that remember, in the place of the world's own; before anything is shared."""
    shelves = {
        (account, region): Recorded(rig, f"{account}/{region}", story)
        for account in accounts
        for region in regions
    }
    rig.world._share_lists |= shelves
    return shelves


def differ(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return any(one[name] != other[name] for name in COMPARED)


@lru_cache(maxsize=4096)
def _stored(row: bytes) -> dict[str, Any]:
    return as_stored(row_bytes.decode(row))
