"""What is forgotten: never what a live row needs, never the middle of a history, never what is still to be sent."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import tempfile
from collections import defaultdict
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.config import RetentionConfig
from syncd.model import Draft, Target, to_text
from syncd.store import migrate, outbox, pruning, targets
from syncd.store.check import check_file
from syncd.store.engine import Database
from syncd.store.records import TargetState
from tests.store.filled import ROUTES, START, change, image, revoke, share

TARGETS = (Target("lab", "cn-a"), Target("lab", "cn-b"))
IMAGES = ("img-1", "img-2")
DAY = 24 * 60
KEPT = RetentionConfig(events=timedelta(days=20), deliveries=timedelta(days=10))

Key = tuple[str, str, str]
Steps = list[tuple[str, int, str, int, tuple[str, str], int]]
"""What happens (or else to an account), to which target and image, how many days later, the states of its two
deliveries, and how many days after it these were finished."""

states = st.sampled_from(["pending", "delivered", "dead", "skipped"])
steps = st.lists(
    st.tuples(
        st.sampled_from(["share", "change", "revoke", "account"]),
        st.integers(0, 1),
        st.sampled_from(IMAGES),
        st.integers(0, 8),
        st.tuples(states, states),
        st.integers(0, 15),
    ),
    max_size=40,
)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pruning") / "empty.db"
    migrate.upgrade_file(path)
    return path


class History:
    """A database in which the steps happened, beginning at START."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.day = 0

    async def happen(self, steps: Steps) -> None:
        live: dict[tuple[int, str], Any] = {}
        async with self.db.write() as tx:
            for number in range(len(TARGETS)):
                await targets.save_target(tx, TargetState(TARGETS[number]))
            for number, (what, where, image_id, days, results, finished) in enumerate(steps):
                self.day += days
                target, at = TARGETS[where], self.day * DAY
                known = live.get((where, image_id))
                if what == "account":
                    data = {"account": "lab", "region": None, "baseline": False}
                    now = START + timedelta(days=self.day)
                    await outbox.append(tx, [Draft("sync.recovered", now, data, "lab")], ROUTES)
                elif known is None:
                    live[where, image_id] = known = image(image_id, name=str(number))
                    await share(tx, target, known, at)
                elif what == "revoke":
                    await revoke(tx, target, live.pop((where, image_id)), at)
                else:
                    await change(tx, target, known, at, name=str(number))
                    live[where, image_id] = image(image_id, name=str(number))
                for sink, state in zip(("feishu", "log"), results, strict=True):
                    done = (
                        None if state == "pending" else to_text(START + timedelta(days=self.day + finished))
                    )
                    await tx.execute_raw(
                        "UPDATE deliveries SET state = ?, finished_at = ? WHERE sink = ? AND event_seq ="
                        " (SELECT MAX(seq) FROM events)",
                        (state, done, sink),
                    )

    def now(self, days: int = 0) -> datetime:
        return START + timedelta(days=self.day + days)


