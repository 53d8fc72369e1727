"""The file, opened to be read by anyone who may: beside a daemon, after it, or as another user of its group."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from syncd.store import files, opening, schema, sqlite_errors

ROWS_PER_FETCH = 200


class Reader:
    """A connection that only reads; a context manager."""

    def __init__(self, path: Path, connection: sqlite3.Connection, immutable: bool) -> None:
        self.path = path
        self.immutable = immutable
        """Opened as a file that nobody writes: what a daemon writes from now on is not seen, see `opening`."""
        self._connection = connection
        self._identity = files.identity(path)

    @classmethod
    def open(cls, path: Path) -> Reader:
        """Raises the DatabaseError tree: missing, newer, older or empty, foreign, corrupt, out of reach."""
        connection, immutable = opening.open_to_read(path)
        return cls(path, connection, immutable)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of a statement as they come, in groups; memory stays small however many they are."""
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
        """The first column of the first row; None without one."""
        return next((row[0] for row in self.all(sql, parameters)), None)

    def schema(self) -> Mapping[str, object]:
        with sqlite_errors.explaining(self.path, "read"):
            return schema.describe(self._connection)

    def snapshot(self) -> None:
        """From the next statement on, everything read is of one moment, until the reader is closed."""
        self._connection.execute("BEGIN")

    def data_version(self) -> int:
        """Another number whenever another program has written."""
        return int(self.value("PRAGMA data_version"))

    def is_current(self) -> bool:
        """False if the path leads to another file by now, or if this one is no longer nobody's."""
        return not self.immutable and files.identity(self.path) == self._identity

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
