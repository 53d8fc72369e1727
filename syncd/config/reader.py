"""Reads one table and collects what is wrong with it: a key, what stands there, what would be right."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from syncd.config.keys import KEYS, SECRET_FORMS, accepted
from syncd.config.secret import Sources
from syncd.errors import Fault
from syncd.model import Secret

UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SHOWN = 60
"""Characters of a value that a fault shows."""

T = TypeVar("T")


class Table:
    """One table of the file. Each method takes a key; what is wrong becomes a fault and the default stands in."""

    def __init__(self, kind: str, name: str, values: object, faults: list[Fault], sources: Sources) -> None:
        self.name = name
        self._faults = faults
        self._sources = sources
        self._kind = kind
        self._values: Mapping[str, Any] = values if isinstance(values, Mapping) else {}
        if not isinstance(values, Mapping):
            self.fault("", shown(values), f"must be a table: write [{name}]")
        self._refuse_unknown()

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def given(self, key: str) -> bool:
        """Whether a secret stands there in any of its forms."""
        return any(key + form in self._values for form in SECRET_FORMS)

    def text_is(self, key: str, value: str) -> bool:
        return bool(self._values.get(key) == value)

    def foreign(self, allowed: tuple[str, ...]) -> list[str]:
        """Known keys that stand in the table and are none of these, whatever their form."""
        own = {key + form for key in allowed for form in SECRET_FORMS}
        return [key for key in self._values if key in accepted(self._kind) and key not in own]

    def fault(self, key: str, value: str, remedy: str) -> None:
        self._faults.append(Fault(f"{self.name}.{key}" if key else self.name, value, remedy))

    def text(self, key: str, default: T) -> str | T:
        return self._typed(key, default, str, "a text in quotes")

    def choice(self, key: str, default: str, choices: Iterable[str]) -> str:
        value = self.text(key, default)
        known = list(choices)
        if value not in known:
            self.fault(key, shown(value), f"must be one of {', '.join(known)}{_meant(value, known)}")
            return default
        return value

    def boolean(self, key: str, default: bool) -> bool:
        return self._typed(key, default, bool, "true or false")

    def integer(self, key: str, default: int, least: int, most: int) -> int:
        value = self._typed(key, default, int, f"a whole number from {least} to {most}")
        return self._within(key, value, default, least, most, "a whole number")

    def number(self, key: str, default: float, least: float, most: float) -> float:
        value = self._typed(key, default, (int, float), f"a number from {least:g} to {most:g}")
        return float(self._within(key, value, default, least, most, "a number"))

    def duration(self, key: str, default: timedelta, least: timedelta, most: timedelta) -> timedelta:
        if key not in self._values:
            return default
        raw = self._values[key]
        value = duration(raw) if isinstance(raw, str) else None
        if value is None:
            self.fault(key, shown(raw), 'must be a duration such as "15s", "5m", "1h" or "30d"')
            return default
        if not least <= value <= most:
            self.fault(key, shown(raw), f"must be from {spoken(least)} to {spoken(most)}")
            return default
        return value

    def texts(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        raw = self._values.get(key, default)
        if (
            not isinstance(raw, list | tuple)
            or not raw
            or not all(isinstance(one, str) and one for one in raw)
        ):
            self.fault(key, shown(raw), 'must be a list of texts, such as ["*"], with at least one in it')
            return default
        return tuple(raw)

    def path(self, key: str) -> Path | None:
        value = self.text(key, None)
        return self._sources.resolve(value) if value else None

    def readable(self, key: str) -> Path | None:
        """The path of a file that must exist and be readable."""
        path = self.path(key)
        if path is not None:
            try:
                path.open("rb").close()
            except OSError as error:
                self.fault(key, str(path), f"cannot be read: {error.strerror}")
        return path

    def secret(self, key: str) -> Secret | None:
        found = self._in_one_form(key, lambda value: isinstance(value, str), "a text in quotes")
        return Secret(found) if isinstance(found, str) else None

    def secrets(self, key: str) -> tuple[Secret, ...]:
        """A list; in a file or credential one a line, in a variable with spaces between."""
        found = self._in_one_form(
            key,
            lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value),
            "a list of texts",
        )
        if found is None:
            return ()
        return tuple(Secret(one) for one in (found.split() if isinstance(found, str) else found))

    def nested_secret(self, key: str, value: object) -> Secret | None:
        """A text, or a table that says where it comes from: { file = … }, { env = … } or { credential = … }."""
        if isinstance(value, str) and value:
            return Secret(value)
        if isinstance(value, Mapping) and len(value) == 1:
            ((form, source),) = value.items()
            if f"_{form}" in SECRET_FORMS and isinstance(source, str):
                found = self._sources.read(f"_{form}", source)
                if isinstance(found, str):
                    return Secret(found)
                self.fault(key, source, found.remedy)
                return None
        self.fault(
            key, "***", 'must be a text, or one of { file = "…" }, { env = "…" }, { credential = "…" }'
        )
        return None

    def web_address(
        self, key: str, secret: Secret | None, schemes: tuple[str, ...] = ("http", "https")
    ) -> None:
        """A fault unless the URL has a scheme and a host; the value is not shown."""
        if secret is not None and (wrong := wrong_address(secret.reveal(), schemes)):
            self.fault(key, "***", wrong)

    def values(self, key: str) -> Mapping[str, Any]:
        return self._typed(key, {}, Mapping, f"a table: [{self.name}.{key}]")

    def _typed(self, key: str, default: T, kind: type | tuple[type, ...], wanted: str) -> T:
        if key not in self._values:
            return default
        value = self._values[key]
        wrong_bool = isinstance(value, bool) and kind is not bool
        if wrong_bool or not isinstance(value, kind) or value == "":
            self.fault(key, shown(value), f"must be {wanted}")
            return default
        return cast(T, value)

    def _within(self, key: str, value: T, default: T, least: float, most: float, what: str) -> T:
        if not least <= value <= most:  # type: ignore[operator]
            self.fault(key, shown(value), f"must be {what} from {least:g} to {most:g}")
            return default
        return value

    def _in_one_form(self, key: str, fits: Callable[[Any], bool], wanted: str) -> Any:
        forms = [form for form in SECRET_FORMS if key + form in self._values]
        if not forms:
            return None
        if len(forms) > 1:
            given = " and ".join(key + form for form in forms)
            self.fault(key, "", f"is given twice, as {given}: keep one")
            return None
        form = forms[0]
        value = self._values[key + form]
        if not form:
            if fits(value) and value:
                return value
            self.fault(key, "***", f"must be {wanted}")
            return None
        if not isinstance(value, str) or not value:
            self.fault(key + form, shown(value), "must be a text in quotes")
            return None
        found = self._sources.read(form, value)
        if isinstance(found, str):
            return found
        self.fault(key + form, value, found.remedy)
        return None

    def _refuse_unknown(self) -> None:
        known = accepted(self._kind)
        for key, value in self._values.items():
            if key not in known:
                secretive = any(word in key for word in ("key", "secret", "token", "url", "password"))
                self.fault(
                    key,
                    "***" if secretive else shown(value),
                    f"is not a key of [{self.name}]{_meant(key, known) or '; it has ' + ', '.join(KEYS[self._kind])}",
                )


def duration(text: str) -> timedelta | None:
    """``"1h30m"`` and the like; None if it is none."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    try:
        return timedelta(seconds=sum(float(number) * UNITS[unit] for number, unit in parts))
    except OverflowError:
        return None


def spoken(span: timedelta) -> str:
    """``90s``, ``5m``, ``1d``: the shortest form that `duration` reads back."""
    seconds = span.total_seconds()
    for unit in ("d", "h", "m", "s"):
        if seconds and seconds % UNITS[unit] == 0:
            return f"{seconds / UNITS[unit]:g}{unit}"
    return f"{seconds:g}s"


def shown(value: object) -> str:
    """A value as a fault shows it: short, one line."""
    text = (
        f'"{value}"'
        if isinstance(value, str)
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
    )
    text = "".join(character if character.isprintable() else "?" for character in text)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def wrong_address(url: str, schemes: tuple[str, ...]) -> str:
    """What is wrong with a URL; empty if nothing is."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme not in schemes:
        return f"must begin with {' or '.join(scheme + '://' for scheme in schemes)}"
    if not parts.hostname or any(character.isspace() for character in url):
        return "names no host" if not parts.hostname else "must not contain spaces"
    return ""


def _meant(value: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(value, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""
