from __future__ import annotations

import asyncio
import json
import os
import resource
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from syncd.errors import DatabaseCorrupt, DatabaseMissing, DatabaseUnwritable, UsageError
from syncd.store import filesystem, migrate, queries
from syncd.store.backup import back_up
from syncd.store.check import Problem, check_file
from syncd.store.engine import Database
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


def test_a_backup_is_a_whole_private_database_of_one_file(filled: Path, tmp_path: Path) -> None:
    to = tmp_path / "copy.db"
    back_up(filled, to)
    assert to.stat().st_mode & 0o777 == 0o600
    assert check_file(to) == []
    with closing(sqlite3.connect(filled)) as one, closing(sqlite3.connect(to)) as other:
        assert list(one.iterdump()) == list(other.iterdump())
    assert sorted(name for name in os.listdir(tmp_path) if name.startswith("copy")) == ["copy.db"]


def test_a_backup_can_be_put_in_the_files_place(filled: Path, tmp_path: Path) -> None:
    back_up(filled, tmp_path / "copy.db")
    (tmp_path / "copy.db").rename(filled)
    assert migrate.upgrade_file(filled).backup is None

    async def use() -> list[tuple[object, ...]]:
        db = await Database.open(filled)
        async with db.write() as tx:
            mode = await tx.fetch("PRAGMA journal_mode")
        await db.close()
        return mode

    assert asyncio.run(use()) == [("wal",)]


def test_a_backup_beside_a_writer_is_of_one_moment(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each write changes two tables at once; a copy that has one of them without the other is of two moments."""
    monkeypatch.setattr(migrate, "PAGES_PER_REPORT", 1)
    with closing(sqlite3.connect(filled, isolation_level=None)) as other:
        other.execute("UPDATE targets SET last_error = '0'")
        written = 0

        def write() -> None:
            nonlocal written
            written += 1
            other.executescript(
                f"BEGIN IMMEDIATE; UPDATE targets SET last_error = '{written}';"
                f" UPDATE sinks SET last_error = '{written}', failures = failures + 1; COMMIT"
            )

        write()
        back_up(filled, tmp_path / "copy.db", progress=write)
    assert written > 10
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute(
            "SELECT DISTINCT last_error FROM targets UNION SELECT last_error FROM sinks"
        ).fetchall() == [("1",)]


def test_a_backup_never_overwrites(filled: Path, tmp_path: Path) -> None:
    to = tmp_path / "precious"
    to.write_text("precious")
    with pytest.raises(UsageError, match="exists already"):
        back_up(filled, to)
    assert to.read_text() == "precious"
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError):
        back_up(filled, tmp_path / "dangling")
    with pytest.raises(UsageError):
        back_up(filled, filled)


def test_a_name_taken_while_the_backup_ran_is_not_overwritten(filled: Path, tmp_path: Path) -> None:
    to = tmp_path / "copy.db"
    with pytest.raises(UsageError, match="exists already"):
        back_up(filled, to, progress=lambda: to.write_text("precious"))
    assert to.read_text() == "precious"
    assert [name for name in os.listdir(tmp_path) if name.endswith(".part")] == []


def test_without_hard_links_a_backup_gets_its_name_all_the_same(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    back_up(filled, tmp_path / "copy.db")
    assert check_file(tmp_path / "copy.db") == []
    with pytest.raises(UsageError):
        back_up(filled, tmp_path / "other.db", progress=lambda: (tmp_path / "other.db").touch())


def test_a_backup_that_has_no_room_says_so_and_leaves_nothing(filled: Path, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(DatabaseUnwritable, match=r"write the backup .*copy\.db"):
            back_up(filled, tmp_path / "copy.db")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [name for name in os.listdir(tmp_path) if "copy" in name] == []


def test_a_backup_needs_a_folder_and_a_source(filled: Path, tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnwritable, match="write the backup") as caught:
        back_up(filled, tmp_path / "nowhere" / "copy.db")
    assert "exists" in caught.value.hint
    with pytest.raises(DatabaseMissing):
        back_up(tmp_path / "nothing.db", tmp_path / "copy.db")


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
    assert check_file(filled) == [Problem("event", f"event {seq}", "its body is no JSON object with `data`")]


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


def test_little_room_is_warned_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate.upgrade_file(tmp_path / "x.db")
    monkeypatch.setattr(filesystem, "space", lambda _: filesystem.Space(10 * 2**20, 1000))
    [warning] = filesystem.warnings(tmp_path / "x.db")
    assert "only 10 MB" in warning
    monkeypatch.setattr(filesystem, "space", lambda _: filesystem.Space(10 * 2**30, 0))
    [warning] = filesystem.warnings(tmp_path / "x.db")
    assert "inodes" in warning
    monkeypatch.setattr(filesystem, "space", lambda _: filesystem.Space(10 * 2**30, None))
    assert filesystem.warnings(tmp_path / "x.db") == ()
    monkeypatch.setattr(filesystem, "space", lambda _: None)
    assert filesystem.warnings(tmp_path / "x.db") == ()


def test_a_file_larger_than_what_is_free_is_warned_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "x.db").open("wb") as file:
        file.truncate(2**30)
    monkeypatch.setattr(filesystem, "space", lambda _: filesystem.Space(2**30 - 1, None))
    [warning] = filesystem.warnings(tmp_path / "x.db")
    assert "1024 MB" in warning


def test_space_is_that_of_the_nearest_folder_that_exists(tmp_path: Path) -> None:
    space = filesystem.space(tmp_path / "not" / "yet" / "x.db")
    found = os.statvfs(tmp_path)
    assert space is not None
    assert abs(space.free - found.f_bavail * found.f_frsize) < 2**30


MOUNTS = r"""
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 21 0:40 / /home rw,relatime shared:2 - nfs4 server:/home rw
31 30 8:2 / /home/local rw - xfs /dev/sdb1 rw
32 21 0:41 / /mnt/with\040space rw - fuse.sshfs user@host: rw
33 21 0:42 / /srv rw - ext4 /dev/sdc rw
34 21 0:42 / /srv rw shared:9 master:1 - cifs //host/share rw
a torn line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/syncd/syncd.db", None),
        ("/home/me/syncd.db", "nfs4"),
        ("/home/local/syncd.db", None),
        ("/homely/syncd.db", None),
        ("/mnt/with space/syncd.db", "fuse.sshfs"),
        ("/srv/syncd.db", "cifs"),
    ],
)
def test_a_network_file_system_is_known_by_the_mount_that_covers_the_path(
    tmp_path: Path, path: str, kind: str | None
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert filesystem.network_file_system(Path(path), mounts) == kind


def test_without_proc_no_file_system_is_accused(tmp_path: Path) -> None:
    assert filesystem.network_file_system(tmp_path, tmp_path / "nothing") is None


def test_an_upgrade_passes_warnings_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filesystem, "network_file_system", lambda _: "nfs4")
    for _ in range(2):
        warnings = migrate.upgrade_file(tmp_path / "x.db").warnings
        assert "network file system (nfs4)" in warnings[0]
