from __future__ import annotations

import asyncio
import os
import resource
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from syncd.errors import DatabaseMissing, DatabaseUnwritable, UsageError
from syncd.store import migrate
from syncd.store.backup import back_up
from syncd.store.check import check_file
from syncd.store.engine import Database


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
