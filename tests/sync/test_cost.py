"""What a sync costs: an unchanged one writes no image row and reads no wide payload."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from contextlib import asynccontextmanager, closing

import pytest

from syncd.compshare import decode
from syncd.pieces import ROWS_AT_ONCE
from syncd.simulator.catalogue import image_fields
from syncd.store import images
from syncd.sync import decision, diff
from syncd.sync.commit import HAPPENINGS_PER_PIECE

SMALL = "json_each|CONSTANT|wanted|accounts|targets|t$|sqlite_sequence"
"""What a statement may scan: lists that it is given, and tables of a few rows."""


class Watch:
    """Every statement and every column that the syncer's connections touch."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.columns: set[tuple[str, str]] = set()

    def statement(self, sql: str) -> None:
        self.statements.append(sql)

    def authorize(self, action: int, table: str | None, column: str | None, *_: object) -> int:
        if action == sqlite3.SQLITE_READ and table and column:
            self.columns.add((table, column))
        return sqlite3.SQLITE_OK

    @property
    def writes(self) -> set[str]:
        """Tables that were written."""
        verbs = re.compile(
            r"\s*(?:INSERT(?: OR \w+)?\s+INTO|UPDATE|DELETE\s+FROM|REPLACE\s+INTO)\s+(\w+)", re.I
        )
        return {found.group(1) for sql in self.statements if (found := verbs.match(sql))}


@pytest.fixture
async def watched(make_rig, monkeypatch):
    """A rig with 250 full rows, listed twice, and a watch that sees what follows."""
    rig = await make_rig(invent=image_fields)
    rig.world.fill("lab", "cn-a", 250)
    await rig.sync()
    await rig.sync()
    rig.advance(hours=2)  # so that the next sync reads the database, whatever is remembered
    watch = Watch()
    for kind in ("read", "write"):
        open_transaction = getattr(rig.db, kind)
        monkeypatch.setattr(rig.db, kind, spying(open_transaction, watch))
    return rig, watch


def spying(open_transaction, watch):
    @asynccontextmanager
    async def spied(**options):
        async with open_transaction(**options) as tx:
            connection = tx._driver._conn
            await tx._driver._execute(connection.set_trace_callback, watch.statement)
            await tx._driver._execute(connection.set_authorizer, watch.authorize)
            try:
                yield tx
            finally:
                await tx._driver._execute(connection.set_authorizer, None)
                await tx._driver._execute(connection.set_trace_callback, None)

    return spied


async def test_an_unchanged_sync_writes_its_target_and_its_run_alone(watched):
    rig, watch = watched
    await rig.sync()
    assert watch.writes == {"targets", "runs"}


async def test_an_unchanged_sync_reads_no_wide_column(watched):
    rig, watch = watched
    await rig.sync()
    assert ("image_rows", "fingerprint") in watch.columns
    read = {column for table, column in watch.columns if table == "image_rows"}
    assert read <= {
        "account", "region", "image_id", "fingerprint", "missing_since", "missing_syncs", "missing_seconds",
        "held", "shown_at", "revoked_at",
    }  # fmt: skip


async def test_one_change_reads_and_writes_one_row(watched):
    rig, watch = watched
    rig.world.rename(sorted(rig.ids())[0], "new")
    await rig.sync()
    updates = [sql for sql in watch.statements if sql.startswith("UPDATE image_rows")]
    assert len(updates) == 1
    assert watch.writes == {"targets", "runs", "image_rows", "facts", "events", "deliveries"}


async def test_rows_that_stay_missing_are_counted_and_nothing_else_of_them_is_written(watched):
    rig, watch = watched
    rig.fault("blank")
    await rig.sync()
    watch.statements.clear()
    await rig.sync()
    updates = {sql.split("WHERE")[0] for sql in watch.statements if sql.startswith("UPDATE image_rows")}
    assert all("payload" not in sql for sql in updates)
    assert watch.writes == {"targets", "runs", "image_rows"}


async def test_an_incomplete_sync_writes_nothing_of_rows_that_stay_missing(watched):
    rig, watch = watched
    hidden = rig.fault("blank")
    await rig.sync()
    hidden.remove()
    rig.fault("wrong_total", by=5)
    rig.fault("empty_page")
    watch.statements.clear()
    assert (await rig.sync()).outcome == "incomplete"
    assert "image_rows" not in watch.writes


