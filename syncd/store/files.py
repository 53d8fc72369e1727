"""The files of a database: their names, modes and folder."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from urllib.parse import quote

from syncd import file_access
from syncd.errors import REMEDIES, DatabaseMissing, DatabaseUnwritable

READING = ("read", "open")
"""What needs no right to write; see `unwritable`."""

_COMPANIONS = ("-wal", "-shm", ".lock")


def beside(path: Path, suffix: str) -> Path:
    """The companion of the real file, even if ``path`` is a link: a file and its links share one lock."""
    real = resolved(path)
    return real.with_name(real.name + suffix)


def resolved(path: Path) -> Path:
    """The file that the links of ``path`` lead to. Raises DatabaseUnwritable where they lead in a circle."""
    try:
        return path.resolve()
    except (RuntimeError, OSError) as error:  # the former before Python 3.13
        raise unwritable(path, "open", OSError(errno.ELOOP, os.strerror(errno.ELOOP))) from error


def file_mode(group_readable: bool) -> int:
    return 0o640 if group_readable else 0o600


def uri(path: Path, parameters: str = "") -> str:
    """The file as SQLite's URI, whatever characters are in its name; ``parameters`` as in "?mode=ro"."""
    return f"file:{quote(str(path))}{parameters}"


def identity(path: Path) -> tuple[int, int]:
    """Device and inode of the file. Raises DatabaseMissing, or DatabaseUnwritable if the folder cannot be entered."""
    try:
        status = os.stat(path)  # noqa: PTH116  # Path.stat costs twice as much, and this comes before each write
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DatabaseMissing(
            f"{path} does not exist", "start `syncd run`, or name the file with --db"
        ) from error
    except OSError as error:
        raise unwritable(path, "open", error) from error
    if stat.S_ISDIR(status.st_mode):
        raise DatabaseMissing(
            f"{path} is a folder, not a file", f"name the file in it, such as {path / 'syncd.db'}"
        )
    if not stat.S_ISREG(status.st_mode):
        raise DatabaseMissing(f"{path} is a device or a pipe, not a file", "name an ordinary file")
    return status.st_dev, status.st_ino


def make_folder(path: Path, group_readable: bool) -> None:
    """Make the missing folders above ``path`` with mode 0700 (0750); existing ones stay as they are."""
    folder = path.parent
    try:
        absent = [parent for parent in (folder, *folder.parents) if not parent.exists()]
        for parent in reversed(absent):
            parent.mkdir(exist_ok=True)
            parent.chmod(0o750 if group_readable else 0o700)
            sync_folder(parent.parent)
    except OSError as error:
        raise unwritable(folder, "make the folder", error) from error


def make_file(path: Path, group_readable: bool) -> None:
    """Make the file if it is missing, and give it and its companions mode 0600 (0640).

    SQLite gives -wal and -shm the mode of the file, so it is set before they exist.
    """
    mode = file_mode(group_readable)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, mode))
        sync_folder(resolved(path).parent)
        for file in (resolved(path), *(beside(path, suffix) for suffix in _COMPANIONS)):
            if file.exists() and file.stat().st_mode & 0o777 != mode:
                file.chmod(mode)
    except OSError as error:
        raise unwritable(path, "write to", error) from error


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk: a power cut would lose a file without its name. Raises OSError."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        os.sync()  # we may write to the folder, but not read it
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # on this file system folders need no sync
            raise
    finally:
        os.close(descriptor)


def unwritable(path: Path, doing: str, error: OSError, hint: str = "") -> DatabaseUnwritable:
    """The error for an operation that the system refused.

    ``hint`` says what to do, unless the refusal itself tells (a full disk, no files left, no permission).
    """
    remedy = REMEDIES.get(error.errno or 0)
    if remedy is None and error.errno in file_access.DENIED:
        remedy = file_access.denied_hint(path, writing=doing not in READING)
    if error.errno == errno.EISDIR:
        remedy = "this is a folder: name a file in it"
    return DatabaseUnwritable(
        f"cannot {doing} {path}: {error.strerror or error}",
        remedy or hint or "check the path (`database.path`)",
    )
