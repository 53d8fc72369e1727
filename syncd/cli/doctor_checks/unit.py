"""What the service's systemd unit lets it write: read from the unit's file and its drop-ins."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

UNIT = "syncd.service"
SYSTEM_UNITS = (
    "/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
)  # fmt: skip
"""Where systemd looks for units, the administrator's own folder first."""

MANAGED = {
    "StateDirectory": "/var/lib", "LogsDirectory": "/var/log", "CacheDirectory": "/var/cache",
    "RuntimeDirectory": "/run",
}  # fmt: skip
"""Setting → where systemd makes the folders that it names, and gives them to the service's user."""

LISTS = ("ReadWritePaths", *MANAGED)
ON = ("yes", "true", "1", "on")
HOMES = ("/home", "/root", "/run/user")


@dataclass(frozen=True, slots=True)
class Refusal:
    problem: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Unit:
    """``managed`` are the folders that systemd makes for the service; ``writable`` those and ReadWritePaths=."""

    path: Path
    user: str = "root"
    protect_system: str = "no"
    protect_home: str = "no"
    private_tmp: bool = False
    managed: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()

    def refusal(self, path: Path) -> Refusal | None:
        """Why the service may not write to the file ``path``, or make it; None if it may, or if that is not known."""
        if _is_below(path, ("/dev", "/proc", "/sys")):
            return None
        return self._refused_by_sandbox(Path(os.path.realpath(path))) or self._refused_by_mode(path)

    def _refused_by_sandbox(self, path: Path) -> Refusal | None:
        if _is_below(path, self.writable):
            return None
        if self.private_tmp and _is_below(path, ("/tmp", "/var/tmp")):  # noqa: S108  # it is only compared
            return Refusal(
                f"the service would write {path} into a /tmp of its own, because of PrivateTmp=yes",
                f"use a path under {self._own_folder()}",
            )
        if self.protect_home not in ("no", "false", "0", "off") and _is_below(path, HOMES):
            setting = f"ProtectHome={self.protect_home}"
            return Refusal(
                f"the service may not write {path}, because its unit has {setting}",
                f"use a path under {self._own_folder()}",
            )
        if _is_below(path, self._read_only()):
            return Refusal(
                f"the service may not write {path}, because its unit has ProtectSystem={self.protect_system}",
                f"add [Service] ReadWritePaths={path.parent} in a drop-in (`systemctl edit syncd`), make that folder "
                f"for the user {self.user}, and restart; or use a path under {self._own_folder()}",
            )
        return None

    def _read_only(self) -> tuple[str, ...]:
        if self.protect_system == "strict":
            return ("/",)
        if self.protect_system == "full":
            return ("/usr", "/boot", "/efi", "/etc")
        return ("/usr", "/boot", "/efi") if self.protect_system in ON else ()

    def _own_folder(self) -> str:
        return str(next(iter(self.managed), "/var/lib/syncd"))

    def _refused_by_mode(self, path: Path) -> Refusal | None:
        try:
            ids = _ids_of(self.user)
            target = _existing(path)
            if ids is None or (target != path and self._is_made_by_systemd(path)):
                return None
            for folder in reversed(target.parents):
                if not _allows(folder.stat(), ids, stat.S_IXOTH):
                    return self._denied(folder, path)
            return None if _allows(target.stat(), ids, stat.S_IWOTH) else self._denied(target, path)
        except OSError:  # this user may not look
            return None

    def _is_made_by_systemd(self, path: Path) -> bool:
        return any(path.is_relative_to(folder) and not folder.exists() for folder in self.managed)

    def _denied(self, barrier: Path, path: Path) -> Refusal:
        return Refusal(
            f"the service's user {self.user} may not write {path}, because of the owner and mode of {barrier}",
            f"chown {self.user} {barrier}",
        )


def find_unit(folders: Iterable[str | Path]) -> Path | None:
    return next((path for folder in folders if (path := Path(folder) / UNIT).is_file()), None)


def read_unit(path: Path, folders: Iterable[str | Path] = SYSTEM_UNITS) -> Unit:
    """The unit at ``path``, with the drop-ins that are in ``folders``. What cannot be read is left out."""
    values: dict[str, list[str]] = {}
    for file in (path, *_drop_ins(folders)):
        for key, value in _settings(file):
            # An empty value takes back what was said before; a list grows, and any other setting is replaced.
            before = values.get(key, []) if key in LISTS and value else []
            values[key] = [*before, *value.split()]
    managed = tuple(
        Path(root) / name.split(":")[0] for key, root in MANAGED.items() for name in values.get(key, [])
    )
    named = tuple(Path(text.lstrip("-+")) for text in values.get("ReadWritePaths", []))

    def last(key: str, otherwise: str) -> str:
        return "".join(values.get(key, [])[-1:]) or otherwise

    return Unit(
        path=path,
        user=last("User", "root"),
        protect_system=last("ProtectSystem", "no"),
        protect_home=last("ProtectHome", "no"),
        private_tmp=last("PrivateTmp", "no") in ON,
        managed=managed,
        writable=managed + named,
    )


def _drop_ins(folders: Iterable[str | Path]) -> list[Path]:
    """In the order in which systemd applies them: by name; of two with one name, the first folder's counts."""
    by_name: dict[str, Path] = {}
    for folder in folders:
        for path in sorted((Path(folder) / f"{UNIT}.d").glob("*.conf")):
            by_name.setdefault(path.name, path)
    return [by_name[name] for name in sorted(by_name)]


def _settings(path: Path) -> Iterator[tuple[str, str]]:
    """Key and value of each line in [Service]."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").replace("\\\n", " ").splitlines()
    except OSError:
        return
    section = ""
    for line in map(str.strip, lines):
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line and line[0] not in "#;":
            key, _, value = line.partition("=")
            yield key.strip(), value.strip()


def _ids_of(user: str) -> tuple[int, set[int]] | None:
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        return None
    return entry.pw_uid, {entry.pw_gid, *(group.gr_gid for group in grp.getgrall() if user in group.gr_mem)}


def _allows(status: os.stat_result, ids: tuple[int, set[int]], bit: int) -> bool:
    """Whether the mode gives the user the right; ``bit`` is that of others."""
    user, groups = ids
    if user == 0:
        return True
    shift = 6 if status.st_uid == user else 3 if status.st_gid in groups else 0
    return bool(status.st_mode & (bit << shift))


def _existing(path: Path) -> Path:
    """The file, or the nearest folder above it that exists. Raises OSError if this user may not look."""
    for each in (path.absolute(), *path.absolute().parents):
        try:
            each.stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        return each
    return Path("/")


def _is_below(path: Path, folders: Iterable[str | Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)
