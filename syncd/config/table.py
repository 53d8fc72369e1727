"""Reads the values of one table, and collects every fault: the key, what stands there, and what would be right."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

from syncd import file_access
from syncd.config.keys import KEYS, accepted, unformed
from syncd.config.secret_keys import SecretKeys
from syncd.config.secret_sources import SecretSources
from syncd.config.values import MASK, format_duration, nearest, parse_duration, show_value
from syncd.errors import Fault, trouble_with

T = TypeVar("T")
Word = TypeVar("Word", bound=str)


class Table:
    """One table of the file, with its secrets in ``secrets``.

    ``kind`` is its name in `KEYS`, as "sinks.NAME", ``name`` its own, as "sinks.team". Each method takes a key;
    a value that is wrong becomes a fault, and the default stands in for it.
    """

    def __init__(
        self, kind: str, name: str, values: Mapping[str, Any], faults: list[Fault], sources: SecretSources
    ) -> None:
        self.name = name
        self.secrets = SecretKeys(values, self.fault, sources)
        self._faults = faults
        self._kind = kind
        self._values = values
        self._refuse_unknown()

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def is_text(self, key: str, text: str) -> bool:
        """Whether exactly this text stands there."""
        return self._values.get(key) == text

    def fault(self, key: str, value: str, remedy: str) -> None:
        """``value`` is what stands there, as it may be shown; "" shows nothing. ``key`` "" means the table itself."""
        self._faults.append(Fault(f"{self.name}.{key}" if key else self.name, value, remedy))

    def text(self, key: str, default: T) -> str | T:
        return self._typed(key, default, str, "a text in quotes")

    def choice(self, key: str, default: Word, known: Collection[Word]) -> Word:
        value = self.text(key, default)
        for word in known:
            if word == value:
                return word
        near = nearest(value, known)
        remedy = f"must be one of {', '.join(known)}" + (f'; did you mean "{near}"?' if near else "")
        self.fault(key, show_value(value), remedy)
        return default

    def boolean(self, key: str, default: bool) -> bool:
        return self._typed(key, default, bool, "true or false")

    def integer(self, key: str, default: int, least: int, most: int) -> int:
        return self._number(key, default, int, f"a whole number from {least} to {most}", least, most)

    def number(self, key: str, default: float, least: float, most: float) -> float:
        wanted = f"a number from {least:g} to {most:g}"
        return float(self._number(key, default, (int, float), wanted, least, most))

    def duration(self, key: str, default: timedelta, least: timedelta, most: timedelta) -> timedelta:
        if key not in self._values:
            return default
        raw = self._values[key]
        value = parse_duration(raw) if isinstance(raw, str) else None
        if value is None:
            self.fault(key, show_value(raw), 'must be a duration such as "15s", "5m", "1h" or "30d"')
            return default
        if not least <= value <= most:
            self.fault(
                key, show_value(raw), f'must be from "{format_duration(least)}" to "{format_duration(most)}"'
            )
            return default
        return value

    def texts(self, key: str, default: tuple[str, ...], example: str = '["*"]') -> tuple[str, ...]:
        raw = self._values.get(key, list(default))
        if not isinstance(raw, list) or not raw or not all(isinstance(item, str) and item for item in raw):
            self.fault(key, show_value(raw), f"must be a list of one or more texts, such as {example}")
            return default
        return tuple(raw)

    def path(self, key: str) -> Path | None:
        value = self.text(key, None)
        if value is not None and "\0" in value:
            self.fault(key, show_value(value), "is not a path")
            return None
        return self.secrets.sources.resolve(value) if value else None

    def certificates(self, key: str) -> Path | None:
        """The path of a file of certificates, which is read once to see whether it can be."""
        path = self.path(key)
        if path is not None:
            try:
                if b"-----BEGIN" not in path.read_bytes():
                    self.fault(
                        key,
                        show_value(str(path)),
                        "must hold certificates in PEM (-----BEGIN CERTIFICATE-----)",
                    )
            except OSError as error:
                if trouble := trouble_with(f"read {path}", error):
                    raise trouble from error
                self.fault(key, show_value(str(path)), f"cannot be read: {file_access.reason(path, error)}")
        return path

    def foreign(self, allowed: Iterable[str]) -> list[str]:
        """The keys of this table that syncd knows, but that are not among ``allowed``."""
        names = [unformed(key) if key not in KEYS[self._kind] else key for key in self._values]
        return [
            name for name in dict.fromkeys(names) if name in KEYS[self._kind] and name not in set(allowed)
        ]

    def _typed(self, key: str, default: T, kind: type | tuple[type, ...], wanted: str) -> T:
        if key not in self._values:
            return default
        value = self._values[key]
        wrong_bool = isinstance(value, bool) and kind is not bool
        if wrong_bool or not isinstance(value, kind) or value == "":
            self.fault(key, show_value(value), f"must be {wanted}")
            return default
        return cast(T, value)

    def _number(
        self, key: str, default: T, kind: type | tuple[type, ...], wanted: str, least: float, most: float
    ) -> T:
        value = self._typed(key, default, kind, wanted)
        if not least <= value <= most:  # type: ignore[operator]  # a number, by `kind`
            self.fault(key, show_value(value), f"must be {wanted}")
            return default
        return value

    def _refuse_unknown(self) -> None:
        known = accepted(self._kind)
        for key, value in self._values.items():
            if key not in known:
                near = nearest(key, known)
                remedy = f'did you mean "{near}"?' if near else f"there are {', '.join(KEYS[self._kind])}"
                self.fault(key, self._harmless(near, value), f"is not a key of [{self.name}]; {remedy}")

    def _harmless(self, near: str, value: object) -> str:
        """The value of an unknown key, unless it may be a secret whose key was mistyped."""
        is_setting = KEYS[self._kind].get(near) == ""
        return show_value(value) if is_setting or isinstance(value, int | float) else MASK
