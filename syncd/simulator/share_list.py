"""The list of what one account is shown in one region, with its history."""

from __future__ import annotations

from typing import Literal

from syncd.simulator.history import History

Order = Literal["newest", "oldest", "id"]
"""The order of the list. A new row moves all others if the newest comes first; by id it joins in the middle.

The order of the real API is unknown.
"""


class ShareList:
    """The rows that are shown now, in the order of the list."""

    def __init__(self, order: Order) -> None:
        self.history = History()
        self._order = order
        self._rows: dict[str, bytes] = {}
        self._ids: list[str] | None = []

    def __contains__(self, image_id: str) -> bool:
        return image_id in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, image_id: str) -> bytes | None:
        return self._rows.get(image_id)

    def ids(self) -> list[str]:
        """The ids in the order of the list."""
        if self._ids is None:
            self._ids = sorted(self._rows) if self._order == "id" else list(self._rows)
            if self._order == "newest":
                self._ids.reverse()
        return self._ids

    def rows(self, offset: int = 0, limit: int | None = None) -> list[bytes]:
        end = None if limit is None else offset + limit
        return [self._rows[image_id] for image_id in self.ids()[offset:end]]

    def add(self, image_id: str, row: bytes, at: float) -> None:
        """Show a row; if it is shown already, nothing changes."""
        if image_id not in self._rows:
            self._rows[image_id] = row
            self._ids = None
            self.history.shared(image_id, at)

    def put(self, image_id: str, row: bytes) -> None:
        """Change the content of a row that is shown; it keeps its place."""
        assert image_id in self._rows
        self._rows[image_id] = row

    def drop(self, image_id: str, at: float) -> bool:
        """Take a row away; whether it was there."""
        if self._rows.pop(image_id, None) is None:
            return False
        self._ids = None
        self.history.unshared(image_id, at)
        return True
