"""The settings as `syncd config show` prints them: every key that is in force, with secrets masked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, assert_never

from syncd.config.keys import KEYS
from syncd.config.settings import (
    AccountConfig,
    Config,
    HttpConfig,
    LogSinkConfig,
    SinkConfig,
    WebhookSinkConfig,
)
from syncd.config.sinks import FILTERS, FORMATS, WEBHOOK_KEYS
from syncd.config.values import MASK, format_duration
from syncd.model import Secret

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def describe(config: Config) -> dict[str, Any]:
    """Table → key → value, in plain types only. What is absent or off is left out."""
    return {
        "database": _values_of(config.database, KEYS["database"]),
        "schedule": _values_of(config.schedule, KEYS["schedule"]),
        "api": _values_of(config.api, KEYS["api"]),
        "guard": _values_of(config.guard, KEYS["guard"]),
        "alerts": _values_of(config.alerts, KEYS["alerts"]),
        "retention": _values_of(config.retention, KEYS["retention"]),
        "accounts": {name: _account(account) for name, account in config.accounts.items()},
        "sinks": {name: _sink(sink) for name, sink in config.sinks.items()},
        "http": {} if config.http is None else {"listen": _listen(config.http)},
        "heartbeat": _values_of(config.heartbeat, KEYS["heartbeat"]),
        "log": _values_of(config.log, KEYS["log"]),
    }


def to_toml(tables: Mapping[str, Any]) -> str:
    """What `describe` gives, as TOML."""
    return "\n".join(_sections(tables, ()))


def _account(account: AccountConfig) -> dict[str, Any]:
    return _values_of(account, ("public_key", "private_key", "project_id")) | {
        "regions": _plain(account.regions or "all")
    }


def _sink(sink: SinkConfig) -> dict[str, Any]:
    wants = _values_of(sink.wants, FILTERS[1:])
    match sink:
        case LogSinkConfig():
            return {"type": "log"} | wants | _values_of(sink, ("path",))
        case WebhookSinkConfig():
            own = (key for key in (*WEBHOOK_KEYS, *FORMATS[sink.format]) if key not in FILTERS)
            return {"type": "webhook"} | wants | _values_of(sink, own)
        case _:
            assert_never(sink)


def _listen(http: HttpConfig) -> str:
    host = f"[{http.host}]" if ":" in http.host else http.host
    return f"{host}:{http.port}"


def _values_of(settings: object, keys: Iterable[str]) -> dict[str, Any]:
    values = {key: getattr(settings, key, None) for key in keys}
    return {key: _plain(value) for key, value in values.items() if value not in (None, (), {})}


def _plain(value: Any) -> Any:
    match value:
        case Secret():
            return MASK
        case timedelta():
            return format_duration(value)
        case Path():
            return str(value)
        case tuple():
            return [_plain(item) for item in value]
        case Mapping():
            return {key: _plain(item) for key, item in value.items()}
        case _:
            return value


def _sections(tables: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[str]:
    for name, table in tables.items():
        path = (*above, name)
        if path in (("accounts",), ("sinks",)):
            yield from _sections(table, path)
        elif table:
            lines = [f"{_key(key)} = {_value(value)}" for key, value in table.items()]
            yield "\n".join([f"[{'.'.join(map(_key, path))}]", *lines, ""])


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _text(value: str) -> str:
    """A basic string of TOML. It is escaped as in JSON, except that TOML also wants DEL escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
