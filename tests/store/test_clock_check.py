"""Nothing is forgotten by a clock that may be wrong."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from syncd.config import RetentionConfig
from syncd.store import clock_check, migrate
from syncd.store.engine import Database
from tests.store.filled import START

HOUR, DAY, YEAR = timedelta(hours=1), timedelta(days=1), timedelta(days=365)


KEPT = RetentionConfig()


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    await migrate.upgrade(tmp_path / "x.db")
    db = await Database.open(tmp_path / "x.db")
    yield db
    await db.close()


async def believed(db: Database, *looks: timedelta, kept: RetentionConfig = KEPT) -> list[bool]:
    """Whether the clock is believed at each look; the looks are so long after START."""
    found = []
    for after in looks:
        now = START + after
        async with db.write() as tx:
            found.append((await clock_check.check_clock(tx, kept, now)).is_steady(now))
    return found


async def test_a_clock_is_believed_that_went_on_for_a_day(db: Database) -> None:
    assert await believed(db, *(n * HOUR for n in range(30))) == [n >= 24 for n in range(30)]
    assert await believed(db, 53 * HOUR, 77 * HOUR) == [True, True], "looks from cron, once a day"


@pytest.mark.parametrize("jump", [YEAR, 49 * HOUR, -8 * HOUR, -YEAR])
async def test_after_a_jump_it_is_not_for_a_day(db: Database, jump: timedelta) -> None:
    assert (await believed(db, 0 * DAY, DAY))[-1]
    later = [DAY + jump + n * HOUR for n in range(1, 30)]
    assert await believed(db, *later) == [n >= 25 for n in range(1, 30)]


async def test_a_year_ahead_for_a_minute_costs_a_day_and_no_more(db: Database) -> None:
    minute = timedelta(minutes=1)
    looks = [0 * DAY, DAY, DAY + YEAR, DAY + YEAR + minute, DAY + 2 * minute, 2 * DAY + 2 * minute]
    assert await believed(db, *looks) == [False, True, False, False, False, True]


async def test_a_short_retention_allows_short_gaps_only(db: Database) -> None:
    kept = RetentionConfig(events=DAY)
    assert await believed(db, *itertools.accumulate([0 * HOUR] + [11 * HOUR] * 3), kept=kept) == [
        False, False, False, True,
    ]  # fmt: skip
    assert await believed(db, 46 * HOUR, kept=kept) == [False]


async def test_it_is_due_once_a_day_and_after_a_time_that_has_not_been_yet(db: Database) -> None:
    async with db.write() as tx:
        found = await clock_check.check_clock(tx, RetentionConfig(), START)
        assert found.is_due(START)
        await clock_check.note_pruned(tx, START)
        found = await clock_check.check_clock(tx, RetentionConfig(), START)
    assert [found.is_due(START + after) for after in (0 * HOUR, 23 * HOUR, DAY, -HOUR)] == [
        False, False, True, True,
    ]  # fmt: skip
