"""Where secrets come from: a file that only its owner reads, a variable, a systemd credential."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LONGEST = 64 * 1024
"""Bytes of a secret's file."""


@dataclass(frozen=True, slots=True)
class Wrong:
    remedy: str


class Sources:
    """Relative paths are taken from the folder of the configuration file."""

    def __init__(self, environ: Mapping[str, str], folder: Path | None) -> None:
        self._environ = environ
        self._folder = folder

    def resolve(self, path: str) -> Path:
        given = Path(path).expanduser() if path.startswith("~") else Path(path)
        return given if given.is_absolute() or self._folder is None else self._folder / given

    def read(self, form: str, value: str) -> str | Wrong:
        """``form`` is _file, _env or _credential; one newline at the end is stripped."""
        if form == "_env":
            return self._environ.get(value) or Wrong(f"the variable {value} is not set or empty")
        if form == "_file":
            return _of_file(self.resolve(value), private=True)
        folder = self._environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            return Wrong("$CREDENTIALS_DIRECTORY is not set: systemd sets it for a unit with LoadCredential=")
        if "/" in value or value in (".", ".."):
            return Wrong("must be the name of a credential, without slashes")
        return _of_file(Path(folder) / value, private=False)


def _of_file(path: Path, *, private: bool) -> str | Wrong:
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                return Wrong("is not a file")
            if private and found.st_mode & 0o007:
                return Wrong(f"can be read by others (mode {found.st_mode & 0o777:04o}): chmod o= {path}")
            content = file.read(LONGEST + 1)
    except OSError as error:
        return Wrong(f"cannot be read: {error.strerror}")
    except ValueError:
        return Wrong("is not a path")
    return _decoded(content)


def _decoded(content: bytes) -> str | Wrong:
    if len(content) > LONGEST:
        return Wrong("is larger than 64 KiB: that is no secret")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return Wrong("is not text in UTF-8")
    text = text.removesuffix("\n").removesuffix("\r")
    return text or Wrong("is empty")
