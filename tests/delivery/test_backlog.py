"""What waits for a sink is read a window at a time, and nothing that is committed meanwhile is overlooked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from syncd.delivery import backlog
from syncd.delivery.backlog import Backlog
from syncd.errors import DatabaseUnwritable
from syncd.store import deliveries
from tests.delivery.harness import START, FakeSink, Harness, drafts, harness_at


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    async with harness_at(tmp_path / "syncd.db") as harness:
        await harness.configure(FakeSink())
        yield harness


def taken(waiting: Backlog) -> list[int]:
    found = []
    while entry := waiting.queue.take(START):
        found.append(entry.seq)
        waiting.queue.remove(entry)
    return found


async def test_more_than_a_window_is_read_as_the_first_go(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "MAX_ENTRIES", 5)
    monkeypatch.setattr(backlog, "BODIES_PER_QUERY", 3)
    await harness.append(drafts(*range(13)))
    waiting = Backlog(harness.db, "hook")
    lengths, found = [], []
    for _ in range(4):
        await waiting.load(START)
        lengths.append(len(waiting.queue))
        await waiting.load(START)
        assert len(waiting.queue) == lengths[-1], "a full window is enough"
        found += taken(waiting)
    assert lengths == [5, 5, 3, 0]
    assert found == list(range(1, 14))


async def test_what_is_committed_during_a_read_is_read_next(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await harness.append(drafts(1))
    waiting, pending = Backlog(harness.db, "hook"), deliveries.pending

    async def overtaken(*args: Any) -> list[deliveries.Pending]:
        rows = await pending(*args)
        monkeypatch.setattr(deliveries, "pending", pending)
        await harness.append(drafts(2))
        waiting.is_stale = True
        return rows

    monkeypatch.setattr(deliveries, "pending", overtaken)
    await waiting.load(START)
    assert taken(waiting) == [1]
    await waiting.load(START)
    assert taken(waiting) == [2]
    assert not waiting.is_stale


async def test_a_read_that_failed_is_made_again(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    await harness.append(drafts(1))
    waiting = Backlog(harness.db, "hook")

    async def failing(*_: Any) -> list[deliveries.Pending]:
        raise DatabaseUnwritable("cannot read", "free some space")

    with monkeypatch.context() as broken:
        broken.setattr(deliveries, "pending", failing)
        with pytest.raises(DatabaseUnwritable):
            await waiting.load(START)
    await waiting.load(START)
    assert taken(waiting) == [1]


async def test_an_event_goes_with_its_body_at_hand_and_one_that_was_pruned_not_at_all(
    harness: Harness,
) -> None:
    await harness.append(drafts(1, 2))
    waiting = Backlog(harness.db, "hook")
    await waiting.load(START)
    assert waiting.take(START) is None
    assert waiting.lacks_body
    await waiting.load_bodies(START)
    first = waiting.take(START)
    second = waiting.take(START)
    assert first is not None
    assert second is not None
    async with harness.db.write() as tx:
        await tx.execute_raw("DELETE FROM deliveries WHERE event_seq = 2")
        await tx.execute_raw("DELETE FROM events WHERE seq = 2")
    assert [item.seq for item in await waiting.items([first])] == [1]
    assert [item.seq for item in await waiting.items([first, second])] == [1, 2], "what is at hand is sent"
    assert await waiting.items([second]) == []
