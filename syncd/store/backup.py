"""A copy of the database file, made while the file is in use."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from syncd.errors import UsageError
from syncd.store import files, migrate, opening, sqlite_errors


def back_up(path: Path, to: Path, progress: migrate.Progress | None = None) -> None:
    """Copy the database, which may be in use, to the new file ``to`` (mode 0600); completely, or not at all.

    The copy shows one moment. Raises UsageError if ``to`` exists, and the DatabaseError tree.
    """
    if os.path.lexists(to):
        raise _exists(to)
    connection, _ = opening.open_to_read(path)
    part = to.with_name(f"{to.name}.{os.getpid()}.part")
    try:
        with sqlite_errors.explaining(path, "read"):
            # While this is open, what others write neither shows in the copy nor makes SQLite start the copy anew.
            connection.execute("BEGIN")
            connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
            migrate.copy_to(connection, part, 0o600, progress)
        _publish(part, to)
    except OSError as error:
        raise files.unwritable(to, "write the backup", error) from error
    finally:
        connection.close()


def _publish(part: Path, to: Path) -> None:
    """Give the finished copy its name, unless somebody else took the name meanwhile."""
    try:
        os.link(part, to)
    except FileExistsError as error:
        raise _exists(to) from error
    except OSError:
        # The file system has no hard links.
        if os.path.lexists(to):
            raise _exists(to) from None
        part.rename(to)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()
    files.sync_folder(to.parent)


def _exists(to: Path) -> UsageError:
    return UsageError(f"{to} exists already; nothing was written", "choose another name, or move it away")
