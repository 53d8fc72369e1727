"""What commands ask of a running daemon: the table `requests`, from both sides.

The command's side uses the standard library alone, so that a command starts quickly; `daemon_call` drives it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from syncd.errors import SyncdError
from syncd.model import CLOCK_IS_RIGHT_WITHIN, to_text
from syncd.store import files, opening, sqlite_errors
from syncd.store.version import require_schema

if TYPE_CHECKING:
    from syncd.store.transaction import Transaction

RequestKind = Literal["sync", "release", "enable", "disable", "replay", "prune"]

STALE = timedelta(hours=1)
"""A request of this age is answered unseen: its command gave up long ago, or was killed."""

INTERRUPTED = "the daemon was stopped while it did this; what was not finished was not saved: try again"
EXPIRED = "no daemon took the request in time and the command is gone: try again"


@dataclass(frozen=True, slots=True)
class Request:
    id: int
    kind: RequestKind
    args: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answered:
    """The daemon's answer: the exit code for the command, and what it shows."""

    exit_code: int
    answer: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Waiting:
    begun: bool


async def take(tx: Transaction, now: datetime) -> list[Request]:
    """The requests that nobody has begun, oldest first; they count as begun when ``tx`` commits.

    A request that this daemon does not know (a newer command sent it) is answered at once.
    """
    rows = await tx.fetch(
        "UPDATE requests SET begun_at = ? WHERE finished_at IS NULL AND begun_at IS NULL"
        " RETURNING id, kind, args",
        (to_text(now),),
    )
    taken = []
    for request_id, kind, args in sorted(rows):
        if kind in get_args(RequestKind):
            taken.append(Request(request_id, cast(RequestKind, kind), json.loads(args)))
        else:
            error = f"this daemon knows no request {kind!r}: restart it after an upgrade"
            await finish(tx, request_id, SyncdError.exit_code, {"error": error}, now)
    return taken


async def finish(
    tx: Transaction, request_id: int, exit_code: int, answer: Mapping[str, Any], now: datetime
) -> None:
    """Write the answer. In the transaction that did what was asked, it is done exactly once or not at all."""
    await tx.execute_raw(
        "UPDATE requests SET finished_at = ?, exit_code = ?, answer = ? WHERE id = ?",
        (to_text(now), exit_code, json.dumps(answer, ensure_ascii=False), request_id),
    )


async def recover(tx: Transaction, now: datetime) -> None:
    """When a daemon starts: answer what an earlier one left half done, and what nobody waits for any more.

    A request that was left half done is not done again, because it may be what ended that daemon.
    """
    await tx.execute_raw(
        "UPDATE requests SET finished_at = ?1, exit_code = ?6,"
        " answer = json_object('error', CASE WHEN begun_at IS NULL THEN ?2 ELSE ?3 END)"
        " WHERE finished_at IS NULL AND (begun_at IS NOT NULL OR created_at NOT BETWEEN ?4 AND ?5)",
        (
            to_text(now),
            EXPIRED,
            INTERRUPTED,
            to_text(now - STALE),
            to_text(now + CLOCK_IS_RIGHT_WITHIN),
            SyncdError.exit_code,
        ),
    )


async def prune(tx: Transaction, before: datetime) -> None:
    """Delete requests that were answered before this time."""
    await tx.execute_raw("DELETE FROM requests WHERE finished_at < ?", (to_text(before),))


class RequestWatch:
    """Tells the daemon whether requests wait; so cheap that it is asked every second, on the loop's thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._version: int | None = None
        self._waiting = False

    def changed(self) -> bool:
        """Whether requests wait to be taken; it looks into the table only after somebody wrote to the file.

        A file that was replaced is opened anew. Raises DatabaseError.
        """
        with sqlite_errors.explaining(self._path, "read"):
            try:
                self._follow_the_path()
                return self._look()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                return self._waiting

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _follow_the_path(self) -> None:
        identity = files.identity(self._path)
        if self._connection is not None and self._identity == identity:
            return
        self.close()
        self._connection = opening.connect(self._path, "ro", timeout=0)
        self._identity = identity
        self._version = None

    def _look(self) -> bool:
        assert self._connection is not None
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            (waiting,) = self._connection.execute(
                "SELECT EXISTS (SELECT 1 FROM requests INDEXED BY requests_open"
                " WHERE finished_at IS NULL AND begun_at IS NULL)"
            ).fetchone()
            self._waiting = bool(waiting)
            self._version = version
        return self._waiting


def submit(path: Path, kind: RequestKind, args: Mapping[str, Any], now: datetime) -> int:
    """Insert a request and return its id. Raises the DatabaseError tree (DatabaseOlder while a daemon upgrades)."""
    with _opened(path, "ask the daemon through") as connection:
        cursor = connection.execute(
            "INSERT INTO requests (kind, args, created_at) VALUES (?, ?, ?)",
            (kind, json.dumps(args, ensure_ascii=False), to_text(now)),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid


def look(path: Path, request_id: int) -> Answered | Waiting:
    """The answer to a request, or whether it was begun. Raises SyncdError if it is no longer there."""
    with _opened(path, "read the daemon's answer from") as connection:
        row = connection.execute(
            "SELECT finished_at, exit_code, answer, begun_at FROM requests WHERE id = ?", (request_id,)
        ).fetchone()
    if row is None:
        raise SyncdError(
            f"request {request_id} is no longer in {path}: the file was replaced or restored meanwhile",
            "look at `syncd status`, and try again",
        )
    finished_at, exit_code, answer, begun_at = row
    if finished_at is None:
        return Waiting(begun_at is not None)
    return Answered(exit_code, json.loads(answer))


def withdraw(path: Path, request_id: int, *, even_begun: bool = False) -> bool:
    """Take a request back; False if it was answered, or begun and therefore cannot be taken back.

    ``even_begun`` is for the holder of the lock, who knows that whoever began the request is dead.
    """
    with _opened(path, "take back a request from") as connection:
        cursor = connection.execute(
            "DELETE FROM requests WHERE id = ? AND finished_at IS NULL AND (? OR begun_at IS NULL)",
            (request_id, even_begun),
        )
        return cursor.rowcount == 1


@contextmanager
def _opened(path: Path, doing: str) -> Iterator[sqlite3.Connection]:
    """A connection in autocommit: each statement is a transaction."""
    files.identity(path)
    with sqlite_errors.explaining(path, doing), closing(opening.connect(path, "rw")) as connection:
        require_schema(connection, path)
        yield connection
