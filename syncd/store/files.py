"""The files of a database: their names, modes and folder."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from urllib.parse import quote

from syncd.errors import DatabaseMissing, DatabaseUnwritable

_COMPANIONS = ("-wal", "-shm", ".lock")


def beside(path: Path, suffix: str) -> Path:
    """The companion of the real file, however it is reached: one lock for a file and a link to it."""
    real = path.resolve()
    return real.with_name(real.name + suffix)


def file_mode(group_readable: bool) -> int:
    return 0o640 if group_readable else 0o600


def uri(path: Path, parameters: str = "") -> str:
    """The file as SQLite's URI, whatever characters are in its name; ``parameters`` as in "?mode=ro"."""
    return f"file:{quote(str(path))}{parameters}"


def identity(path: Path) -> tuple[int, int]:
    """Device and inode. Raises DatabaseMissing, or DatabaseUnwritable where the folder lets nobody in."""
    try:
        found = os.stat(path)  # noqa: PTH116  # Path.stat costs twice as much, and this comes before each write
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DatabaseMissing(
            f"{path} does not exist", "start `syncd run`, or name the file with --db"
        ) from error
    except OSError as error:
        raise unwritable(path, "open", error) from error
    if stat.S_ISDIR(found.st_mode):
        raise DatabaseMissing(f"{path} is a folder, not a file", "name the file in it")
    return found.st_dev, found.st_ino


def make_folder(path: Path, group_readable: bool) -> None:
    """Make the missing folders above ``path`` as 0700 (0750); existing ones stay as they are."""
    folder = path.parent
    try:
        absent = [parent for parent in (folder, *folder.parents) if not parent.exists()]
        for parent in reversed(absent):
            parent.mkdir(exist_ok=True)
            parent.chmod(0o750 if group_readable else 0o700)
    except OSError as error:
        raise unwritable(folder, "make the folder", error) from error


def make_file(path: Path, group_readable: bool) -> None:
    """Make the file if it is missing, and give it and its companions mode 0600 (0640).

    SQLite gives -wal and -shm the mode of the file, so it is set before they exist.
    """
    mode = file_mode(group_readable)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, mode))
        for file in (path.resolve(), *(beside(path, suffix) for suffix in _COMPANIONS)):
            if file.exists() and file.stat().st_mode & 0o777 != mode:
                file.chmod(mode)
    except OSError as error:
        raise unwritable(path, "write to", error) from error


def unwritable(path: Path, doing: str, error: OSError, hint: str = "") -> DatabaseUnwritable:
    return DatabaseUnwritable(
        f"cannot {doing} {path}: {error.strerror or error}",
        hint
        or f"give the user that runs syncd the right to write in {path.parent}, or change `database.path`",
    )
