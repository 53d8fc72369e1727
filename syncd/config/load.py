"""Finds the file, reads it, and gives the settings or all of its faults."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from syncd.config import tables
from syncd.config.accounts import PRIVATE, PUBLIC, account, from_environment
from syncd.config.keys import KEYS
from syncd.config.reader import Table, shown
from syncd.config.secret import Sources
from syncd.config.shapes import Config, LogSinkConfig, WebhookSinkConfig
from syncd.config.sinks import sink
from syncd.errors import ConfigError, Fault

SYSTEM = Path("/etc/syncd/config.toml")

Check = Callable[[Config], Sequence[Fault]]
"""What an upper room finds wrong with a configuration that is sound in itself."""


def find(explicit: Path | None, environ: Mapping[str, str]) -> Path | None:
    """--config, else $SYNCD_CONFIG, else the user's file, else the system's; None where none of the latter exists."""
    if explicit is not None:
        return explicit
    if named := environ.get("SYNCD_CONFIG"):
        return Path(named)
    home = environ.get("XDG_CONFIG_HOME") or f"{environ.get('HOME') or Path.home()}/.config"
    return next((path for path in (Path(home) / "syncd/config.toml", SYSTEM) if _exists(path)), None)


def load(
    explicit: Path | None = None, environ: Mapping[str, str] = os.environ, checks: Sequence[Check] = ()
) -> Config:
    """The settings. Raises ConfigError with every fault, of ``checks`` too."""
    path = find(explicit, environ)
    values = {} if path is None else _read(path)
    source = str(path) if path else "the environment"
    faults: list[Fault] = []
    config = _settings(values, source, path, environ, faults)
    if path is None and not config.accounts:
        faults.append(
            Fault(
                "configuration",
                "",
                f"there is none: write one with `syncd config init`, or set {PUBLIC} and {PRIVATE}",
            )
        )
    if not faults:
        faults += [fault for check in checks for fault in check(config)]
    if faults:
        raise ConfigError(source, faults)
    return config


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        remedy = f"cannot be read: {error.strerror}; `syncd config init` writes a commented start"
        raise ConfigError(str(path), [Fault("file", str(path), remedy)]) from error
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), [Fault("file", str(path), "is not text in UTF-8")]) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), [Fault("file", str(path), f"is not TOML: {error}")]) from error


def _settings(
    values: dict[str, Any], source: str, path: Path | None, environ: Mapping[str, str], faults: list[Fault]
) -> Config:
    sources = Sources(environ, path.absolute().parent if path else None)

    def table(kind: str, name: str | None = None, content: object = None) -> Table:
        found = values.get(kind, {}) if name is None else content
        return Table(kind, name or kind, found, faults, sources)

    def named(kind: str) -> Iterator[tuple[str, Table]]:
        group = values.get(kind, {})
        if not isinstance(group, dict):
            faults.append(Fault(kind, shown(group), f"must be tables: [{kind}.NAME]"))
            return
        for name, content in group.items():
            yield name, table(f"{kind}.NAME", f"{kind}.{name}", content)

    _refuse_unknown(values, faults)
    accounts = {name: account(one, name, environ) for name, one in named("accounts")}
    sinks = {name: sink(one, name) for name, one in named("sinks")}
    if path is None and (own := from_environment(environ)) is not None:
        accounts, sinks = {own.name: own}, {"log": LogSinkConfig("log")}
    if path is not None and not accounts:
        faults.append(Fault("accounts", "", "there is none: add [accounts.NAME] with its keys"))
    return Config(
        source=source,
        path=path,
        database=tables.database(table("database"), lambda: tables.default_database(path, environ)),
        schedule=tables.schedule(table("schedule")),
        api=tables.api(table("api")),
        guard=tables.guard(table("guard")),
        alerts=tables.alerts(table("alerts")),
        retention=tables.retention(table("retention")),
        accounts=accounts,
        sinks=sinks,
        http=tables.http(table("http")),
        heartbeat=tables.heartbeat(table("heartbeat")),
        log=tables.log(table("log")),
        warnings=tuple(_warnings(sinks, path, values)),
    )


def _refuse_unknown(values: Mapping[str, Any], faults: list[Fault]) -> None:
    known = list(dict.fromkeys(kind.partition(".")[0] for kind in KEYS))
    for name in values.keys() - set(known):
        faults.append(Fault(name, "", f"is not a table; there are {', '.join(known)}"))


def _warnings(sinks: Mapping[str, object], path: Path | None, values: Mapping[str, Any]) -> Iterator[str]:
    for name, one in sinks.items():
        if isinstance(one, WebhookSinkConfig):
            parts = urlsplit(one.url.reveal())
            if parts.scheme == "http" and not tables.is_loopback(parts.hostname):
                yield f"sinks.{name}.url is http:// to another host: events and secrets travel in the clear"
    if path is not None and _tells_secrets(values) and path.stat().st_mode & 0o007:
        yield f"{path} holds secrets and can be read by others: chmod o= {path}"


def _tells_secrets(values: Mapping[str, Any]) -> bool:
    """Whether a secret stands in the file itself."""
    for kind, keys in KEYS.items():
        group = values.get(kind.partition(".")[0], {})
        contents = group.values() if kind.endswith(".NAME") else [group]
        for content in contents:
            if any(use == "secret" and key in content for key, use in keys.items()):
                return True
    return False


def _exists(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False
