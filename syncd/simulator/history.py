"""The truth over time: when each image was shared, so that a test can judge what a client believed."""

from __future__ import annotations


class History:
    """Intervals [from, until) in which ids were shared on one share list; times are whatever the world counts in."""

    def __init__(self) -> None:
        self._edges: dict[str, list[float]] = {}

    def shared(self, image_id: str, at: float) -> None:
        self._edges.setdefault(image_id, []).append(at)

    def unshared(self, image_id: str, at: float) -> None:
        self._edges[image_id].append(at)

    def intervals(self, image_id: str) -> list[tuple[float, float | None]]:
        """Each interval's start and end; an end of None is now."""
        edges = self._edges.get(image_id, [])
        ends: list[float | None] = [*edges[1::2]]
        if len(edges) % 2:
            ends.append(None)
        return list(zip(edges[::2], ends, strict=True))

    def was_shared(self, image_id: str, at: float) -> bool:
        return any(start <= at and (end is None or at < end) for start, end in self.intervals(image_id))

    def ever_shared(self, image_id: str, since: float, until: float) -> bool:
        """Was it shared at any moment of [since, until]?"""
        return any(start <= until and (end is None or since < end) for start, end in self.intervals(image_id))

    def ever_absent(self, image_id: str, since: float, until: float) -> bool:
        """Was it not shared at any moment of [since, until]?"""
        return not any(
            start <= since and (end is None or until < end) for start, end in self.intervals(image_id)
        )

    def ids(self) -> frozenset[str]:
        """Every id that was ever shared here."""
        return frozenset(self._edges)
