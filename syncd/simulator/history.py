"""Remembers when each image was shared, so that a test can say whether a client was right."""

from __future__ import annotations


class History:
    """The intervals [from, until) in which images were on one share list, in the time of the world's clock."""

    def __init__(self) -> None:
        self._edges: dict[str, list[float]] = {}

    def shared(self, image_id: str, at: float) -> None:
        self._edges.setdefault(image_id, []).append(at)

    def unshared(self, image_id: str, at: float) -> None:
        self._edges[image_id].append(at)

    def intervals(self, image_id: str) -> list[tuple[float, float | None]]:
        """The start and the end of each interval; the end is None if the image is still shared."""
        edges = self._edges.get(image_id, [])
        ends: list[float | None] = [*edges[1::2]]
        if len(edges) % 2:
            ends.append(None)
        return list(zip(edges[::2], ends, strict=True))

    def was_shared(self, image_id: str, at: float) -> bool:
        return any(start <= at and (end is None or at < end) for start, end in self.intervals(image_id))

    def ever_shared(self, image_id: str, since: float, until: float) -> bool:
        """Whether it was shared at any moment of [since, until]."""
        return any(start <= until and (end is None or since < end) for start, end in self.intervals(image_id))

    def ever_absent(self, image_id: str, since: float, until: float) -> bool:
        """Whether there was any moment of [since, until] at which it was not shared."""
        return not any(
            start <= since and (end is None or until < end) for start, end in self.intervals(image_id)
        )

    def ids(self) -> frozenset[str]:
        """All ids that were ever on this list."""
        return frozenset(self._edges)
