"""What deliveries cost: results are written in groups, after their answers, by a few statements."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import aiosqlite
import pytest

from syncd.delivery import results
from syncd.sinks.sink import Delivered, Item, SendResult
from tests.delivery.harness import FakeSink, Harness, drafts, harness_at

EVENTS = 1_200


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    async with harness_at(tmp_path / "syncd.db") as harness:
        yield harness


@pytest.fixture
def hops(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every call that SQLite's threads are given from now on: its statement, or the name of the function."""
    made: list[str] = []
    execute = aiosqlite.Connection._execute

    async def counting(self: aiosqlite.Connection, call: Any, *args: Any, **more: Any) -> Any:
        made.append(args[0] if args and isinstance(args[0], str) else call.__name__)
        return await execute(self, call, *args, **more)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(aiosqlite.Connection, "_execute", counting)
    return made


async def test_a_thousand_deliveries_take_a_few_transactions_and_hops(
    harness: Harness, hops: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "MAX_GATHERING", 60.0)  # however slow the machine is
    await harness.configure(FakeSink())
    await harness.append(drafts(*range(EVENTS)))
    hops.clear()
    harness.start()
    await harness.settled()
    await harness.stop()
    settlements = [sql for sql in hops if sql.startswith("UPDATE deliveries")]
    assert len(settlements) <= -(-EVENTS // results.ENOUGH_TO_WRITE)
    assert len(hops) <= EVENTS // 10


async def test_a_delivery_is_settled_only_after_its_answer(harness: Harness) -> None:
    states: list[str] = []

    def answer(_: FakeSink, items: Sequence[Item]) -> SendResult:
        states.extend(harness.delivery(item.seq, "state")[0] for item in items)
        return Delivered()

    await harness.configure(FakeSink(answer=answer))
    await harness.append(drafts(*range(30)))
    harness.start()
    await harness.settled()
    assert states == ["pending"] * 30
    assert harness.count("hook", "delivered") == 30
