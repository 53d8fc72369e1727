"""Describes the schema of a file, and the schema that it should have, however their SQL is spelled."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing

_ALEMBIC = "alembic_version"


def describe(connection: sqlite3.Connection) -> Mapping[str, object]:
    """Every table, index, view and trigger by its name, with all that SQLite knows about it; without Alembic's own."""
    rows = connection.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND tbl_name <> ?",
        (_ALEMBIC,),
    ).fetchall()
    return {name: _describe(connection, kind, name, _flat(sql)) for kind, name, sql in rows}


def declared() -> Mapping[str, object]:
    """`describe` of an empty database made from the declared tables and views."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in statements():
            connection.execute(statement)
        return describe(connection)


def statements() -> Iterator[str]:
    """The SQL statements that make the declared tables, indexes and views in an empty database."""
    from sqlalchemy.dialects import sqlite
    from sqlalchemy.schema import CreateIndex, CreateTable

    from syncd.store.tables import VIEWS, metadata

    dialect = sqlite.dialect()
    for table in metadata.sorted_tables:
        yield str(CreateTable(table).compile(dialect=dialect))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            yield str(CreateIndex(index).compile(dialect=dialect))
    yield from VIEWS.values()


def _describe(connection: sqlite3.Connection, kind: str, name: str, sql: str) -> object:
    quoted = '"' + name.replace('"', '""') + '"'
    if kind == "table":
        (options,) = (row[3:6] for row in connection.execute("PRAGMA table_list") if row[1] == name)
        columns = connection.execute(f"PRAGMA table_xinfo({quoted})").fetchall()
        checks = sorted(re.findall(r"CHECK \(.*?\)\)?", sql))
        unique = sorted(
            connection.execute(f"PRAGMA index_info({index})").fetchall()
            for _, index, _, origin, _ in connection.execute(f"PRAGMA index_list({quoted})").fetchall()
            if origin == "u"
        )
        return kind, columns, options, checks, unique, "AUTOINCREMENT" in sql
    if kind == "index":
        columns = connection.execute(f"PRAGMA index_xinfo({quoted})").fetchall()
        return kind, columns, "UNIQUE" in sql, sql.partition(" WHERE ")[2]
    return kind, sql


def _flat(sql: str) -> str:
    return re.sub(r"\s+", " ", sql).strip()
