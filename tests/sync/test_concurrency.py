"""Together: what begins together ends together."""

from __future__ import annotations

import asyncio

import pytest

from syncd.sync.concurrency import together


async def number(value: int) -> int:
    await asyncio.sleep(0)
    return value


async def test_the_results_come_in_order():
    assert await together(number(value) for value in (3, 1, 2)) == [3, 1, 2]
    assert await together([]) == []


async def test_the_first_error_ends_the_others_before_it_is_raised():
    ended = []

    async def forever() -> int:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(True)
        return 0

    async def failing() -> int:
        await asyncio.sleep(0)
        raise ValueError("first")

    with pytest.raises(ValueError, match="first"):
        await together([forever(), failing(), forever()])
    assert ended == [True, True]


async def test_cancelled_it_cancels_all():
    begun = asyncio.Event()

    async def forever() -> None:
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(together([forever()]))
    await begun.wait()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert len(asyncio.all_tasks()) == 1
