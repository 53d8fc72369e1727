"""Events and their deliveries: one transaction, numbers without gaps and never again, the bytes that are sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from syncd.config import RetentionConfig
from syncd.model import Route, SinkFilter
from syncd.sinks.samples import samples
from syncd.store import deliveries, migrate, outbox, pruning
from syncd.store.deliveries import DeliveryOutcome, SinkRecord
from syncd.store.engine import Database

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
SAMPLES = samples(NOW)
SHARED = SAMPLES["image.shared"]
ROUTES = (Route("all", SinkFilter(events=("*",))), Route("few", SinkFilter(events=("sync.*",))))


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    await migrate.upgrade(tmp_path / "x.db")
    db = await Database.open(tmp_path / "x.db")
    yield db
    await db.close()


async def rows(db: Database, sql: str, *params: Any) -> list[tuple[Any, ...]]:
    async with db.read() as tx:
        return await tx.fetch(sql, params)


async def test_events_and_the_deliveries_that_are_wanted_are_written_together(db: Database) -> None:
    async with db.write() as tx:
        assert await outbox.append(tx, list(SAMPLES.values()), ROUTES) == list(range(1, 12))
    assert [row[0] for row in await rows(db, "SELECT type FROM events ORDER BY seq")] == list(SAMPLES)
    wanted = [
        (seq, sink)
        for seq, type_ in enumerate(SAMPLES, 1)
        for sink in ("all", "few")
        if sink == "all" or type_.startswith("sync.")
    ]
    found = await rows(db, "SELECT event_seq, sink FROM deliveries WHERE state = 'pending' AND attempts = 0")
    assert sorted(found) == wanted


async def test_the_columns_say_what_the_body_says(db: Database) -> None:
    async with db.write() as tx:
        await outbox.append(tx, list(SAMPLES.values()), (), run_id=None)
    for row in await rows(
        db, "SELECT seq, id, type, account, region, image_id, observed_at, scope, baseline, body FROM events"
    ):
        seq, event_id, type_, account, region, image_id, observed_at, scope, baseline, body = row
        event = json.loads(body)
        data = event["data"]
        assert (int(event["sequence"]), event["id"], event["type"]) == (seq, event_id, type_)
        assert (event.get("subject"), event["time"]) == (image_id, observed_at)
        assert (data.get("account"), data.get("region"), data.get("scope")) == (account, region, scope)
        assert bool(data.get("baseline")) is bool(baseline)


async def test_a_transaction_that_breaks_leaves_no_event_no_delivery_and_no_gap(db: Database) -> None:
    async def breaks() -> None:
        async with db.write() as tx:
            assert await outbox.append(tx, [SHARED], ROUTES) == [1]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await breaks()
    assert await rows(db, "SELECT (SELECT COUNT(*) FROM events), (SELECT COUNT(*) FROM deliveries)") == [
        (0, 0)
    ]
    async with db.write() as tx:
        assert await outbox.append(tx, [SHARED], ROUTES) == [1]


async def test_a_number_is_never_given_again_even_if_its_event_is_gone(db: Database) -> None:
    async with db.write() as tx:
        await outbox.append(tx, [SHARED] * 3, ())
        await tx.execute_raw("DELETE FROM events")
        assert await outbox.append(tx, [SHARED], ()) == [4]
        assert await outbox.append(tx, [], ROUTES) == []


async def test_a_number_is_not_given_again_after_the_newest_was_forgotten_and_the_file_opened_anew(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.db"
    await migrate.upgrade(path)
    given = []
    for _ in range(2):
        db = await Database.open(path)
        async with db.write() as tx:
            given += await outbox.append(tx, [SAMPLES["sync.failed"]] * 2, ())
        pruned = await pruning.prune(db, RetentionConfig(), NOW + timedelta(days=366))
        assert pruned["events"] == 2
        await db.close()
    assert given == [1, 2, 3, 4]


async def test_what_is_sent_are_the_stored_bytes(db: Database) -> None:
    async with db.write() as tx:
        await outbox.append(tx, [SHARED], ROUTES)
        ((event_id, body),) = (await deliveries.bodies(tx, [1, 2])).values()
    assert body == outbox.body(1, event_id, SHARED)
    assert "训练".encode() in body
    assert b'": ' not in body


async def test_what_a_prune_or_a_command_finished_meanwhile_is_not_undone(db: Database) -> None:
    async with db.write() as tx:
        await outbox.append(tx, [SHARED] * 2, ROUTES)
        await tx.execute_raw("UPDATE deliveries SET state = 'dead'")
        late = [DeliveryOutcome(1, "delivered"), DeliveryOutcome(2, "pending", 1, NOW, "HTTP 400")]
        await deliveries.settle(tx, "all", late, NOW)
        assert await tx.fetch("SELECT DISTINCT state FROM deliveries") == [("dead",)]


async def test_a_sink_comes_back_from_its_row_as_it_was(db: Database) -> None:
    whole = SinkRecord("hook", "backing_off", NOW, NOW, "HTTP 503", 7, NOW, "backing_off", NOW)
    async with db.write() as tx:
        for record in (SinkRecord("hook", "ok", NOW), whole):
            await deliveries.save_sink(tx, record)
            assert await deliveries.read_sink(tx, "hook") == record
        assert await deliveries.read_sink(tx, "other") is None


@pytest.mark.slow
async def test_100_000_events_of_one_sync_are_one_transaction_that_leaves_the_loop_its_turns(
    db: Database,
) -> None:
    drafts = [msgspec.structs.replace(SHARED, image_id=f"i-{number}") for number in range(100_000)]
    turns = 0

    async def ticking() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    ticker = asyncio.create_task(ticking())
    async with db.write() as tx:
        numbers = await outbox.append(tx, drafts, ROUTES)
    ticker.cancel()
    assert numbers == list(range(1, 100_001))
    assert turns > 400, "at least one for each 500 rows of events and of deliveries"
    assert await rows(db, "SELECT COUNT(DISTINCT id), COUNT(*) FROM events") == [(100_000, 100_000)]
