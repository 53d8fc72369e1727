"""Opens the file for reading: beside a daemon, without one, or as another user of the file's group."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from syncd.globs import matches
from syncd.store import files, opening, schema, sqlite_errors

ROWS_PER_FETCH = 200


class Reader:
    """A connection that only reads; a context manager."""

    def __init__(self, path: Path, connection: sqlite3.Connection, immutable: bool) -> None:
        self.path = path
        self.immutable = immutable
        """The file was opened as one that nobody writes: later writes are not seen, see `opening.open_to_read`."""
        self._connection = connection
        self._identity = files.identity(path)

    @classmethod
    def open(cls, path: Path) -> Reader:
        """Raises the DatabaseError tree: the file is missing, newer, older, empty, foreign, corrupt or out of reach."""
        connection, immutable = opening.open_to_read(path)
        connection.create_function("matches", 2, _matches, deterministic=True)
        return cls(path, connection, immutable)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of a statement as they come; they are fetched in groups, so that many rows need little memory."""
        with sqlite_errors.explaining(self.path, "read"):
            cursor = self._connection.cursor()
            try:
                cursor.execute(sql, parameters)
                while rows := cursor.fetchmany(ROWS_PER_FETCH):
                    yield from rows
            finally:
                with suppress(sqlite3.ProgrammingError):  # the reader was closed before all of them were read
                    cursor.close()

    def all(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return list(self.rows(sql, parameters))

    def value(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """The first column of the first row; None if there is no row."""
        return next((row[0] for row in self.all(sql, parameters)), None)

    def schema(self) -> Mapping[str, object]:
        with sqlite_errors.explaining(self.path, "read"):
            return schema.describe(self._connection)

    def snapshot(self) -> None:
        """Show one moment, that of the next statement, until the reader is closed."""
        self._connection.execute("BEGIN")

    def data_version(self) -> int:
        """A number that changes whenever another program has written to the file."""
        return int(self.value("PRAGMA data_version"))

    def is_current(self) -> bool:
        """False if the path leads to another file by now, or if this one is read as immutable and may have changed."""
        return not self.immutable and files.identity(self.path) == self._identity

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _matches(glob: str, text: str | None) -> bool:
    """`globs.matches` for statements: ``matches(glob, column)``."""
    return text is not None and matches(glob, text)
