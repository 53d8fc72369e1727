"""docs/sql.md is held to the database: its columns exist, and its queries answer."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.store.test_schema import PUBLIC

DOC = Path(__file__).parents[2] / "docs" / "sql.md"
TEXT = DOC.read_text(encoding="utf-8")
QUERIES = re.findall(r"^([^\n]+)\n\n```sql\n(.*?)```", TEXT, re.MULTILINE | re.DOTALL)


def _documented() -> dict[str, set[str]]:
    """The columns that the first cells of each section's table name."""
    found = {}
    for name, section in re.findall(r"^### `(\w+)`\n(.*?)(?=^##)", TEXT, re.MULTILINE | re.DOTALL):
        cells = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
        found[name] = set(re.findall(r"`(\w+)`", " ".join(cells)))
    found["all_images"] |= found["images"]
    return found


@pytest.fixture
def connection(filled: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"file:{filled}?mode=ro", uri=True)) as connection:
        yield connection


def test_the_document_names_exactly_the_public_columns() -> None:
    assert _documented() == {name: set(columns.split()) for name, columns in PUBLIC.items()}


def test_every_documented_column_exists(connection: sqlite3.Connection) -> None:
    for table, columns in _documented().items():
        connection.execute(f"SELECT {', '.join(sorted(columns))} FROM {table} LIMIT 1")


def test_there_are_a_dozen_questions() -> None:
    assert len(QUERIES) >= 12
    assert "->" not in "".join(query for _, query in QUERIES), "newer than SQLite 3.37"
    assert TEXT.count("```sql") == len(QUERIES)


@pytest.mark.parametrize(("question", "query"), QUERIES, ids=[question for question, _ in QUERIES])
def test_every_question_is_answered_by_its_query_with_public_columns_only(
    connection: sqlite3.Connection, question: str, query: str
) -> None:
    # SQLite reports what a query reads: of the views' own tables, of events, …
    read: set[tuple[str, str]] = set()
    public = _documented()

    def note(action: int, table: str | None, column: str | None, _: object, view: str | None) -> int:
        if action == sqlite3.SQLITE_READ and table in public and view not in public:
            read.add((table or "", column or ""))
        return sqlite3.SQLITE_OK

    connection.set_authorizer(note)
    query = query.replace("'-7 days'", "'-100 years'").replace("<> 'Available'", "= 'Available'")
    rows = connection.execute(query).fetchall()
    assert rows, question
    assert {(table, column) for table, column in read if column and column not in public[table]} == set()


def test_the_command_of_the_document_works_in_a_plain_shell(filled: Path) -> None:
    if shutil.which("sqlite3") is None:
        pytest.skip("no sqlite3 shell here")
    command = re.findall(r"^sqlite3 .*$", TEXT, re.MULTILINE)[0].replace(
        "/var/lib/syncd/syncd.db", str(filled)
    )
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert "held 镜像" in done.stdout
