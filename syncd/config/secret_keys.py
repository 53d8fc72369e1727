"""Reads the secrets of one table, each given in one of the four forms: S, S_file, S_env or S_credential."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from syncd.config.keys import SECRET_FORMS, unformed
from syncd.config.secret_sources import BadSecretError, SecretSources, shown_source
from syncd.config.values import MASK, url_problem
from syncd.model import Secret

_PLACEHOLDER = re.compile(r"…+|\.{3,}|\*{3}|<[^<>]*>")
"""What stands in examples, and in the output of `syncd config show`, where a secret belongs."""


_NOT_SHOWN = (
    ' (it is not shown, since it might be the key itself; a path that begins with "/" or "./" is shown)'
)


class AddFault(Protocol):
    def __call__(self, key: str, value: str, remedy: str) -> None: ...


class SecretKeys:
    """Each method takes a key without its form. What is wrong becomes a fault that shows no secret."""

    def __init__(self, values: Mapping[str, Any], fault: AddFault, sources: SecretSources) -> None:
        self.sources = sources
        self._values = values
        self._fault = fault

    def is_given(self, key: str) -> bool:
        """Whether the key stands in the table in any of its forms."""
        return any(key + form in self._values for form in SECRET_FORMS)

    def get(self, key: str) -> Secret | None:
        return self._get(self._values, key, key)

    def get_url(self, key: str) -> Secret | None:
        """A secret that must be a URL of the web; it is returned even where it is none."""
        secret = self.get(key)
        if secret is not None and (problem := url_problem(secret.reveal())):
            self._fault(key, MASK, problem)
        return secret

    def get_list(self, key: str) -> tuple[Secret, ...]:
        """A list; a file or a credential has one a line, a variable has spaces between them."""
        value = self._in_one_form(self._values, key, key, _is_list_of_texts, "a list of texts")
        words = value.split() if isinstance(value, str) else value or ()
        return tuple(Secret(word) for word in words)

    def get_table(self, key: str) -> Mapping[str, Secret]:
        """A table whose values are secrets, each in one of the forms: ``{ A = "…", B_env = "…" }``."""
        values = self._values.get(key, {})
        if not isinstance(values, Mapping):
            self._fault(key, MASK, f'must be a table: {key} = {{ NAME = "…" }}')
            return {}
        names = dict.fromkeys(map(unformed, values))
        secrets = {name: self._get(values, name, f"{key}.{name}") for name in names}
        return {name: secret for name, secret in secrets.items() if secret is not None}

    def _get(self, values: Mapping[str, Any], key: str, name: str) -> Secret | None:
        text = self._in_one_form(values, key, name, lambda value: isinstance(value, str), "a text in quotes")
        if text is None:
            return None
        if problem := _text_problem(text):
            self._fault(name, MASK, problem)
            return None
        return Secret(text)

    def _in_one_form(
        self, values: Mapping[str, Any], key: str, name: str, fits: Callable[[Any], bool], wanted: str
    ) -> Any:
        """What stands at ``key``, or where it points to. Faults call it ``name``, and say that ``wanted`` is right."""
        forms = [form for form in SECRET_FORMS if key + form in values]
        if len(forms) > 1:
            given = " and ".join(key + form for form in forms)
            self._fault(name, "", f"is given as {given}: keep one")
        if len(forms) != 1:
            return None
        (form,) = forms
        value = values[key + form]
        if form:
            return self._from_source(name, form, value)
        if value == "":
            self._fault(name, '""', f"is empty: put the value between the quotes, or use {_other_forms(key)}")
            return None
        if not fits(value) or not value:
            self._fault(name, MASK, f"must be {wanted}")
            return None
        return value

    def _from_source(self, name: str, form: str, value: Any) -> str | None:
        if not isinstance(value, str) or not value:
            self._fault(name + form, "", "must be a text in quotes")
            return None
        if self.sources.closed:
            return None
        try:
            return self.sources.read(form, value)
        except BadSecretError as error:
            shown = shown_source(form, value)
            more = error.detail if shown != MASK else _NOT_SHOWN if form == "_file" else ""
            self._fault(name + form, shown, f"{error}{more}")
            return None


def _text_problem(text: str) -> str:
    """What is wrong with a secret that is one line of text, without repeating any of it; "" if nothing is."""
    if not text.strip():
        return "is blank: there is nothing in it but spaces"
    if _PLACEHOLDER.fullmatch(text.strip()):
        return "is only a placeholder: put the real value in its place"
    if not all(character.isprintable() for character in text):
        return "must be one line, without control characters"
    return ""


def _other_forms(key: str) -> str:
    return f"{key}_file, {key}_env or {key}_credential"


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) and item for item in value)
