"""Durations and URLs as they stand in the file, and values as a fault shows them."""

from __future__ import annotations

import difflib
import ipaddress
import json
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from urllib.parse import SplitResult, urlsplit

UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([dhms])")
_SHOWN = 60
"""Characters of a value that a fault shows at most."""

MASK = "***"


def parse_duration(text: str) -> timedelta | None:
    """Reads ``"90s"``, ``"1h30m"`` and the like; None if the text is no duration."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    try:
        return timedelta(seconds=sum(float(number) * UNITS[unit] for number, unit in parts))
    except OverflowError:
        return None


def format_duration(span: timedelta) -> str:
    """``90s``, ``5m``, ``1d``: the shortest form that `parse_duration` reads back."""
    seconds = span.total_seconds()
    unit = next((unit for unit, size in UNITS.items() if seconds and seconds % size == 0), "s")
    return f"{seconds / UNITS[unit]:.6f}".rstrip("0").rstrip(".") + unit


def show_value(value: object) -> str:
    """A value as a fault shows it: short and on one line; a table is not shown, since it may hold secrets."""
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list):
        return _cut(f"[{', '.join(show_value(item) for item in value)}]")
    if isinstance(value, str | bool):
        return _cut(json.dumps(value, ensure_ascii=False))
    return _cut(str(value))


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant; "" if none resembles it."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1)), "")


def split_url(url: str) -> SplitResult | None:
    """The parts of a URL; None if it cannot be split."""
    try:
        parts = urlsplit(url)
        _ = parts.port, (parts.hostname or "").encode("idna")
    except ValueError:
        return None
    return parts


def url_problem(url: str) -> str:
    """What is wrong with a URL of the web, without repeating any of it, since it may be secret; "" if nothing is."""
    parts = split_url(url)
    if parts is None or not all(character.isprintable() and character != " " for character in url):
        return "is not a URL"
    if parts.scheme not in ("http", "https"):
        return "must begin with https:// or http://"
    return "" if parts.hostname else "names no host"


def is_unencrypted(url: str) -> bool:
    """Whether what is sent there can be read on the way, since it is http:// to another machine."""
    parts = split_url(url)
    return parts is not None and parts.scheme == "http" and not _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _cut(text: str) -> str:
    line = "".join(character if character.isprintable() else "?" for character in text)
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
