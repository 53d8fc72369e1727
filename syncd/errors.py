"""Everything syncd raises on purpose.

SyncdError
├── ConfigError                 the configuration: every fault at once (exit 2)
├── UsageError                  the command line asks for what cannot be (exit 2)
├── MachineTrouble              the machine refuses, for now: a service tries again (exit 1)
├── DatabaseError               the file cannot be used (exit 5)
│   ├── DatabaseMissing
│   ├── DatabaseLocked          another process holds it
│   ├── DatabaseCorrupt         damaged, or not a database
│   ├── DatabaseForeign         a database, but not ours
│   ├── DatabaseNewer           written by a newer syncd
│   ├── DatabaseOlder           a reader meets a file that wants an upgrade first
│   └── DatabaseUnwritable      permissions, read-only or full disk
└── ApiError                    one request to CompShare, by what to do about it
    ├── Throttled               wait, then retry
    ├── Transient               retry a few times (network, 5xx, gateway)
    ├── AuthFailed              do not retry; the key, its permissions or the gateway
    ├── Misconfigured           permanent for this request (region, project, parameter)
    │   └── PastTheEnd          an Offset beyond the list: the proof of its end
    ├── ProtocolError           an answer that is not one; it is never read as an empty list
    └── ClientClosed            asked after a reload put another client in its place: nothing was sent
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from pathlib import Path
from typing import ClassVar, Literal


class ExitCode(IntEnum):
    """How a command ends; the table in docs/commands.md, "Exit codes", tells users the same."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    """The command line, or the configuration, has a fault."""
    FAILED = 3
    """A target failed, was incomplete or is not fresh; the API or a sink refused; a delivery is overdue."""
    HELD = 4
    """Everything was read, and the guard holds revocations back."""
    DATABASE = 5
    """The database cannot be used."""
    INTERRUPTED = 130
    """As a shell shows the end of a process by SIGINT."""
    BROKEN_PIPE = 141
    """As a shell shows the end of a process by SIGPIPE."""


FailureClass = Literal["auth", "configuration", "unreachable", "protocol", "incomplete"]
"""What an alert says is wrong, by what the reader can do about it."""


REMEDIES = {
    errno.ENOSPC: "the disk is full: free some space or inodes on that file system",
    errno.EDQUOT: "the user's quota is used up: free some space, or have the quota raised",
    errno.EROFS: (
        "the file system is read-only: mount it for writing (after a disk error, check it first);"
        " a systemd unit with ProtectSystem=strict needs ReadWritePaths= for the folder"
    ),
    errno.EIO: "the disk reports errors: `dmesg` says more; check the file system's health",
    errno.EMFILE: "syncd has too many files open: raise its limit (LimitNOFILE= in the unit, `ulimit -n`)",
    errno.ENFILE: "the machine has too many files open: stop the program that opens so many, or raise fs.file-max",
    errno.ENOMEM: "the machine has no memory left: stop the program that uses it up",
    errno.ENOLCK: "the file system does not support locks: put the file on a local disk (`database.path`)",
}
"""What to do when the machine says no, whatever was to be done."""

PASSING = frozenset(REMEDIES) - {errno.ENOLCK}
"""What has nothing to do with syncd's own settings, and may be over the next time."""


class SyncdError(Exception):
    """An expected failure. ``message`` says what happened to what; ``hint`` what to do."""

    exit_code: int = ExitCode.UNEXPECTED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with the configuration: where, what stands there (secrets masked), what would be right."""

    key: str
    value: str
    remedy: str

    def __str__(self) -> str:
        stands = f" = {self.value}" if self.value else ""
        return f"{self.key}{stands}: {self.remedy}"


class ConfigError(SyncdError):
    """``database`` is the file that the configuration names all the same; None if that part of it is lost too."""

    exit_code = ExitCode.USAGE

    def __init__(
        self, source: str, faults: list[Fault], hint: str = "", database: Path | None = None
    ) -> None:
        super().__init__(f"{source}: {len(faults)} fault{'s' if len(faults) != 1 else ''}", hint)
        self.source = source
        self.faults = faults
        self.database = database


class UsageError(SyncdError):
    exit_code = ExitCode.USAGE


class MachineTrouble(SyncdError):
    pass


class DatabaseError(SyncdError):
    exit_code = ExitCode.DATABASE


class DatabaseMissing(DatabaseError):
    pass


class DatabaseLocked(DatabaseError):
    pass


class DatabaseCorrupt(DatabaseError):
    pass


class DatabaseForeign(DatabaseError):
    pass


class DatabaseNewer(DatabaseError):
    pass


class DatabaseOlder(DatabaseError):
    pass


class DatabaseUnwritable(DatabaseError):
    pass


class ApiError(SyncdError):
    """A request that failed for good (its retries are behind it).

    ``code`` is the RetCode, or None where none was read; ``retry_after`` what the server asked to wait.
    """

    exit_code = ExitCode.FAILED
    failure: ClassVar[FailureClass] = "unreachable"

    def __init__(
        self, message: str, hint: str = "", *, code: int | None = None, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(message, hint)
        self.code = code
        self.retry_after = retry_after


class Throttled(ApiError):
    pass


class Transient(ApiError):
    pass


class AuthFailed(ApiError):
    failure = "auth"


class Misconfigured(ApiError):
    failure = "configuration"


class PastTheEnd(Misconfigured):
    pass


class ProtocolError(ApiError):
    failure = "protocol"


class ClientClosed(ApiError):
    pass


def trouble_with(doing: str, error: OSError) -> MachineTrouble | None:
    """The error of a machine that refuses for now; ``doing`` completes "cannot …". None for anything else."""
    if error.errno not in PASSING:
        return None
    return MachineTrouble(f"cannot {doing}: {error.strerror}", REMEDIES[error.errno])
