"""The settings as `syncd config show` tells them: every key that is in force, secrets masked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from syncd.config.keys import KEYS
from syncd.config.settings import AccountConfig, Config, HttpConfig, LogSinkConfig, SinkConfig
from syncd.config.sinks import FILTERS, FORMATS, WEBHOOK_KEYS
from syncd.config.values import MASK, format_duration
from syncd.model import Secret

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def describe(config: Config) -> dict[str, Any]:
    """Table → key → value, of plain types only; what is absent or off is left out."""
    return {
        "database": _told(config.database, KEYS["database"]),
        "schedule": _told(config.schedule, KEYS["schedule"]),
        "api": _told(config.api, KEYS["api"]),
        "guard": _told(config.guard, KEYS["guard"]),
        "alerts": _told(config.alerts, KEYS["alerts"]),
        "retention": _told(config.retention, KEYS["retention"]),
        "accounts": {name: _account(account) for name, account in config.accounts.items()},
        "sinks": {name: _sink(sink) for name, sink in config.sinks.items()},
        "http": {} if config.http is None else {"listen": _listen(config.http)},
        "heartbeat": _told(config.heartbeat, KEYS["heartbeat"]),
        "log": _told(config.log, KEYS["log"]),
    }


def to_toml(tables: Mapping[str, Any]) -> str:
    """What `describe` gives, as TOML."""
    return "\n".join(_sections(tables, ()))


def _account(account: AccountConfig) -> dict[str, Any]:
    return _told(account, ("public_key", "private_key", "project_id")) | {
        "regions": _plain(account.regions or "all")
    }


def _sink(sink: SinkConfig) -> dict[str, Any]:
    wants = _told(sink.wants, FILTERS[1:])
    if isinstance(sink, LogSinkConfig):
        return {"type": "log"} | wants | _told(sink, ("path",))
    own = (key for key in (*WEBHOOK_KEYS, *FORMATS[sink.format]) if key not in FILTERS)
    return {"type": "webhook"} | wants | _told(sink, own)


def _listen(http: HttpConfig) -> str:
    host = f"[{http.host}]" if ":" in http.host else http.host
    return f"{host}:{http.port}"


def _told(settings: object, keys: Iterable[str]) -> dict[str, Any]:
    found = {key: getattr(settings, key, None) for key in keys}
    return {key: _plain(value) for key, value in found.items() if value not in (None, (), {})}


def _plain(value: Any) -> Any:
    match value:
        case Secret():
            return MASK
        case timedelta():
            return format_duration(value)
        case Path():
            return str(value)
        case tuple():
            return [_plain(one) for one in value]
        case Mapping():
            return {key: _plain(one) for key, one in value.items()}
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
        return "{ " + ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _text(value: str) -> str:
    """A basic string: JSON's escapes are TOML's, which asks for one more."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
