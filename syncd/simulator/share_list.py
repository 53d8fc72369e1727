"""What one account is shown in one region: rows in the list's order, and the history of what was there when."""

from __future__ import annotations

from typing import Literal

from syncd.simulator.history import History

Order = Literal["newest", "oldest", "id"]
"""Newest first moves every row when one joins; by id, rows join in the middle. The real order is unknown."""


class ShareList:
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
        """In the list's order."""
        if self._ids is None:
            self._ids = sorted(self._rows) if self._order == "id" else list(self._rows)
            if self._order == "newest":
                self._ids.reverse()
        return self._ids

    def rows(self, offset: int = 0, limit: int | None = None) -> list[bytes]:
        end = None if limit is None else offset + limit
        return [self._rows[image_id] for image_id in self.ids()[offset:end]]

    def add(self, image_id: str, row: bytes, at: float) -> None:
        """Show a row; one that is shown already is left as it is."""
        if image_id not in self._rows:
            self._rows[image_id] = row
            self._ids = None
            self.history.shared(image_id, at)

    def put(self, image_id: str, row: bytes) -> None:
        """Another content for a row that is shown; it keeps its place."""
        assert image_id in self._rows
        self._rows[image_id] = row

    def drop(self, image_id: str, at: float) -> bool:
        """Take a row away; says whether it was there."""
        if self._rows.pop(image_id, None) is None:
            return False
        self._ids = None
        self.history.unshared(image_id, at)
        return True
