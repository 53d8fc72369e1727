"""The migrations, the tables of SQLAlchemy and the design's list of columns say the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from syncd.store import files, migrate, schema, tables, version

PUBLIC = {
    "images": "account region image_id name status image_type owner_id owner_name author container size_mb"
    " price_yuan_per_hour visibility group_id version_name description tags softwares source_gpu_type failed_reason"
    " created_at published_at first_seen_at shared_at changed_at missing_since last_seen_at payload",
    "events": "seq id type account region image_id observed_at scope baseline run_id body",
    "deliveries": "event_seq sink state attempts next_attempt_at last_error finished_at",
    "sinks": "name state since next_attempt_at last_error",
    "targets": "account region active baseline_at last_attempt_at last_success_at fresh_until failures last_error"
    " next_attempt_at live_count held_count",
    "runs": "id account region started_at finished_at count outcome pages listed shared revoked status_changed"
    " updated error",
}
PUBLIC["all_images"] = PUBLIC["images"] + " revoked_at"


@pytest.fixture
def migrated(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    files.make_file(tmp_path / "x.db", group_readable=False)
    migrate._migrate(tmp_path / "x.db", None)
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        yield connection


def test_the_migrations_make_exactly_the_declared_tables_indexes_and_views(
    migrated: sqlite3.Connection,
) -> None:
    assert schema.describe(migrated) == schema.declared()


def test_alembic_sees_no_difference(tmp_path: Path) -> None:
    migrate.upgrade_file(tmp_path / "x.db")
    engine = create_engine(f"sqlite:///{tmp_path / 'x.db'}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []
    engine.dispose()


def test_the_newest_migration_is_the_version_that_the_program_wants() -> None:
    script = ScriptDirectory(str(migrate.folder_of_migrations()))
    assert script.get_heads() == [version.SCHEMA_VERSION]


def test_every_table_is_strict(migrated: sqlite3.Connection) -> None:
    loose = {
        name
        for _, name, kind, _, _, strict in migrated.execute("PRAGMA table_list")
        if kind == "table" and not strict and not name.startswith("sqlite_") and name != "alembic_version"
    }
    assert loose == set()


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_public_column_is_there(migrated: sqlite3.Connection, name: str) -> None:
    columns = {row[1] for row in migrated.execute(f"PRAGMA table_xinfo({name})")}
    assert set(PUBLIC[name].split()) <= columns


@pytest.mark.parametrize("view", ["images", "all_images"])
def test_the_image_views_have_the_public_columns_and_no_other(
    migrated: sqlite3.Connection, view: str
) -> None:
    assert {row[1] for row in migrated.execute(f"PRAGMA table_xinfo({view})")} == set(PUBLIC[view].split())
