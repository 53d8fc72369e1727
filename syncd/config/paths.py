"""Where the configuration and the database are looked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from syncd.config.secret_sources import home

SYSTEM = Path("/etc/syncd/config.toml")


def find_config_file(explicit: Path | None, environ: Mapping[str, str]) -> Path | None:
    """--config, else $SYNCD_CONFIG, else the user's file, else the system's; None if neither of the last two exists."""
    if explicit is not None:
        return explicit
    if variable := environ.get("SYNCD_CONFIG"):
        return Path(variable)
    return next((path for path in (user_file(environ), SYSTEM) if _exists(path)), None)


def user_file(environ: Mapping[str, str]) -> Path:
    return xdg_folder(environ, "XDG_CONFIG_HOME", ".config") / "syncd/config.toml"


def default_database(config: Path | None, environ: Mapping[str, str]) -> Path:
    """Where the database is if nobody says: under /var/lib for a system service, else in the user's state folder."""
    if config is not None and config.absolute().is_relative_to("/etc"):
        return Path("/var/lib/syncd/syncd.db")
    return xdg_folder(environ, "XDG_STATE_HOME", ".local/state") / "syncd/syncd.db"


def xdg_folder(environ: Mapping[str, str], variable: str, otherwise: str) -> Path:
    """The folder that the variable names, else ``otherwise`` in the home; relative paths are ignored, as XDG asks."""
    folder = Path(environ.get(variable, ""))
    return folder if folder.is_absolute() else home(environ) / otherwise


def is_hidden(path: Path) -> bool:
    """Whether this user may not even look whether the file is there."""
    try:
        path.lstat()
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def _exists(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False
