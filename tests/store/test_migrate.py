from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent

import pytest

from syncd.errors import (
    DatabaseCorrupt,
    DatabaseError,
    DatabaseForeign,
    DatabaseLocked,
    DatabaseMissing,
    DatabaseNewer,
    DatabaseUnwritable,
)
from syncd.store import files, migrate, schema, version
from tests.store.users import let_in, needs_root, run_as

MANY_REQUESTS = (
    "INSERT INTO requests (kind, args, created_at) WITH RECURSIVE c(i) AS"
    " (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 10000) SELECT 'sync', '{}', '' FROM c"
)
FINGERPRINTS = (
    "SELECT account, region, image_id, fingerprint FROM image_rows ORDER BY account, region, image_id"
)
OURS = version.SCHEMA_VERSION
NOW = datetime(2026, 11, 24, 2, 41, 59, tzinfo=UTC)


def _dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def _run(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def _backups(path: Path) -> list[str]:
    return sorted(name for name in os.listdir(path.parent) if ".backup-" in name)


@pytest.fixture
def newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program whose migrations go on to 9999, which the returned file says; its file makes a table `next`."""
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    ours = migrate.folder_of_migrations()
    (folder / "env.py").write_text((ours / "env.py").read_text())
    for file in (ours / "versions").glob("*.py"):
        (folder / "versions" / file.name).write_text(file.read_text())
    second = folder / "versions" / "9999_next.py"
    second.write_text(
        dedent(f"""
        from alembic import op
        revision = "9999"
        down_revision = "{OURS}"
        def upgrade():
            op.execute("CREATE TABLE next (n INTEGER) STRICT")
            op.execute("INSERT INTO next SELECT COUNT(*) FROM runs")
        """)
    )
    monkeypatch.setattr(migrate, "folder_of_migrations", lambda: folder)
    monkeypatch.setattr(migrate, "SCHEMA_VERSION", "9999")
    monkeypatch.setattr(version, "SCHEMA_VERSION", "9999")
    return second


def _old(path: Path) -> None:
    """A file of this version, made by its own migrations alone."""
    files.make_file(path, group_readable=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrate, "folder_of_migrations", _OURS)
        migrate._migrate(path, None)
    _run(
        path,
        "INSERT INTO runs (account, region, started_at, finished_at, outcome) VALUES ('a', 'r', '', '', 'held')",
    )


_OURS = migrate.folder_of_migrations


def test_a_new_file_is_made_with_its_folders_and_is_ours(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "x.db"
    done = migrate.upgrade_file(path)
    assert (done.before, done.after, done.backup) == (None, version.SCHEMA_VERSION, None)
    assert migrate.file_version(path) == version.SCHEMA_VERSION
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (version.APPLICATION_ID,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert schema.describe(connection) == schema.declared()


@pytest.mark.parametrize("group_readable", [False, True])
def test_files_and_folders_are_as_private_as_asked(tmp_path: Path, group_readable: bool) -> None:
    path = tmp_path / "a" / "b" / "x.db"
    old = os.umask(0)
    try:
        migrate.upgrade_file(path, group_readable=group_readable)
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == (0o640 if group_readable else 0o600)
    for folder in (path.parent, path.parent.parent):
        assert folder.stat().st_mode & 0o777 == (0o750 if group_readable else 0o700)


def test_a_folder_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o751)
    migrate.upgrade_file(tmp_path / "x.db")
    assert tmp_path.stat().st_mode & 0o777 == 0o751


def test_modes_follow_the_setting_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    migrate.upgrade_file(path, group_readable=True)
    migrate.upgrade_file(path, group_readable=False)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_of_this_version_is_left_alone_and_alembic_is_not_imported(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    migrate.upgrade_file(path)
    before = path.read_bytes()
    code = (
        "import sys; from pathlib import Path; from syncd.store import migrate\n"
        "done = migrate.upgrade_file(Path(sys.argv[1])); assert done.before == done.after\n"
        "heavy = [name for name in ('alembic', 'sqlalchemy', 'aiosqlite') if name in sys.modules]\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    assert path.read_bytes() == before
    assert _backups(path) == []


def test_an_upgrade_keeps_the_rows_and_a_backup_of_what_was(tmp_path: Path, newer: Path) -> None:
    path = tmp_path / "x.db"
    _old(path)
    before = _dump(path)
    done = migrate.upgrade_file(path, now=NOW)
    assert (done.before, done.after) == (OURS, "9999")
    assert done.backup == tmp_path / f"x.db.backup-{OURS}-20261124T024159Z"
    assert done.backup.stat().st_mode & 0o777 == 0o600
    assert _dump(done.backup) == before
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT n FROM next").fetchall() == [(1,)]
    assert migrate.file_version(path) == "9999"


def test_an_alert_of_a_dead_event_stays_open_through_the_second_migration(tmp_path: Path) -> None:
    path, folder = tmp_path / "x.db", tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    for file in ("env.py", "versions/0001_first_schema.py"):
        (folder / file).write_text((_OURS() / file).read_text())
    files.make_file(path, group_readable=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrate, "folder_of_migrations", lambda: folder)
        migrate._migrate(path, None)
    _run(
        path,
        "INSERT INTO sinks (name, since, failed_said_at, failed_reason) VALUES ('a', '1', '2', 'dead')",
        "INSERT INTO sinks (name, since, failed_said_at, failed_reason) VALUES ('b', '1', '2', 'gone')",
    )
    migrate.upgrade_file(path)
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT name, failed_said_at, failed_reason, dead_said_at FROM sinks")
        assert found.fetchall() == [("a", None, None, "2"), ("b", "2", "gone", None)]


@pytest.mark.parametrize("asks", [True, False])
def test_a_migration_may_ask_for_new_fingerprints_and_facts_follow_their_rows(
    filled: Path, newer: Path, asks: bool
) -> None:
    with closing(sqlite3.connect(filled)) as connection:
        right = connection.execute(FINGERPRINTS).fetchall()
    _run(
        filled,
        "UPDATE image_rows SET fingerprint = randomblob(16)",
        "INSERT INTO facts (account, image_id, live, status, digest)"
        " SELECT account, image_id, 1, status, fingerprint FROM image_rows WHERE image_id = 'img-making'",
        "INSERT INTO facts (account, image_id, live, digest) VALUES ('lab', 'img-held', 1, x'00')",
    )
    with closing(sqlite3.connect(filled)) as connection:
        outdated = connection.execute(FINGERPRINTS).fetchall()
    newer.write_text(
        f"from alembic import context\nrevision, down_revision = '9999', '{OURS}'\n"
        f"def upgrade():\n    context.config.attributes['{migrate.RECOMPUTE}'] = {asks}\n"
    )
    migrate.upgrade_file(filled)
    with closing(sqlite3.connect(filled)) as connection:
        found = connection.execute(FINGERPRINTS).fetchall()
        told = dict(connection.execute("SELECT image_id, digest FROM facts"))
    assert found == (right if asks else outdated) != (outdated if asks else right)
    [making] = [mark for *_, image_id, mark in found if image_id == "img-making"]
    assert told == {"img-making": making[:16], "img-held": b"\0"}


def test_a_backup_can_be_read_where_nothing_may_be_written_beside_it(tmp_path: Path, newer: Path) -> None:
    path = tmp_path / "x.db"
    _old(path)
    backup = migrate.upgrade_file(path).backup
    with closing(sqlite3.connect(f"file:{backup}?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_failed_upgrade_leaves_the_file_as_it_was(tmp_path: Path, newer: Path) -> None:
    path = tmp_path / "x.db"
    _old(path)
    before = _dump(path)
    newer.write_text(newer.read_text() + "    raise ValueError('half way')\n")
    with pytest.raises(ValueError, match="half way"):
        migrate.upgrade_file(path)
    assert _dump(path) == before
    with closing(sqlite3.connect(path)) as connection:
        assert version.read_version(connection, path) == OURS
    assert len(_backups(path)) == 1


def test_a_killed_upgrade_leaves_the_file_as_it_was(tmp_path: Path, newer: Path) -> None:
    path = tmp_path / "x.db"
    _old(path)
    before = _dump(path)
    newer.write_text(newer.read_text() + "    import os, signal; os.kill(os.getpid(), signal.SIGKILL)\n")
    code = (
        "import sys; from pathlib import Path; from syncd.store import migrate, version\n"
        "migrate.SCHEMA_VERSION = version.SCHEMA_VERSION = '9999'\n"
        "migrate.folder_of_migrations = lambda: Path(sys.argv[2])\n"
        "migrate.upgrade_file(Path(sys.argv[1]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path), str(newer.parent.parent)], check=False)
    assert done.returncode == -9
    assert _dump(path) == before


def test_a_file_that_could_not_be_made_whole_is_empty_and_can_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.db"
    good = list(schema.statements())
    with monkeypatch.context() as patch:
        patch.setattr(schema, "statements", lambda: [*good[:10], "half way"])
        with pytest.raises(sqlite3.OperationalError, match="half"):
            migrate.upgrade_file(path)
    assert migrate.file_version(path) is None
    assert migrate.upgrade_file(path).before is None
    assert migrate.file_version(path) == version.SCHEMA_VERSION


def test_a_new_file_has_pages_of_8_kb_and_an_older_one_keeps_its_own(tmp_path: Path) -> None:
    def page_size(path: Path) -> int:
        with closing(sqlite3.connect(path)) as connection:
            return int(connection.execute("PRAGMA page_size").fetchone()[0])

    new, old = tmp_path / "new.db", tmp_path / "old.db"
    migrate.upgrade_file(new)
    assert page_size(new) == migrate.PAGE_SIZE == 8192
    with closing(sqlite3.connect(new)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA page_size = 4096")
        connection.execute("VACUUM")
    new.rename(old)
    migrate.upgrade_file(old)
    assert page_size(old) == 4096


def test_a_new_file_is_what_the_migrations_make_and_alembic_is_not_imported(tmp_path: Path) -> None:
    new, old = tmp_path / "new.db", tmp_path / "old.db"
    code = (
        "import sys; from pathlib import Path; from syncd.store import migrate\n"
        "migrate.upgrade_file(Path(sys.argv[1])); assert 'alembic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(new)], check=True)
    files.make_file(old, group_readable=False)
    migrate._migrate(old, None)
    assert migrate.file_version(new) == migrate.file_version(old)
    with closing(sqlite3.connect(new)) as one, closing(sqlite3.connect(old)) as other:
        assert schema.describe(one) == schema.describe(other)


def test_the_last_two_backups_are_kept(tmp_path: Path, newer: Path) -> None:
    path = tmp_path / "x.db"
    (tmp_path / "x.db.backup-by-hand").touch()
    (tmp_path / f"x.db.backup-{OURS}-20261001T000000Z.part").touch()
    for day in range(4):
        for file in tmp_path.glob("x.db*"):
            if ".backup-" not in file.name:
                file.unlink()
        _old(path)
        migrate.upgrade_file(path, now=NOW + timedelta(days=day))
    assert _backups(path) == [
        f"x.db.backup-{OURS}-20261126T024159Z",
        f"x.db.backup-{OURS}-20261127T024159Z",
        "x.db.backup-by-hand",
    ]


def test_without_room_for_the_backup_nothing_is_upgraded(tmp_path: Path, newer: Path) -> None:
    path = tmp_path / "x.db"
    _old(path)
    _run(path, MANY_REQUESTS)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(DatabaseUnwritable, match="write the backup"):
            migrate.upgrade_file(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert _backups(path) == []
    with closing(sqlite3.connect(path)) as connection:
        assert version.read_version(connection, path) == OURS


def test_a_long_upgrade_reports_progress(
    tmp_path: Path, newer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.db"
    _old(path)
    _run(path, MANY_REQUESTS)
    newer.write_text(newer.read_text() + "    op.execute('INSERT INTO next SELECT id FROM requests')\n")
    monkeypatch.setattr(migrate, "PAGES_PER_REPORT", 10)
    monkeypatch.setattr(migrate, "STEPS_PER_REPORT", 1000)
    seen: list[str] = []
    migrate.upgrade_file(path, progress=lambda: seen.append(sys._getframe(1).f_code.co_name))
    assert len(seen) > 10
    assert len(set(seen)) > 1


def test_a_file_that_another_program_keeps_locked_is_not_upgraded(
    tmp_path: Path, newer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.db"
    _old(path)
    monkeypatch.setattr(migrate, "BUSY_TIMEOUT", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseLocked, match="another program"):
            migrate.upgrade_file(path)
    assert migrate.upgrade_file(path).before == OURS


def _newer(path: Path) -> None:
    migrate.upgrade_file(path)
    _run(path, "UPDATE alembic_version SET version_num = '0999'")


def _foreign(path: Path) -> None:
    _run(path, "CREATE TABLE bookmarks (url TEXT)")


def _foreign_by_id(path: Path) -> None:
    _run(path, "PRAGMA application_id = 1234567")


def _no_database(path: Path) -> None:
    path.write_text("# this is a configuration file\n" * 100)


def _damaged(path: Path) -> None:
    migrate.upgrade_file(path)
    content = bytearray(path.read_bytes())
    content[100:2000] = b"\xff" * 1900
    path.write_bytes(content)


def _without_version(path: Path) -> None:
    migrate.upgrade_file(path)
    _run(path, "DELETE FROM alembic_version")


def _unknown_version(path: Path) -> None:
    migrate.upgrade_file(path)
    _run(path, "UPDATE alembic_version SET version_num = '0000'")


def _folder(path: Path) -> None:
    path.mkdir()


BROKEN = [
    (_newer, DatabaseNewer, "newer syncd", "upgrade syncd"),
    (_foreign, DatabaseForeign, "not one of syncd", "another file"),
    (_foreign_by_id, DatabaseForeign, "not one of syncd", "another file"),
    (_no_database, DatabaseCorrupt, "not a SQLite database", "backup"),
    (_damaged, DatabaseCorrupt, "damaged", "backup"),
    (_without_version, DatabaseCorrupt, "does not say which schema", "backup"),
    (_unknown_version, DatabaseCorrupt, "0000", "backup"),
    (_folder, DatabaseUnwritable, "irectory", "name a file in it"),
]


@pytest.mark.parametrize(("breaking", "kind", "message", "hint"), BROKEN)
def test_what_cannot_be_used_is_refused_in_one_line_with_a_remedy_and_left_alone(
    tmp_path: Path, breaking: object, kind: type[DatabaseError], message: str, hint: str
) -> None:
    path = tmp_path / "x.db"
    assert callable(breaking)
    breaking(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(DatabaseError) as caught:
        migrate.upgrade_file(path)
    assert type(caught.value) is kind
    assert message in caught.value.message
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 5
    assert (path.read_bytes() if path.is_file() else None) == before
    assert _backups(path) == []


def test_checking_a_missing_file_makes_none(tmp_path: Path) -> None:
    with pytest.raises(DatabaseMissing) as caught:
        migrate.file_version(tmp_path / "x.db")
    assert "syncd run" in caught.value.hint
    assert os.listdir(tmp_path) == []


def test_a_sqlite_without_strict_tables_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    with pytest.raises(DatabaseError, match=r"3\.37 or newer"):
        migrate.upgrade_file(tmp_path / "x.db")
    assert os.listdir(tmp_path) == []


@needs_root
@pytest.mark.parametrize("mode", [0o700, 0o750])
def test_a_user_who_may_not_write_there_is_told_so(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "state"
    migrate.upgrade_file(folder / "x.db", group_readable=True)
    let_in(folder, mode)
    code = dedent("""
        import sys
        from pathlib import Path
        import syncd.store.migrate as migrate, syncd.errors as errors
        for deed in (migrate.upgrade_file, migrate.file_version):
            try:
                deed(Path(sys.argv[1]))
            except errors.DatabaseUnwritable as error:
                print(error.message, "|", error.hint)
    """)
    done = run_as(code, str(folder / "x.db"))
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all("ermission denied" in line or "cannot be opened" in line for line in lines)


def test_the_companions_of_a_link_lie_beside_the_real_file(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.db").symlink_to(tmp_path / "real" / "x.db")
    migrate.upgrade_file(tmp_path / "link.db")
    assert files.beside(tmp_path / "link.db", "-wal") == tmp_path / "real" / "x.db-wal"
    assert migrate.file_version(tmp_path / "real" / "x.db") == version.SCHEMA_VERSION
