"""All tables and keys that exist. The loader refuses any other; tests hold the example and the docs to this list."""

from __future__ import annotations

from collections.abc import Mapping

SECRET_FORMS = ("", "_file", "_env", "_credential")
"""A secret S can be given as S itself, S_file (a path), S_env (the name of a variable) or S_credential (systemd's)."""

KEYS: Mapping[str, Mapping[str, str]] = {
    "database": {"path": "", "group_readable": ""},
    "schedule": {"interval": "", "cron": "", "timezone": "", "jitter": "", "run_on_start": ""},
    "api": {
        "base_url": "", "timeout": "", "concurrency": "", "rate": "", "retries": "", "proxy": "secret", "ca_file": "",
    },
    "guard": {"min": "", "percent": "", "syncs": "", "hold": "", "hold_empty": ""},
    "alerts": {"after": "", "repeat": ""},
    "retention": {"events": "", "deliveries": "", "runs": ""},
    "accounts.NAME": {
        "public_key": "secret", "private_key": "secret", "profile": "", "project_id": "", "regions": "",
    },
    "sinks.NAME": {
        "type": "", "events": "", "accounts": "", "regions": "", "names": "", "owners": "", "scope": "", "baseline": "",
        "path": "", "url": "secret", "format": "", "timeout": "", "headers": "secrets", "proxy": "secret",
        "ca_file": "",
        "secrets": "secret", "secret": "secret", "language": "", "prefix": "", "group_wait": "", "body": "",
        "content_type": "",
    },
    "http": {"listen": ""},
    "heartbeat": {"url": "secret", "interval": ""},
    "log": {"level": "", "format": ""},
}  # fmt: skip
"""Table → key → "secret" if the key has the four forms, "secrets" if each value in it has them, else ""."""

TABLES = tuple(kind.removesuffix(".NAME") for kind in KEYS)


def accepted(table: str) -> list[str]:
    """The keys that may stand in the file, secrets in all of their forms."""
    return [
        key + form
        for key, kind in KEYS[table].items()
        for form in (SECRET_FORMS if kind == "secret" else ("",))
    ]


def unformed(key: str) -> str:
    """``private_key_file`` → ``private_key``."""
    return next((key.removesuffix(form) for form in SECRET_FORMS if form and key.endswith(form)), key)
