"""Where secrets come from: a file that others cannot read, a variable, a systemd credential."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from syncd.config.values import MASK, show_value
from syncd.errors import trouble_with

MAX_SECRET_BYTES = 64 * 1024
"""Bytes of a secret's file."""

_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
"""As people name them, and not as keys look."""


class BadSecretError(Exception):
    """Its text says what would be right, and holds no secret."""


class SecretSources:
    """Relative paths are taken from the folder of the configuration file.

    ``closed``: nothing is read, for a command that needs no secret and may not be able to read any.
    """

    def __init__(self, environ: Mapping[str, str], folder: Path | None, *, closed: bool = False) -> None:
        self.environ = environ
        self.closed = closed
        self._folder = folder

    def resolve(self, path: str) -> Path:
        if path.startswith("~/"):
            return home(self.environ) / path[2:]
        return (self._folder or Path()) / path

    def read(self, form: str, value: str) -> str:
        """``form`` is _file, _env or _credential; one newline at the end is stripped. Raises BadSecretError."""
        if form == "_file":
            return read_private(self.resolve(value))
        if form == "_env":
            return self._variable(value)
        return self._credential(value)

    def _variable(self, name: str) -> str:
        if found := self.environ.get(name):
            return found
        raise BadSecretError("must be the name of a variable that is set, and not empty")

    def _credential(self, name: str) -> str:
        folder = self.environ.get("CREDENTIALS_DIRECTORY")
        if "/" in name or name in (".", ".."):
            raise BadSecretError("must be the name of a credential, without slashes")
        if not folder:
            return self._in_a_shell(name)
        path = Path(folder) / name
        if not path.exists():
            raise BadSecretError(f"is none of the unit's credentials; there are: {_names(Path(folder))}")
        return read_private(path)

    def _in_a_shell(self, name: str) -> str:
        """Outside the unit, root reads what the unit loads: `LoadCredential=syncd:` and the folder beside the file."""
        try:
            return read_private(self.resolve("credentials") / name.removeprefix("syncd_"))
        except BadSecretError as error:
            raise BadSecretError(
                "needs $CREDENTIALS_DIRECTORY, which systemd sets for a unit with LoadCredential=;"
                f" in a shell, root reads the file in credentials/ beside the configuration, which {error}"
            ) from None


def shown_source(form: str, value: str) -> str:
    """What a fault shows of a secret's source: nothing that could be the secret itself, put under a wrong key."""
    is_source = value.startswith(("/", "~/", "./", "../")) if form == "_file" else _VARIABLE.fullmatch(value)
    return show_value(value) if is_source and form != "_credential" else MASK


def read_private(path: Path) -> str:
    """The text of a file that is its owner's (and group's) alone. Raises BadSecretError and MachineTrouble."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:  # Path.open takes no opener
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise BadSecretError("must be an ordinary file")
            if found.st_mode & (stat.S_IROTH | stat.S_IWOTH):
                raise BadSecretError(
                    f"is open to others (mode {found.st_mode & 0o777:04o}): chmod o= the file"
                )
            content = file.read(MAX_SECRET_BYTES + 1)
    except OSError as error:
        if trouble := trouble_with(f"read {path}", error):
            raise trouble from None
        raise BadSecretError(f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise BadSecretError("is not a path") from None
    return _decoded(content)


def _without_waiting(path: str, flags: int) -> int:
    """A pipe in a file's place would hang the start."""
    return os.open(path, flags | os.O_NONBLOCK)


def home(environ: Mapping[str, str]) -> Path:
    """$HOME, else what the system knows; the current folder for a user who has none."""
    try:
        return Path(environ.get("HOME") or Path.home())
    except RuntimeError:
        return Path()


def _decoded(content: bytes) -> str:
    if len(content) > MAX_SECRET_BYTES:
        raise BadSecretError("is larger than 64 KiB: that is no secret")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise BadSecretError("is not text in UTF-8") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise BadSecretError("is empty")
    return text


def _names(folder: Path) -> str:
    try:
        return ", ".join(sorted(path.name for path in folder.iterdir())) or "none"
    except OSError:
        return "none that can be read"
