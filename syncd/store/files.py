"""The files of a database: their names, modes and folder, and the file system they are on."""

from __future__ import annotations

import os
import re
from pathlib import Path

from syncd.errors import DatabaseUnwritable

NETWORK_FILE_SYSTEMS = frozenset(
    ("9p", "afs", "beegfs", "ceph", "cifs", "coda", "fuse.ceph", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs",
     "fuse.sshfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "orangefs", "smb3", "smbfs")
)  # fmt: skip
"""Where SQLite's locks and shared memory cannot be relied on."""

_COMPANIONS = ("-wal", "-shm", ".lock")


def beside(path: Path, suffix: str) -> Path:
    """The companion of the real file, however it is reached: one lock for a file and a link to it."""
    real = path.resolve()
    return real.with_name(real.name + suffix)


def file_mode(group_readable: bool) -> int:
    return 0o640 if group_readable else 0o600


def make_folder(path: Path, group_readable: bool) -> None:
    """Make the missing folders above ``path`` as 0700 (0750); existing ones stay as they are."""
    folder = path.parent
    absent = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    try:
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


def unwritable(path: Path, doing: str, error: OSError) -> DatabaseUnwritable:
    return DatabaseUnwritable(
        f"cannot {doing} {path}: {error.strerror or error}",
        f"give the user that runs syncd the right to write in {path.parent}, or change `database.path`",
    )


def network_file_system(path: Path, mountinfo: Path = Path("/proc/self/mountinfo")) -> str | None:
    """The type of the network file system that holds ``path``; None for a local or unknown one."""
    try:
        lines = mountinfo.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    best, kind = "", None
    real = str(path.resolve())
    for line in lines:
        mount, separator, source = line.partition(" - ")
        fields = mount.split(" ")
        if not separator or len(fields) < 5:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4])
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, source.split(" ")[0]
    return kind if kind in NETWORK_FILE_SYSTEMS else None
