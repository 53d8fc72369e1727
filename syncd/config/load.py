"""From a file or the environment to the settings, or to a list of every fault in them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from syncd import file_access
from syncd.config import paths, tables
from syncd.config.accounts import PRIVATE, PUBLIC, account_from_environment, read_account
from syncd.config.keys import KEYS, TABLES, unformed
from syncd.config.secret_sources import SecretSources
from syncd.config.settings import Config, LogSinkConfig
from syncd.config.sinks import path_faults, read_sink, refuse_unmatched
from syncd.config.table import Table
from syncd.config.toml_file import read_toml
from syncd.config.values import nearest
from syncd.config.warnings import warnings_about
from syncd.errors import ConfigError, Fault

Check = Callable[[Config], Sequence[Fault]]
"""Finds faults that only a higher room can see, such as those of a template. Where there are faults already, the
configuration has defaults for what is wrong, and empty secrets for those that are missing."""


def load(
    explicit: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    checks: Sequence[Check] = (),
    *,
    secrets: bool = True,
) -> Config:
    """The settings. Raises ConfigError with every fault, also those that ``checks`` find.

    With ``secrets`` False, secrets that stand outside the file are not read, and empty ones stand in for them:
    perhaps only the service may read them.
    """
    path = paths.find_config_file(explicit, environ)
    reader = SettingsReader({} if path is None else read_toml(path), path, environ, secrets)
    config = reader.settings()
    faults = reader.faults + [fault for check in checks for fault in check(config)]
    if faults:
        is_lost = any(fault.key in ("database", "database.path") for fault in faults)
        raise ConfigError(config.source, faults, database=None if is_lost else config.database.path)
    return config


class SettingsReader:
    """Reads all tables of a file once and collects their faults. Without a file, ``path`` is None."""

    def __init__(
        self, values: dict[str, Any], path: Path | None, environ: Mapping[str, str], secrets: bool
    ) -> None:
        self.faults: list[Fault] = []
        self._values = values
        self._path = path
        self._environ = environ
        self._sources = SecretSources(environ, path.absolute().parent if path else None, closed=not secrets)

    def settings(self) -> Config:
        self._refuse_unknown()
        accounts, sinks = self._accounts_and_sinks()
        default = paths.default_database(self._path, self._environ)
        database = tables.database(self._table("database"), default)
        self.faults += path_faults(sinks.values(), database.path, self._path)
        return Config(
            source=str(self._path or "the environment"),
            path=self._path,
            database=database,
            schedule=tables.schedule(self._table("schedule")),
            api=(api := tables.api(self._table("api"))),
            guard=tables.guard(self._table("guard")),
            alerts=tables.alerts(self._table("alerts")),
            retention=(retention := tables.retention(self._table("retention"))),
            accounts=accounts,
            sinks=sinks,
            http=tables.http(self._table("http")),
            heartbeat=(heartbeat := tables.heartbeat(self._table("heartbeat"))),
            log=tables.log(self._table("log")),
            warnings=tuple(warnings_about(self._path, self._values, api, retention, sinks, heartbeat)),
        )

    def _accounts_and_sinks(self) -> tuple[dict[str, Any], dict[str, Any]]:
        if self._path is None:
            account = account_from_environment(self._environ)
            if account is None:
                self.faults.append(_no_configuration(self._environ))
            return {"default": account} if account else {}, {"log": LogSinkConfig("log")}
        accounts = {name: read_account(table, name) for name, table in self._named("accounts")}
        if not accounts:
            self._fault("accounts", "", "are missing: add [accounts.NAME] with public_key and private_key")
        sinks = {}
        for name, table in self._named("sinks"):
            sinks[name] = read_sink(table, name)
            if "accounts" in table:
                refuse_unmatched(table, "accounts", sinks[name].wants.accounts, accounts)
        return accounts, sinks

    def _table(self, name: str) -> Table:
        values = self._values.get(name, {})
        if not isinstance(values, dict):
            # The value is not shown, since somebody may have put a secret there.
            self._fault(name, "", f"must be a table: [{name}]")
            values = {}
        return self._read(name, name, values)

    def _named(self, name: str) -> Iterator[tuple[str, Table]]:
        group = self._values.get(name, {})
        if not isinstance(group, dict):
            self._fault(name, "", f"must be tables: [{name}.NAME]")
            return
        for own, values in group.items():
            if isinstance(values, dict):
                yield own, self._read(f"{name}.NAME", f"{name}.{own}", values)
            elif unformed(own) in KEYS[f"{name}.NAME"]:
                self._fault(f"{name}.{own}", "", f"belongs in a table with a name: [{name}.NAME]")
            else:
                self._fault(f"{name}.{own}", "", f"must be a table: [{name}.{own}]")

    def _read(self, kind: str, name: str, values: dict[str, Any]) -> Table:
        return Table(kind, name, values, self.faults, self._sources)

    def _refuse_unknown(self) -> None:
        for name in self._values:
            if name in TABLES:
                continue
            homes = [kind for kind, keys in KEYS.items() if name in keys]
            near = nearest(name, TABLES)
            remedy = (
                f"belongs in [{'] or ['.join(homes)}]"
                if homes
                else f"is not a table; did you mean [{near}]?"
                if near
                else f"is not a table; there are {', '.join(TABLES)}"
            )
            self._fault(name, "", remedy)

    def _fault(self, key: str, value: str, remedy: str) -> None:
        self.faults.append(Fault(key, value, remedy))


def _no_configuration(environ: Mapping[str, str]) -> Fault:
    for present, missing in ((PUBLIC, PRIVATE), (PRIVATE, PUBLIC)):
        if environ.get(present):
            return Fault(f"${missing}", "", "is missing: a key pair needs both variables")
    usual = (paths.user_file(environ), paths.SYSTEM)
    denied = next((path for path in usual if paths.is_hidden(path)), None)
    if denied is not None:
        remedy = f"{denied} may be there, but you may not look: {file_access.denied_hint(denied)}"
        return Fault("configuration", "", remedy)
    looked = f"{usual[0]} and {usual[1]} do not exist"
    remedy = f"there is none ({looked}): `syncd config init` writes a start, or set ${PUBLIC} and ${PRIVATE}"
    return Fault("configuration", "", remedy)
