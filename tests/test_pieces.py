"""Long work in pieces: other tasks run in between, and nothing is lost or comes twice."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from syncd.pieces import ROWS_AT_ONCE, in_pieces, let_go, sorted_in_pieces

MANY = 3 * ROWS_AT_ONCE + 1


class Turns:
    """Counts the turns that another task gets meanwhile."""

    async def __aenter__(self) -> Turns:
        self.count = 0
        self._task = asyncio.create_task(self._run())
        await asyncio.sleep(0)
        self.count = 0
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            self.count += 1
            await asyncio.sleep(0)


async def test_other_tasks_run_after_each_piece() -> None:
    turns: list[int] = []
    async with Turns() as other:
        async for piece in in_pieces(range(MANY)):
            assert len(piece) <= ROWS_AT_ONCE
            turns.append(other.count)
    assert turns == [0, 1, 2, 3]


async def test_the_pieces_are_the_whole() -> None:
    assert [item async for piece in in_pieces(range(MANY)) for item in piece] == list(range(MANY))
    assert [piece async for piece in in_pieces(())] == []


async def test_sorting_in_pieces_is_sorting() -> None:
    ids = [f"i{number}" for number in range(12_345)]
    random.Random(7).shuffle(ids)
    async with Turns() as other:
        assert await sorted_in_pieces(ids) == sorted(ids)
    assert other.count == 3


@pytest.mark.parametrize("held", [list(range(MANY)), dict.fromkeys(range(MANY))])
async def test_what_is_let_go_is_empty_in_the_end_and_goes_in_pieces(held: Any) -> None:
    async with Turns() as other:
        await let_go(held)
    assert len(held) == 0
    assert other.count == 4
