"""Warns about the file system that holds the database: a network one, or one with little room."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from syncd import file_access

NETWORK_FILE_SYSTEMS = frozenset(
    ("9p", "afs", "beegfs", "ceph", "cifs", "coda", "fuse.ceph", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs",
     "fuse.sshfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "orangefs", "smb3", "smbfs")
)  # fmt: skip
"""On these, SQLite's locks and shared memory cannot be relied on."""

SCARCE = 256 * 1024 * 1024
"""Less free space than this (in bytes) is warned about; so is less than the size of the file, for a backup."""


@dataclass(frozen=True, slots=True)
class Space:
    """How many bytes and files an ordinary user may still write; ``files`` is None if there is no such limit."""

    free: int
    files: int | None


@dataclass(frozen=True, slots=True)
class Concern:
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.problem}: {self.remedy}"


def space(path: Path) -> Space | None:
    """What is left on the file system of ``path``, or of the nearest folder above it that exists; None if unknown."""
    try:
        status = os.statvfs(_existing(path))
    except OSError:
        return None
    return Space(status.f_bavail * status.f_frsize, status.f_favail if status.f_files else None)


def warnings(path: Path) -> tuple[str, ...]:
    """One sentence, with its remedy, for each thing that will go wrong sooner or later."""
    return tuple(map(str, (*remote(path), *scarce(path))))


def remote(path: Path) -> list[Concern]:
    """What is wrong with the kind of file system; empty if nothing is."""
    kind = network_file_system(path)
    if kind is None:
        return []
    problem = f"{path} is on a network file system ({kind}), where SQLite's locks cannot be relied on"
    return [Concern(problem, "move it to a local disk (`database.path`)")]


def scarce(path: Path) -> list[Concern]:
    """What runs short there; empty if nothing does."""
    left = space(path)
    if left is None:
        return []
    size = path.stat().st_size if file_access.exists(path) else 0
    concerns = []
    if left.free < max(SCARCE, size):
        problem = f"only {left.free // 2**20} MB are free where {path} is ({size // 2**20} MB)"
        concerns.append(Concern(problem, "free some space: an upgrade first makes a copy of the file"))
    if left.files == 0:
        concerns.append(
            Concern(f"no more files can be made on the file system of {path}", "free some inodes")
        )
    return concerns


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


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.absolute().parents) if file_access.exists(folder))
