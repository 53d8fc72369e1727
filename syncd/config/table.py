"""Reads one table and collects what is wrong with it: a key, what stands there, what would be right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

from syncd.config.keys import KEYS, SECRET_FORMS, accepted, unformed
from syncd.config.secret_sources import BadSecretError, SecretSources, shown_source
from syncd.config.values import MASK, format_duration, nearest, parse_duration, show_value, url_problem
from syncd.errors import Fault, trouble_with
from syncd.model import Secret

T = TypeVar("T")


class Table:
    """One table of the file. Each method takes a key; what is wrong becomes a fault and the default stands in."""

    def __init__(
        self, kind: str, name: str, values: Mapping[str, Any], faults: list[Fault], sources: SecretSources
    ) -> None:
        self.name = name
        self.sources = sources
        self._faults = faults
        self._kind = kind
        self._values = values
        self._refuse_unknown()

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def given(self, key: str) -> bool:
        """Whether a secret stands there in any of its forms."""
        return any(key + form in self._values for form in SECRET_FORMS)

    def is_text(self, key: str, text: str) -> bool:
        return self._values.get(key) == text

    def fault(self, key: str, value: str, remedy: str) -> None:
        self._faults.append(Fault(f"{self.name}.{key}" if key else self.name, value, remedy))

    def text(self, key: str, default: T) -> str | T:
        return self._typed(key, default, str, "a text in quotes")

    def choice(self, key: str, default: str, known: Iterable[str]) -> str:
        value = self.text(key, default)
        if value not in known:
            near = nearest(value, known)
            remedy = f"must be one of {', '.join(known)}" + (f'; did you mean "{near}"?' if near else "")
            self.fault(key, show_value(value), remedy)
            return default
        return value

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
        if not isinstance(raw, list) or not raw or not all(isinstance(one, str) and one for one in raw):
            self.fault(key, show_value(raw), f"must be a list of one or more texts, such as {example}")
            return default
        return tuple(raw)

    def path(self, key: str) -> Path | None:
        value = self.text(key, None)
        if value is not None and "\0" in value:
            self.fault(key, show_value(value), "is not a path")
            return None
        return self.sources.resolve(value) if value else None

    def certificates(self, key: str) -> Path | None:
        """The path of a file of certificates that can be read."""
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
                self.fault(key, show_value(str(path)), f"cannot be read: {error.strerror}")
        return path

    def secret(self, key: str) -> Secret | None:
        return self._secret(self._values, key, key)

    def secrets(self, key: str) -> tuple[Secret, ...]:
        """A list; in a file or credential one a line, in a variable with spaces between."""
        found = self._in_one_form(self._values, key, key, _is_list_of_texts, "a list of texts")
        words = found.split() if isinstance(found, str) else found or ()
        return tuple(Secret(word) for word in words)

    def secret_table(self, key: str) -> Mapping[str, Secret]:
        """A table whose values are secrets, each in one of the forms: ``{ A = "…", B_env = "…" }``."""
        values = self._values.get(key, {})
        if not isinstance(values, Mapping):
            self.fault(key, MASK, f'must be a table: {key} = {{ NAME = "…" }}')
            return {}
        found = {
            name: self._secret(values, name, f"{key}.{name}") for name in dict.fromkeys(map(unformed, values))
        }
        return {name: secret for name, secret in found.items() if secret is not None}

    def web_address(self, key: str, secret: Secret | None) -> None:
        """A fault unless the URL has a scheme and a host; the value is not shown."""
        if secret is not None and (wrong := url_problem(secret.reveal())):
            self.fault(key, MASK, wrong)

    def foreign(self, allowed: Iterable[str]) -> list[str]:
        """Known keys that stand here and are not among ``allowed``."""
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

    def _secret(self, values: Mapping[str, Any], key: str, name: str) -> Secret | None:
        found = self._in_one_form(values, key, name, lambda value: isinstance(value, str), "a text in quotes")
        if found is None:
            return None
        if not all(character.isprintable() for character in found):
            self.fault(name, MASK, "must be one line, without control characters")
            return None
        return Secret(found)

    def _in_one_form(
        self, values: Mapping[str, Any], key: str, name: str, fits: Callable[[Any], bool], wanted: str
    ) -> Any:
        """What stands at ``key`` or where it points to; ``name`` is the key's in a fault."""
        forms = [form for form in SECRET_FORMS if key + form in values]
        if len(forms) > 1:
            given = " and ".join(key + form for form in forms)
            self.fault(name, "", f"is given as {given}: keep one")
        if len(forms) != 1:
            return None
        (form,) = forms
        value = values[key + form]
        if form:
            return self._from_source(name, form, value)
        if not fits(value) or not value:
            self.fault(name, MASK, f"must be {wanted}")
            return None
        return value

    def _from_source(self, name: str, form: str, value: Any) -> str | None:
        if not isinstance(value, str) or not value:
            self.fault(name + form, "", "must be a text in quotes")
            return None
        if self.sources.closed:
            return None
        try:
            return self.sources.read(form, value)
        except BadSecretError as error:
            self.fault(name + form, shown_source(form, value), str(error))
            return None

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


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) and one for one in value)
