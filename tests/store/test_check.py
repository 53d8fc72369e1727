from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from syncd.errors import DatabaseCorrupt
from syncd.store import migrate, queries
from syncd.store.check import Problem, check_file
from syncd.store.queries import Reader


def _run(path: Path, sql: str, *parameters: object) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(sql, parameters)


def _edit_event(path: Path, seq: int, **changes: object) -> None:
    """Change fields of an event's image."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        [(body,)] = connection.execute("SELECT body FROM events WHERE seq = ?", (seq,))
        event = json.loads(body)
        event["data"]["image"].update(changes)
        connection.execute("UPDATE events SET body = ? WHERE seq = ?", (json.dumps(event), seq))


def _last_event(path: Path, account: str, region: str, image_id: str) -> int:
    with Reader.open(path) as reader:
        return max(
            event.seq
            for event in queries.history(reader, image_id)
            if (event.account, event.region) == (account, region)
        )


def test_a_sound_file_has_no_problems_while_it_is_in_use_too(filled: Path) -> None:
    assert check_file(filled) == []
    stop = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(filled, isolation_level=None)) as other:
            while not stop.is_set():
                other.execute("UPDATE sinks SET failures = failures + 1")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert check_file(filled) == []
    finally:
        stop.set()
        writer.join()


def test_an_empty_cache_has_no_problems(tmp_path: Path) -> None:
    migrate.upgrade_file(tmp_path / "x.db")
    assert check_file(tmp_path / "x.db") == []


@pytest.mark.parametrize(
    ("column", "value"),
    [("name", "x"), ("status", None), ("size_mb", 1), ("price_yuan_per_hour", 2.5), ("tags", '["cuda"]'),
     ("softwares", '{"framework":"JAX"}'), ("visibility", 0)],
)  # fmt: skip
def test_a_live_row_that_differs_from_its_last_event_is_found(
    filled: Path, column: str, value: object
) -> None:
    _run(
        filled,
        f"UPDATE image_rows SET {column} = ? WHERE image_id = 'img-global' AND region = 'cn-sh2'",
        value,
    )
    seq = _last_event(filled, "lab", "cn-sh2", "img-global")
    assert check_file(filled) == [
        Problem("fold", "lab/cn-sh2 img-global", f"its {column} is not what event {seq} told")
    ]


def test_what_is_not_compared_may_differ(filled: Path) -> None:
    _run(filled, "UPDATE image_rows SET payload = '{}', created_at = 'x', missing_syncs = 9")
    assert check_file(filled) == []


def test_null_and_empty_are_the_same_to_the_fold(filled: Path) -> None:
    seq = _last_event(filled, "lab", "cn-sh2", "img-newest")
    _edit_event(
        filled, seq, tags=None, softwares={"framework": None, "applications": []}, author="", group_id=None
    )
    assert check_file(filled) == []
    _edit_event(filled, seq, visibility=0)
    assert [problem.kind for problem in check_file(filled)] == ["fold"]


def test_a_live_row_without_an_event_is_found(filled: Path) -> None:
    _run(filled, "DELETE FROM deliveries")
    _run(filled, "DELETE FROM events WHERE image_id = 'img-held'")
    assert check_file(filled) == [
        Problem("fold", "lab/cn-wlcb img-held", "is live, but no event tells of it")
    ]


def test_a_live_row_that_was_revoked_and_a_dead_one_that_was_not_are_found(filled: Path) -> None:
    _run(filled, "UPDATE image_rows SET revoked_at = NULL WHERE image_id = 'img-old'")
    _run(filled, "UPDATE image_rows SET revoked_at = 'x' WHERE image_id = 'img-held'")
    old = _last_event(filled, "lab", "cn-wlcb", "img-old")
    held = _last_event(filled, "lab", "cn-wlcb", "img-held")
    assert check_file(filled) == [
        Problem("fold", "lab/cn-wlcb img-old", f"is live, but event {old} revoked it"),
        Problem("fold", "lab/cn-wlcb img-held", f"is not live, but event {held} told that it is"),
    ]


def test_pruned_history_is_no_problem_as_long_as_the_last_event_of_each_live_row_stays(filled: Path) -> None:
    _run(filled, "DELETE FROM deliveries")
    _run(filled, "DELETE FROM events WHERE image_id = 'img-old' OR image_id IS NULL")
    _run(filled, "DELETE FROM events WHERE image_id = 'img-making' AND type = 'image.shared'")
    assert check_file(filled) == []


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"data": 1}', "{"])
def test_a_body_that_is_no_event_is_found(filled: Path, body: str) -> None:
    seq = _last_event(filled, "lab", "cn-wlcb", "img-old")
    _run(filled, "UPDATE events SET body = ? WHERE seq = ?", body, seq)
    assert check_file(filled) == [
        Problem("event", f"event {seq}", "its body is not a JSON object with `data`")
    ]


@pytest.mark.parametrize(("column", "value"), [("id", "x"), ("type", "image.updated")])
def test_a_body_of_another_event_is_found(filled: Path, column: str, value: str) -> None:
    _run(filled, f"UPDATE events SET {column} = ? WHERE seq = 1", value)
    [problem] = check_file(filled)
    assert problem.subject == "event 1"
    assert f"says {column}" in problem.message


def test_a_delivery_without_its_event_is_found(filled: Path) -> None:
    _run(filled, "INSERT INTO deliveries (event_seq, sink) VALUES (9999, 'log')")
    assert check_file(filled) == [Problem("delivery", "event 9999 for log", "there is no such event")]


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("DROP INDEX events_by_time", Problem("schema", "events_by_time", "is missing")),
        ("CREATE TABLE notes (text TEXT)", Problem("schema", "notes", "is not of syncd")),
        (
            "CREATE TRIGGER spy AFTER INSERT ON events BEGIN SELECT 1; END",
            Problem("schema", "spy", "is not of syncd"),
        ),
        (
            "DROP INDEX image_rows_key; CREATE INDEX image_rows_key ON image_rows (account, region, image_id)",
            Problem("schema", "image_rows_key", "is not as this syncd made it"),
        ),
        ("ALTER TABLE runs ADD COLUMN note TEXT", Problem("schema", "runs", "is not as this syncd made it")),
    ],
)
def test_a_changed_schema_is_found(filled: Path, sql: str, problem: Problem) -> None:
    with closing(sqlite3.connect(filled)) as connection:
        connection.executescript(sql)
    assert check_file(filled) == [problem]


def test_damage_is_found_and_ends_the_check(filled: Path) -> None:
    with closing(sqlite3.connect(filled, isolation_level=None)) as connection:
        [(page,)] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'events'")
        [(size,)] = connection.execute("PRAGMA page_size")
    content = bytearray(filled.read_bytes())
    content[(page - 1) * size : page * size] = b"\xee" * size
    filled.write_bytes(content)
    assert check_file(filled)[0].kind == "damage"
    filled.write_bytes(b"nothing" * 1000)
    with pytest.raises(DatabaseCorrupt):
        check_file(filled)


def test_no_more_problems_are_gathered_than_asked_for(filled: Path) -> None:
    _run(filled, "UPDATE events SET body = ''")
    assert len(check_file(filled, limit=3)) == 3
