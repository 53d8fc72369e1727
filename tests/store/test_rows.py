"""What the syncs write and read back: images, facts, runs, accounts and targets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from syncd.model import Image, Missing, Softwares, Target, fingerprint, to_text
from syncd.store import facts, images, migrate, runs, targets
from syncd.store.engine import Database
from syncd.store.images import LiveRow
from syncd.store.records import AccountState, Alert, Fact, Run, TargetState
from syncd.store.tables import accounts as accounts_table
from syncd.store.tables import targets as targets_table
from syncd.store.transaction import Transaction
from tests.store.filled import at, image

ONE, OTHER, FAR = Target("lab", "cn-1"), Target("lab", "cn-2"), Target("lab", "cn-3")
STRANGER = Target("alice", "cn-1")
NOW = datetime(2026, 11, 24, 2, 41, 59, 123000, tzinfo=UTC)


@asynccontextmanager
async def _writing(path: Path) -> AsyncIterator[Transaction]:
    await migrate.upgrade(path)
    db = await Database.open(path)
    async with db.write() as tx:
        for target in (ONE, OTHER, FAR, STRANGER):
            await targets.save_target(
                tx, TargetState(target, scope="s", baseline_at=NOW - timedelta(days=1), last_success_at=NOW)
            )
        yield tx
    await db.close()


async def _add(tx: Transaction, target: Target, *ids: str, now: datetime = NOW) -> None:
    rows = [(one, "{}", fingerprint(one)) for one in map(image, ids)]
    await images.add(tx, target, rows, now)


texts = some.none() | some.text(some.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
any_image = some.builds(
    Image,
    **{
        name: texts
        for name in Image.__struct_fields__
        if name not in ("image_id", "tags", "softwares", "size_mb", "price_yuan_per_hour", "visibility")
    },  # type: ignore[arg-type]  # a table of strategies
    image_id=some.just("img"),
    size_mb=some.none() | some.integers(0, 2**60),
    visibility=some.none() | some.integers(-1, 3),
    price_yuan_per_hour=some.none() | some.floats(0, 1e6),
    tags=some.lists(some.text(some.characters(exclude_categories=["Cs"]), min_size=1), max_size=3).map(
        lambda tags: tuple(sorted(set(tags)))
    ),
    softwares=some.none()
    | some.builds(Softwares, framework=texts, cuda_version=texts, applications=some.just(("a", "b"))),
)


@settings(max_examples=25)
@given(before=any_image, after=any_image)
def test_any_image_comes_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, before: Image, after: Image
) -> None:
    async def there_and_back() -> None:
        async with _writing(tmp_path_factory.mktemp("rows") / "x.db") as tx:
            await images.add(tx, ONE, [(before, '{"a":1}', fingerprint(before))], NOW)
            assert await images.stored(tx, ONE, ["img"]) == {"img": before}
            await images.update(tx, ONE, [(after, '{"b":1}')], NOW)
            stored = await images.stored(tx, ONE, ["img"])
            assert stored == {"img": after}
            assert await images.known(tx, ONE) == ({"img": fingerprint(stored["img"])}, {})

    asyncio.run(there_and_back())


async def test_known_rows_are_the_live_ones_of_this_target(tmp_path: Path) -> None:
    async with _writing(tmp_path / "x.db") as tx:
        await _add(tx, ONE, "a", "b", "gone")
        await _add(tx, OTHER, "c")
        await _add(tx, STRANGER, "d")
        await images.revoke(tx, ONE, {"gone": Missing(NOW, 1)}, NOW)
        missing = {"b": Missing(NOW, 2, True, NOW - timedelta(minutes=1))}
        await images.mark_missing(tx, ONE, missing)
        fingerprints, lacking = await images.known(tx, ONE)
        assert fingerprints == {name: fingerprint(image(name)) for name in ("a", "b")}
        assert lacking == missing
        await images.mark_seen(tx, ONE, ["b"])
        assert (await images.known(tx, ONE))[1] == {}


async def test_known_rows_are_read_in_parts_and_none_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"img-{i:03}" for i in range(10)] + ["", "镜像", "\U0010ffff"]
    async with _writing(tmp_path / "x.db") as tx:
        await _add(tx, ONE, *names[:10], *names[11:])
        for size in (1, 3, 12, 13):
            monkeypatch.setattr(images, "KNOWN_ROWS_PER_QUERY", size)
            assert set((await images.known(tx, ONE))[0]) == set(names) - {""}


TIMES = (
    "first_seen_at", "shared_at", "changed_at", "missing_since", "missing_syncs", "shown_at", "held", "revoked_at",
)  # fmt: skip


async def _row(tx: Transaction, target: Target, image_id: str) -> dict[str, Any]:
    rows = await tx.fetch(
        f"SELECT {', '.join(TIMES)} FROM image_rows WHERE account = ? AND region = ? AND image_id = ?",
        (*target, image_id),
    )
    return dict(zip(TIMES, rows[0], strict=True))


async def test_an_image_that_comes_back_keeps_when_it_was_first_seen(tmp_path: Path) -> None:
    async with _writing(tmp_path / "x.db") as tx:
        await _add(tx, ONE, "a")
        await images.revoke(tx, ONE, {"a": Missing(at(1), 1, True, at(0))}, at(2))
        assert await _row(tx, ONE, "a") == {
            "first_seen_at": to_text(NOW), "shared_at": to_text(NOW), "changed_at": to_text(NOW),
            "missing_since": to_text(at(1)), "missing_syncs": 0, "shown_at": to_text(at(0)), "held": 0,
            "revoked_at": to_text(at(2)),
        }  # fmt: skip
        assert set(await images.stored(tx, ONE, ["a"])) == {"a"}
        await _add(tx, ONE, "a", now=at(3))
        assert await _row(tx, ONE, "a") == {
            "first_seen_at": to_text(NOW), "shared_at": to_text(at(3)), "changed_at": to_text(at(3)),
            "missing_since": None, "missing_syncs": 0, "shown_at": None, "held": 0, "revoked_at": None,
        }  # fmt: skip


async def test_a_change_says_when_and_a_missing_row_is_no_change(tmp_path: Path) -> None:
    async with _writing(tmp_path / "x.db") as tx:
        await _add(tx, ONE, "a")
        await images.mark_missing(tx, ONE, {"a": Missing(at(1), 1)})
        assert (await _row(tx, ONE, "a"))["changed_at"] == to_text(NOW)
        await images.update(tx, ONE, [(image("a", name="new"), "{}")], at(2))
        row = await _row(tx, ONE, "a")
        assert (row["changed_at"], row["shared_at"], row["missing_since"]) == (
            to_text(at(2)), to_text(NOW), to_text(at(1)),
        )  # fmt: skip


async def test_writes_touch_no_other_target(tmp_path: Path) -> None:
    async with _writing(tmp_path / "x.db") as tx:
        for target in (ONE, OTHER, STRANGER):
            await _add(tx, target, "a")
        before = [await _row(tx, target, "a") for target in (OTHER, STRANGER)]
        await images.update(tx, ONE, [(image("a", name="new"), "{}")], at(2))
        await images.mark_missing(tx, ONE, {"a": Missing(at(1), 1)})
        await images.mark_seen(tx, ONE, ["a"])
        await images.revoke(tx, ONE, {"a": Missing(at(1), 1)}, at(2))
        assert [await _row(tx, target, "a") for target in (OTHER, STRANGER)] == before
        assert (await images.stored(tx, OTHER, ["a"]))["a"].name == "name of a"


async def test_live_rows_are_those_of_all_regions_of_the_account(tmp_path: Path) -> None:
    async with _writing(tmp_path / "x.db") as tx:
        for target in (ONE, OTHER, FAR, STRANGER):
            await _add(tx, target, "a", "b")
        await images.revoke(tx, FAR, {"a": Missing(NOW, 1)}, NOW)
        await images.mark_missing(tx, OTHER, {"a": Missing(NOW, 1)})
        mark = fingerprint(image("a"))
        found = await images.live_rows(tx, "lab", ["a", "nothing"])
        assert found == {"a": [LiveRow("cn-1", mark, False), LiveRow("cn-2", mark, True)]}
        assert [row.region for row in (await images.live_rows(tx, "lab", ["b"]))["b"]] == [
            "cn-1",
            "cn-2",
            "cn-3",
        ]


async def test_some_of_what_a_target_shows_serve_as_a_control(tmp_path: Path) -> None:
    async with _writing(tmp_path / "x.db") as tx:
        await _add(tx, ONE, *"abcdefg", "missing", "gone")
        await images.mark_missing(tx, ONE, {"missing": Missing(NOW, 1)})
        await images.revoke(tx, ONE, {"gone": Missing(NOW, 1)}, NOW)
        assert await images.some_shown(tx, ONE, ["a"], 2) == ["b", "c", "f", "g"]
        assert await images.some_shown(tx, ONE, list("abcdef"), 2) == ["g"]
        assert await images.some_shown(tx, ONE, list("abcdefg"), 2) == []


async def test_how_long_a_row_was_missed_while_somebody_watched_comes_back(tmp_path: Path) -> None:
    waited = Missing(NOW, 3, True, NOW, timedelta(minutes=12, milliseconds=345))
    async with _writing(tmp_path / "x.db") as tx:
        await _add(tx, ONE, "a")
        await images.mark_missing(tx, ONE, {"a": waited})
        assert (await images.known(tx, ONE))[1] == {"a": waited}
        await images.mark_seen(tx, ONE, ["a"])
        await images.mark_missing(tx, ONE, {"a": Missing(NOW, 1)})
        assert (await images.known(tx, ONE))[1] == {"a": Missing(NOW, 1)}


def _fact(live: bool = True) -> Fact:
    return Fact(live, "Available", b"0" * 16)


async def test_told_gone_are_those_this_target_lists_all_the_same(tmp_path: Path) -> None:
    async with _writing(tmp_path / "x.db") as tx:
        await _add(tx, ONE, "listed", "missing", "known", "revoked")
        await _add(tx, OTHER, "elsewhere")
        gone = dict.fromkeys(("listed", "missing", "revoked", "elsewhere"), _fact(live=False))
        await facts.save_facts(tx, "lab", gone | {"known": _fact()})
        await facts.save_facts(tx, "alice", {"known": _fact(live=False)})
        await images.mark_missing(tx, ONE, {"missing": Missing(NOW, 1)})
        await images.revoke(tx, ONE, {"revoked": Missing(NOW, 1)}, NOW)
        assert await facts.gone_but_listed(tx, ONE) == ["listed"]


async def test_an_account_counts_an_image_once_and_only_where_it_is_active(tmp_path: Path) -> None:
    async with _writing(tmp_path / "x.db") as tx:
        await _add(tx, ONE, "a", "b", "gone")
        await _add(tx, OTHER, "a", "c")
        await _add(tx, STRANGER, "x")
        await images.revoke(tx, ONE, {"gone": Missing(NOW, 1)}, NOW)
        assert await images.count_live_images(tx, "lab") == 3
        await targets.save_target(tx, TargetState(OTHER, active=False, scope="s"))
        assert await images.count_live_images(tx, "lab") == 2


async def test_revoked_rows_remember_since_when_they_were_missing(tmp_path: Path) -> None:
    async with _writing(tmp_path / "x.db") as tx:
        await _add(tx, ONE, "a", "b")
        await images.revoke(tx, ONE, {"a": Missing(at(1), 3, shown_at=at(0))}, at(2))
        found = await images.shown_and_missing(tx, ONE, ["a", "b"])
        assert {name: (row.since, row.shown_at) for name, row in found.items()} == {"a": (at(1), at(0))}


async def test_facts_come_back_as_they_were_saved(tmp_path: Path) -> None:
    saved = {"a": Fact(True, "Making", b"1" * 16, NOW), "b": Fact(False, "", b"2" * 16)}
    async with _writing(tmp_path / "x.db") as tx:
        await facts.save_facts(tx, "lab", {"a": _fact(), "c": _fact()})
        await facts.save_facts(tx, "lab", saved)
        assert await facts.read_facts(tx, "lab", ["a", "b", "nothing"]) == saved
        assert await facts.read_facts(tx, "alice", ["a"]) == {}


async def test_facts_of_retired_targets_alone_are_forgotten_and_recalled_when_they_return(
    tmp_path: Path,
) -> None:
    async with _writing(tmp_path / "x.db") as tx:
        await targets.save_account(tx, AccountState("lab", "s", "key"))
        await _add(tx, ONE, "both")
        await _add(tx, OTHER, "both", "only", "lost", "told-gone")
        told = {name: _fact(live=name != "told-gone") for name in ("both", "only", "lost", "told-gone")}
        told["lost"] = msgspec.structs.replace(told["lost"], lost_region="cn-1", doubted_at=NOW)
        await facts.save_facts(tx, "lab", told)
        await targets.save_target(tx, TargetState(OTHER, active=False, scope="s"))
        await facts.forget_facts(tx, "lab")
        assert set(await facts.read_facts(tx, "lab", told)) == {"both", "lost", "told-gone"}
        await facts.recall_facts(tx, OTHER)
        recalled = await facts.read_facts(tx, "lab", told)
        assert recalled["only"] == Fact(True, "Available", fingerprint(image("only"))[:16])
        assert not recalled["told-gone"].live


async def test_what_a_retired_target_showed_otherwise_than_one_that_stays_is_in_doubt(tmp_path: Path) -> None:
    async with _writing(tmp_path / "x.db") as tx:
        await _add(tx, ONE, "same", "differs", "away")
        await _add(tx, OTHER, "same", "differs", "gone-there")
        await _add(tx, FAR, "away")
        await images.update(tx, OTHER, [(image("differs", status="Offline"), "{}")], NOW)
        await images.update(tx, FAR, [(image("away", status="Offline"), "{}")], NOW)
        await targets.save_target(tx, TargetState(FAR, active=False, scope="s"))
        await facts.save_facts(
            tx, "lab", {name: _fact() for name in ("same", "differs", "away", "gone-there")}
        )
        await facts.doubt_retired(tx, ONE, NOW)
        assert await facts.read_doubted(tx, "lab") == {
            "differs": msgspec.structs.replace(_fact(), doubted_at=NOW)
        }
        assert await facts.any_doubted(tx, "lab")
        await facts.drop_doubts(tx, "lab")
        assert not await facts.any_doubted(tx, "lab")
        assert (await facts.read_facts(tx, "lab", ["differs"]))["differs"] == _fact()


def _full(record: Any, **given: Any) -> Any:
    """A record with a value in every field, each different."""
    values: dict[str, Any] = {}
    for number, field in enumerate(fields(record)):
        kind = str(field.type)
        if field.name in given:
            values[field.name] = given[field.name]
        elif "datetime" in kind:
            values[field.name] = NOW + timedelta(minutes=number)
        elif "bool" in kind:
            values[field.name] = True
        elif "int" in kind or "float" in kind:
            values[field.name] = number
        elif "tuple" in kind:
            values[field.name] = (f"p{number}", "镜像")
        else:
            values[field.name] = f"text {number}"
    return record(**values)


async def test_targets_come_back_as_they_were_saved(tmp_path: Path) -> None:
    state = _full(TargetState, target=ONE)
    async with _writing(tmp_path / "x.db") as tx:
        await targets.save_target(tx, state)
        assert await targets.read_target(tx, ONE) == state
        bare = TargetState(ONE)
        await targets.save_target(tx, bare)
        assert await targets.read_target(tx, ONE) == bare
        assert await targets.read_target(tx, Target("lab", "nowhere")) is None
        assert [each.target for each in await targets.read_targets(tx)] == [STRANGER, ONE, OTHER, FAR]
        assert [each.target for each in await targets.read_targets(tx, "alice")] == [STRANGER]
        await targets.save_target(tx, replace(state, active=False))
        assert not (await targets.read_targets(tx, "lab"))[0].active


async def test_accounts_come_back_as_they_were_saved(tmp_path: Path) -> None:
    state = _full(AccountState, alert=_full(Alert))
    async with _writing(tmp_path / "x.db") as tx:
        await targets.save_account(tx, state)
        assert await targets.read_account(tx, state.account) == state
        bare = AccountState(state.account, "s", "k")
        await targets.save_account(tx, bare)
        assert await targets.read_accounts(tx) == [bare]
        assert await targets.read_account(tx, "nobody") is None


async def test_saving_leaves_no_column_to_its_default(tmp_path: Path) -> None:
    """An INSERT OR REPLACE would silently forget a column that it does not name."""
    async with _writing(tmp_path / "x.db") as tx:
        await targets.save_target(tx, _full(TargetState, target=ONE, active=False))
        await targets.save_account(tx, _full(AccountState, alert=_full(Alert), active=False))
        for table, where in ((targets_table, "region = 'cn-1' AND account = 'lab'"), (accounts_table, "1")):
            [row] = await tx.fetch(f"SELECT * FROM {table.name} WHERE {where}")
            untold = [
                column.name
                for column, value in zip(table.columns, row, strict=True)
                if value is None
                or (column.server_default is not None and str(value) == str(column.server_default.arg))  # type: ignore[attr-defined]  # a plain default
            ]
            assert untold == []


def _run(minutes: int, **given: Any) -> Run:
    return Run(
        **(
            {"target": ONE, "started_at": at(minutes), "finished_at": at(minutes), "outcome": "complete"}
            | given
        )
    )


async def test_quiet_runs_are_counted_onto_the_last_one_and_news_begins_a_new_line(tmp_path: Path) -> None:
    async with _writing(tmp_path / "x.db") as tx:
        numbers = [
            await runs.record(tx, run)
            for run in (
                _run(1, shared=3),
                _run(2, listed=3),
                _run(3, listed=4, pages=2, unreadable=1),
                _run(4, target=OTHER),
                _run(5, outcome="failed", error="no"),
                _run(6),
                _run(7, updated=1),
                _run(8, outcome="incomplete"),
                _run(9, outcome="incomplete"),
            )
        ]
        assert numbers == [1, 2, 2, 3, 4, 5, 6, 7, 8]
        [(count, started, finished, listed, pages, unreadable)] = await tx.fetch(
            "SELECT count, started_at, finished_at, listed, pages, unreadable FROM runs WHERE id = 2"
        )
        assert (count, started, finished) == (2, to_text(at(2)), to_text(at(3)))
        assert (listed, pages, unreadable) == (4, 2, 1)


async def test_old_runs_are_forgotten_but_the_last_of_each_target(tmp_path: Path) -> None:
    async with _writing(tmp_path / "x.db") as tx:
        for minutes in (1, 2, 3):
            await runs.record(tx, _run(minutes, shared=1))
        await runs.record(tx, _run(1, target=OTHER))
        await runs.prune(tx, at(3))
        assert await tx.fetch("SELECT region, finished_at FROM runs ORDER BY id") == [
            ("cn-1", to_text(at(3))),
            ("cn-2", to_text(at(1))),
        ]


LIVE = "SEARCH image_rows USING COVERING INDEX image_rows_live (account=? AND region=? AND image_id>?)"
QUESTIONS: dict[str, tuple[Any, list[str]]] = {
    "known": (lambda tx: images.known(tx, ONE), [LIVE] * 2),
    "live_rows": (
        lambda tx: images.live_rows(tx, "lab", ["a"]),
        ["SEARCH image_rows USING INDEX image_rows_facts (account=? AND image_id=?)"],
    ),
    "stored": (
        lambda tx: images.stored(tx, ONE, ["a"]),
        ["SEARCH image_rows USING INDEX image_rows_key (account=? AND region=? AND image_id=?)"],
    ),
    "gone_but_listed": (
        lambda tx: facts.gone_but_listed(tx, ONE),
        [
            "SEARCH f USING INDEX facts_gone (account=?)",
            "SEARCH r USING COVERING INDEX image_rows_live (account=? AND region=? AND image_id=?)",
        ],
    ),
    "some_shown": (
        lambda tx: images.some_shown(tx, ONE, ["a"], 2),
        [
            step
            for query in "25"
            for step in (LIVE.replace(" AND image_id>?", ""), f"SCAN (subquery-{query})")
        ],
    ),
    "unsettled": (
        lambda tx: facts.read_doubted(tx, "lab"),
        ["SEARCH facts USING INDEX facts_doubted (account=?)"],
    ),
    "any_doubted": (
        lambda tx: facts.any_doubted(tx, "lab"),
        ["SEARCH facts USING INDEX facts_doubted (account=?)"],
    ),
    "facts": (
        lambda tx: facts.read_facts(tx, "lab", ["a"]),
        ["SEARCH facts USING PRIMARY KEY (account=? AND image_id=?)"],
    ),
}


@pytest.mark.parametrize("name", QUESTIONS)
async def test_what_a_sync_asks_is_found_by_an_index_without_reading_wide_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    ask, expected = QUESTIONS[name]
    plans: list[str] = []
    fetch = Transaction.fetch

    async def explaining(self: Transaction, sql: str, params: Any = ()) -> list[tuple[Any, ...]]:
        plans.extend(row[3] for row in await fetch(self, f"EXPLAIN QUERY PLAN {sql}", params))
        return await fetch(self, sql, params)

    async with _writing(tmp_path / "x.db") as tx:
        await _add(tx, ONE, "a")
        monkeypatch.setattr(Transaction, "fetch", explaining)
        await ask(tx)
    ours = [step for step in plans if step.startswith(("SEARCH", "SCAN")) and "json_each" not in step]
    assert ours == expected


@pytest.mark.slow
async def test_a_hundred_thousand_images_are_handled_quickly_and_the_loop_runs_on(tmp_path: Path) -> None:
    count = 100_000
    ids = [f"compshareImage-{i:012x}" for i in range(count)]
    rows = [(image(image_id), '{"x":"' + "y" * 800 + '"}') for image_id in ids]
    marked = [(*row, fingerprint(row[0])) for row in rows]
    missing = {image_id: Missing(NOW, 1) for image_id in ids}
    known = {image_id: _fact() for image_id in ids}
    async with _writing(tmp_path / "x.db") as tx:
        for limit, deed in (
            (20, lambda: images.add(tx, ONE, marked, NOW)),
            (2, lambda: images.known(tx, ONE)),
            (6, lambda: images.stored(tx, ONE, ids)),
            (4, lambda: images.live_rows(tx, "lab", ids)),
            (20, lambda: images.update(tx, ONE, rows, NOW)),
            (10, lambda: images.mark_missing(tx, ONE, missing)),
            (5, lambda: facts.save_facts(tx, "lab", known)),
            (5, lambda: facts.read_facts(tx, "lab", ids)),
            (20, lambda: images.revoke(tx, ONE, missing, NOW)),
        ):
            began = time.process_time()
            gaps = await _gaps_during(deed())  # type: ignore[no-untyped-call]  # coroutines of several kinds
            assert time.process_time() - began < limit
            assert sorted(gaps)[-max(2, len(gaps) // 50)] < 0.1


async def _gaps_during(work: Any) -> list[float]:
    """How long the loop was away, in seconds, at each of its turns."""
    task = asyncio.ensure_future(work)
    gaps = []
    while not task.done():
        before = time.perf_counter()
        await asyncio.sleep(0.001)
        gaps.append(time.perf_counter() - before)
    await task
    return gaps


async def test_an_open_alert_is_kept_whole_and_one_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    opened = Alert("auth", NOW, NOW, NOW, ("unreachable", "auth"), ("", "cn-1"), ("cn-1", "cn-2"))
    async with _writing(tmp_path / "syncd.db") as tx:
        await targets.save_account(tx, AccountState("lab", "s", "k", alert=opened))
        found = await targets.read_account(tx, "lab")
        assert found is not None
        assert found.alert == opened
        await tx.execute("UPDATE accounts SET alert_told = '[\"auth\"]'")
        found = await targets.read_account(tx, "lab")
        assert found is not None
        assert found.alert == replace(opened, told=("auth",), named=(), failed=())
