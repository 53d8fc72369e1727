"""Why this user may not use a file, who may, and whether others can reach it."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

DENIED = (errno.EACCES, errno.EPERM)


def reason(path: Path, error: OSError) -> str:
    """What the system says of ``path``, with the detail."""
    return (error.strerror or str(error)) + detail(path, error)


def detail(path: Path, error: OSError) -> str:
    """Completes the system's words: which folder is missing, or who was refused by what; "" if there is no more."""
    if error.errno == errno.ENOENT:
        missing = next((folder for folder in _from_the_top(path.parent) if not _is_there(folder)), None)
        return f" (the folder {missing} does not exist)" if missing else ""
    if error.errno == errno.ENOTDIR:
        file = next((folder for folder in _from_the_top(path.parent) if not folder.is_dir()), path.parent)
        return f" ({file} is not a folder)"
    return f"; {denied_hint(path)}" if error.errno in DENIED else ""


def denied_hint(path: Path, *, writing: bool = False) -> str:
    """Who is refused by what, and what to do about it; for a path at which this user was refused."""
    barrier = _barrier(path)
    try:
        status = barrier.stat()
    except OSError:
        return f"you are the user {current_user()}: run the command with `sudo`"
    owner, me = user_name(status.st_uid), current_user()
    if os.geteuid() == 0:
        return f"even root was refused at {barrier}: look at its attributes (`lsattr -d`) and at its mount"
    if status.st_uid == os.geteuid():
        return f"{barrier} is yours, but its mode is {status.st_mode & 0o777:04o}: chmod u+rwX {barrier}"
    hint = f"{barrier} belongs to {owner}, and you are {me}: run the command with {_sudo(owner)}"
    if writing:
        return f"{hint}; if {me} is the user of the service, let it write there: chown {me} {barrier}"
    if status.st_mode & stat.S_IRGRP:
        return f"{hint}, or become a member of the group {_group_name(status.st_gid)}"
    return hint


def is_open_to_others(path: Path, mode: int, access: int = stat.S_IROTH | stat.S_IWOTH) -> bool:
    """Whether users outside the group have ``access``: by the mode, and by the folders above, which they must enter."""
    if not mode & access:
        return False
    try:
        return all(folder.stat().st_mode & stat.S_IXOTH for folder in Path(os.path.realpath(path)).parents)
    except OSError:
        return True


def exists(path: Path) -> bool:
    """Whether something is there that this user may look at."""
    try:
        path.stat()
    except OSError:
        return False
    return True


def current_user() -> str:
    return user_name(os.geteuid())


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _sudo(owner: str) -> str:
    return "`sudo`" if owner == "root" else f"`sudo -u {owner}`"


def _barrier(path: Path) -> Path:
    """The first folder from the top that this user may not enter, else the path itself, or its nearest folder."""
    folders = list(_from_the_top(path.absolute()))
    closed = (folder for folder in folders[:-1] if not os.access(folder, os.X_OK))
    return next(closed, None) or next(folder for folder in reversed(folders) if _is_there(folder))


def _from_the_top(path: Path) -> Iterator[Path]:
    whole = path.absolute()
    yield from reversed((whole, *whole.parents))


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True
