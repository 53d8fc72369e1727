"""Where the configuration and the database are looked for, and how a file is read as TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from syncd.config.secret_sources import home
from syncd.errors import ConfigError, Fault, trouble_with

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


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of the file. Raises ConfigError, which names the line that is not TOML, and MachineTrouble."""
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        if trouble := trouble_with(f"read {path}", error):
            raise trouble from error
        remedy = f"cannot be read: {error.strerror}; `syncd config init` writes a commented start"
    except UnicodeDecodeError:
        remedy = "is not text in UTF-8"
    except tomllib.TOMLDecodeError as error:
        remedy = f"is not TOML: {error}"
    except (RecursionError, ValueError):
        remedy = "is not TOML that syncd can read"
    raise ConfigError(str(path), [Fault("file", str(path), remedy)])


def _exists(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False