async def test_the_known_rows_come_from_a_covering_index(watched):
    rig, watch = watched
    await rig.sync()
    known = next(sql for sql in watch.statements if "image_rows_live" in sql)
    plan = " ".join(row[3] for row in rig.rows(f"EXPLAIN QUERY PLAN {known}"))
    assert "USING COVERING INDEX image_rows_live" in plan


async def test_no_statement_of_a_sync_scans_a_table(watched):
    rig, watch = watched
    ids = sorted(rig.ids())
    rig.world.rename(ids[0], "new")
    rig.world.unshare("lab", "cn-a", ids[1])
    rig.world.share("lab", "cn-a")
    await rig.sync()
    for sql in watch.statements:
        if sql.startswith(("SELECT", "UPDATE", "DELETE")):
            for row in rig.rows(f"EXPLAIN QUERY PLAN {sql}"):
                assert not re.match(f"SCAN (?!{SMALL})", row[3]), (sql, row[3])


async def total_changes(rig):
    async with rig.db.write() as tx:
        return (await tx.fetch("SELECT total_changes()"))[0][0]


async def test_an_unchanged_sync_asks_for_its_pages_and_writes_two_rows_in_three_pages_of_the_file(make_rig):
    rig = await make_rig(invent=image_fields)
    rig.world.fill("lab", "cn-a", 1000)
    await rig.sync()
    await rig.sync()
    asked, rows = rig.sim.requests.total, await total_changes(rig)
    [(size,)] = rig.rows("SELECT page_count FROM pragma_page_count")
    with closing(sqlite3.connect(rig.path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(RESTART)")
    await rig.sync()
    assert rig.sim.requests.total - asked == 11  # ten full ones and the empty one that proves the end
    assert await total_changes(rig) - rows == 2
    with closing(sqlite3.connect(rig.path)) as connection:
        [(_, frames, _)] = connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    assert frames <= 3
    assert rig.rows("SELECT page_count FROM pragma_page_count") == [(size,)]


async def test_a_first_sync_writes_a_row_a_fact_and_an_event_for_each_image(make_rig):
    rig = await make_rig(invent=image_fields)
    rig.world.fill("lab", "cn-a", 250)
    rows = await total_changes(rig)
    await rig.sync()
    assert await total_changes(rig) - rows == 3 * 250 + 7


async def test_a_first_sync_makes_each_image_once_and_keeps_but_a_few_hundred_of_them(make_rig, monkeypatch):
    rig = await make_rig(invent=image_fields)
    rig.world.fill("lab", "cn-a", 3 * HAPPENINGS_PER_PIECE)
    made = 0

    def counting(raw, read=decode._image_of):
        nonlocal made
        made += 1
        return read(raw)

    monkeypatch.setattr(decode, "_image_of", counting)
    add, batches = images.add, []

    async def added(tx, target, rows, now):
        batches.append((made, len(rows)))
        await add(tx, target, rows, now)

    monkeypatch.setattr(images, "add", added)
    await rig.sync()
    size = HAPPENINGS_PER_PIECE
    assert batches == [(size, size), (2 * size, size), (3 * size, size)]
    assert made == 3 * size


async def test_the_loop_turns_between_the_pieces_of_a_sync(make_rig, monkeypatch):
    """Neither the rows of a first list nor a thousand that are missing are worked on in one go."""
    rig = await make_rig(invent=image_fields)
    rig.world.fill("lab", "cn-a", 3 * ROWS_AT_ONCE)
    most, since = 0, 0

    def counted(work):
        def counting(*given):
            nonlocal most, since
            since += 1
            most = max(most, since)
            return work(*given)

        return counting

    async def turning():
        nonlocal since
        while True:
            since = 0
            await asyncio.sleep(0)

    for module, name in ((diff, "Addition"), (decision, "_missed")):
        monkeypatch.setattr(module, name, counted(getattr(module, name)))
    other = asyncio.create_task(turning())
    await rig.sync()
    assert 0 < most <= ROWS_AT_ONCE
    most = 0
    rig.fault("blank")
    await rig.sync()
    assert 0 < most <= ROWS_AT_ONCE
    other.cancel()
