"""Where secrets come from, besides the configuration: a file that others cannot read, a variable, a credential."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from syncd import file_access
from syncd.config.values import MASK, show_value
from syncd.errors import trouble_with

MAX_SECRET_BYTES = 64 * 1024
"""Bytes of a secret's file at most: anything larger was surely named by mistake."""

_FILE = re.compile(r"(?:~?/|\.{1,2}/).*|[a-z]{1,20}\d{0,3}(?:[._/-][a-z]{0,20}\d{0,3})+")
"""Paths that are surely paths: from the root, from the home or from here, or short words with something between."""

_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
"""Names of variables as people choose them; a secret that was put in their place does not look like one."""


class BadSecretError(Exception):
    """A secret cannot be had. Its text says what would be right, and holds no secret.

    ``detail`` says more, and names the path: it is for those who may see the path.
    """

    def __init__(self, remedy: str, detail: str = "") -> None:
        super().__init__(remedy)
        self.detail = detail


class SecretSources:
    """Relative paths start at ``folder``, that of the configuration file.

    ``closed`` is for commands that need no secret, and may not be allowed to read any: nothing is read.
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
        if value := self.environ.get(name):
            return value
        raise BadSecretError("must be the name of a variable that is set, and not empty")

    def _credential(self, name: str) -> str:
        folder = self.environ.get("CREDENTIALS_DIRECTORY")
        if "/" in name or name in (".", ".."):
            raise BadSecretError("must be the name of a credential, without slashes")
        if not folder:
            return self._in_a_shell(name)
        path = Path(folder) / name
        if not path.exists():
            raise BadSecretError(f"is not one of the unit's credentials; there are: {_names(Path(folder))}")
        return read_private(path)

    def _in_a_shell(self, name: str) -> str:
        """Outside the unit, root reads the file itself that the unit loads with `LoadCredential=syncd:`."""
        try:
            return read_private(self.resolve("credentials") / name.removeprefix("syncd_"))
        except BadSecretError as error:
            raise BadSecretError(
                "needs $CREDENTIALS_DIRECTORY, which systemd sets for a unit with LoadCredential=;"
                f" in a shell, root reads the file in credentials/ beside the configuration, which {error}"
            ) from None


def shown_source(form: str, value: str) -> str:
    """What a fault shows of a secret's source; masked where it could be the secret itself, put at the wrong key."""
    is_source = (_FILE if form == "_file" else _VARIABLE).fullmatch(value)
    return show_value(value) if is_source and form != "_credential" else MASK


def read_private(path: Path) -> str:
    """The text of a file that others cannot reach: by its mode, or by that of a folder above it.

    Raises BadSecretError and MachineTrouble.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as file:  # Path.open takes no opener
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise BadSecretError("must be an ordinary file")
            if file_access.is_open_to_others(path, mode):
                raise BadSecretError(f"is open to others (mode {mode & 0o777:04o}): chmod o= the file")
            content = file.read(MAX_SECRET_BYTES + 1)
    except OSError as error:
        if trouble := trouble_with(f"read {path}", error):
            raise trouble from None
        raise BadSecretError(f"cannot be read: {error.strerror}", file_access.detail(path, error)) from None
    except ValueError:
        raise BadSecretError("is not a path") from None
    return _decoded(content)


def _without_waiting(path: str, flags: int) -> int:
    """A pipe in the place of the file would block the start for ever."""
    return os.open(path, flags | os.O_NONBLOCK)


def home(environ: Mapping[str, str]) -> Path:
    """$HOME, else the home that the system knows, else (for a user who has none) the current folder."""
    try:
        return Path(environ.get("HOME") or Path.home())
    except RuntimeError:
        return Path()


def _decoded(content: bytes) -> str:
    if len(content) > MAX_SECRET_BYTES:
        raise BadSecretError("is larger than 64 KiB, which is too large for a secret")
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