def rows(path: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return db.execute(sql).fetchall()


def histories(path: Path) -> dict[Key, list[int]]:
    found = defaultdict(list)
    for *key, seq in rows(
        path, "SELECT account, region, image_id, seq FROM events WHERE image_id > '' ORDER BY seq"
    ):
        found[tuple(key)].append(seq)
    return found


def live(path: Path) -> set[Key]:
    return set(rows(path, "SELECT account, region, image_id FROM all_images WHERE revoked_at IS NULL"))


async def with_history(empty: Path, steps: Steps, test: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copy(empty, folder))
        db = await Database.open(path)
        try:
            history = History(db)
            await history.happen(steps)
            await test(history, path)
        finally:
            await db.close()


@settings(max_examples=40)
@given(steps=steps, later=st.integers(0, 40), batch=st.integers(1, 5))
def test_whatever_is_forgotten_the_history_is_still_the_state(
    empty: Path, steps: Steps, later: int, batch: int
) -> None:
    async def test(history: History, path: Path) -> None:
        now = history.now(later)
        before, alive = histories(path), live(path)
        unfinished = "SELECT event_seq FROM deliveries WHERE state IN ('pending', 'dead')"
        old = {
            seq
            for (seq,) in rows(
                path, f"SELECT seq FROM events WHERE observed_at < '{to_text(now - KEPT.events)}'"
            )
        }
        counted = await pruning.prune(history.db, KEPT, now)
        assert check_file(path) == []
        after, waiting = histories(path), {seq for (seq,) in rows(path, unfinished)}
        kept = {seq for (seq,) in rows(path, "SELECT seq FROM events")}
        for key, seqs in before.items():
            left = after.get(key, [])
            assert left == seqs[len(seqs) - len(left) :], "a history lost its middle"
            assert left or key not in alive
            gone = seqs[: len(seqs) - len(left)]
            assert old.issuperset(gone), "something young was forgotten"
            if left and left != seqs[-1:]:
                assert left[0] in waiting or left[0] not in old, "something could have gone"
            elif left and key not in alive:
                assert left[0] in waiting or left[0] not in old, "a revoked image could have gone"
        plain = {seq for (seq,) in rows(path, "SELECT seq FROM events WHERE image_id IS NULL")}
        assert all(seq in waiting or seq not in old for seq in plain)
        assert waiting <= kept
        assert counted["events"] == sum(map(len, before.values())) - sum(map(len, after.values())) + (
            sum(step[0] == "account" for step in steps) - len(plain)
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pruning, "ROWS_PER_TRANSACTION", batch)
        asyncio.run(with_history(empty, steps, test))


@settings(max_examples=15)
@given(steps=steps)
def test_in_the_end_each_live_row_has_one_event_and_nothing_else_is_left(empty: Path, steps: Steps) -> None:
    async def test(history: History, path: Path) -> None:
        last = {key: seqs[-1:] for key, seqs in histories(path).items() if key in live(path)}
        # The first marks what was never delivered as dead, the second forgets that.
        await pruning.prune(history.db, KEPT, history.now(100))
        await pruning.prune(history.db, KEPT, history.now(200))
        assert histories(path) == last
        assert len(rows(path, "SELECT 1 FROM events")) == len(last)
        assert rows(path, "SELECT 1 FROM deliveries") == []
        assert check_file(path) == []

    asyncio.run(with_history(empty, steps, test))


# One by one


def step(what: str = "account", days: int = 0, states: tuple[str, str] = ("delivered", "delivered")) -> Any:
    return (what, 0, "img-1", days, states, 0)


def deliveries(path: Path) -> list[Any]:
    return rows(path, "SELECT event_seq, sink, state, finished_at, last_error FROM deliveries ORDER BY 1, 2")


def test_what_was_not_delivered_in_time_is_given_up_with_a_reason_and_forgotten_later(empty: Path) -> None:
    async def test(history: History, path: Path) -> None:
        now = history.now(21)
        assert (await pruning.prune(history.db, KEPT, now))["dead"] == 2
        why = "not delivered for as long as events are kept"
        assert deliveries(path) == [(1, sink, "dead", to_text(now), why) for sink in ("feishu", "log")]
        assert len(rows(path, "SELECT 1 FROM events")) == 1
        counted = await pruning.prune(history.db, KEPT, now + timedelta(days=11))
        assert counted == {"events": 1, "deliveries": 2, "dead": 0, "skipped": 0}

    asyncio.run(with_history(empty, [step(states=("pending", "pending"))], test))


def test_finished_deliveries_go_by_their_own_age_and_their_event_stays(empty: Path) -> None:
    async def test(history: History, path: Path) -> None:
        counted = await pruning.prune(history.db, KEPT, history.now(11))
        assert counted == {"events": 0, "deliveries": 3, "dead": 0, "skipped": 0}
        assert [row[:3] for row in deliveries(path)] == [(2, "feishu", "pending")]
        assert len(rows(path, "SELECT 1 FROM events")) == 2

    done, waits = step(states=("delivered", "skipped")), step(states=("pending", "dead"))
    asyncio.run(with_history(empty, [done, waits], test))


def test_an_event_takes_its_finished_deliveries_with_it(empty: Path) -> None:
    async def test(history: History, path: Path) -> None:
        counted = await pruning.prune(history.db, RetentionConfig(events=timedelta(days=1)), history.now(2))
        assert counted == {"events": 1, "deliveries": 0, "dead": 0, "skipped": 0}
        assert deliveries(path) == []

    asyncio.run(with_history(empty, [step(states=("delivered", "skipped"))], test))


def test_nothing_is_forgotten_at_exactly_its_age(empty: Path) -> None:
    async def test(history: History, path: Path) -> None:
        kept = RetentionConfig(events=timedelta(days=10), deliveries=timedelta(days=10))
        nothing = {"events": 0, "deliveries": 0, "dead": 0, "skipped": 0}
        assert await pruning.prune(history.db, kept, history.now(10)) == nothing
        after = history.now(10) + timedelta(milliseconds=1)
        assert (await pruning.prune(history.db, kept, after))["events"] == 1

    asyncio.run(with_history(empty, [step()], test))


def test_what_waits_for_an_absent_sink_is_skipped_after_a_day_and_at_last_the_sink_is_forgotten(
    empty: Path,
) -> None:
    async def test(history: History, path: Path) -> None:
        async with history.db.write() as tx:
            await tx.executemany(
                "INSERT INTO sinks (name, since, absent_since) VALUES (?, ?, ?)",
                [("feishu", to_text(START), to_text(START)), ("log", to_text(START), None)],
            )
        early = await pruning.prune(history.db, KEPT, START + timedelta(hours=23))
        late = await pruning.prune(history.db, KEPT, START + timedelta(hours=24))
        assert (early["skipped"], late["skipped"]) == (0, 3)
        assert [row[2] for row in deliveries(path)] == ["skipped", "pending"] * 3
        assert len(rows(path, "SELECT 1 FROM sinks")) == 2
        await pruning.prune(history.db, KEPT, START + timedelta(days=12))
        assert rows(path, "SELECT name FROM sinks") == [("log",)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pruning, "ROWS_PER_TRANSACTION", 2)
        asyncio.run(with_history(empty, [step(states=("pending", "pending"))] * 3, test))


def test_a_retired_target_keeps_the_last_event_of_its_rows(empty: Path) -> None:
    async def test(history: History, path: Path) -> None:
        async with history.db.write() as tx:
            await targets.save_target(tx, TargetState(TARGETS[0], active=False))
        await pruning.prune(history.db, KEPT, history.now(500))
        assert [
            json.loads(body)["data"]["image"]["name"] for (body,) in rows(path, "SELECT body FROM events")
        ] == ["1"]

    asyncio.run(with_history(empty, [step("share"), step("change")], test))


def test_syncs_and_deliveries_go_on_between(empty: Path) -> None:
    async def test(history: History, path: Path) -> None:
        turns = 0

        async def sync() -> None:
            nonlocal turns
            while True:
                async with history.db.write() as tx:
                    await tx.fetch("SELECT 1")
                turns += 1

        syncing = asyncio.create_task(sync())
        counted = await pruning.prune(history.db, KEPT, history.now(500))
        syncing.cancel()
        await asyncio.wait([syncing])
        assert counted["events"] == 60
        assert turns >= 10

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pruning, "ROWS_PER_TRANSACTION", 6)
        asyncio.run(with_history(empty, [step()] * 60, test))


def test_an_old_event_that_is_replayed_meanwhile_stays(empty: Path) -> None:
    async def test(history: History, path: Path) -> None:
        forget = pruning._forget_events

        async def replayed(*args: Any) -> int:
            async with history.db.write() as tx:
                await tx.execute_raw("UPDATE deliveries SET state = 'pending', finished_at = NULL")
            return await forget(*args)

        patch.setattr(pruning, "_forget_events", replayed)
        counted = await pruning.prune(history.db, RetentionConfig(events=timedelta(days=1)), history.now(2))
        assert counted["events"] == 0
        assert [row[2] for row in deliveries(path)] == ["pending", "pending"]

    with pytest.MonkeyPatch.context() as patch:
        asyncio.run(with_history(empty, [step()], test))


def test_events_are_looked_at_in_the_order_of_their_numbers_without_reading_the_young(empty: Path) -> None:
    with closing(sqlite3.connect(empty)) as db:
        plan = " ".join(
            row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {pruning._OLD_EVENTS}", ("", 0, 9, 500))
        )
    assert "SEARCH events USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)" in plan
    assert "SCAN o" not in plan
    assert plan.count("COVERING INDEX events_by_image") >= 1
