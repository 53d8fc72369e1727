"""Keeps a sink's secrets out of reasons: words of a receiver that repeat a secret, or a part of one, are not shown."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl, unquote, urlsplit

MIN_SEGMENT_LETTERS = 10
"""A path segment of a URL may be a credential from this length on ("services" is none)."""
MIN_SECRET_LETTERS = 4
"""Anything shorter is not treated as secret, because it occurs in every text."""
PART_LETTERS = 8
"""So many letters in a row of a secret are as secret as the whole."""


class Redactor:
    """Compares letters and digits only, so that no escaping and no line break hides a secret."""

    def __init__(self, values: Iterable[str], urls: Iterable[str] = ()) -> None:
        wholes, secrets = set[str](), {form for value in values for form in _forms_of(value)}
        for url in urls:
            whole, credentials = _secrets_of_url(url)
            wholes.update(whole)
            secrets.update(credentials)
        self._wholes = frozenset(whole for whole in map(_squash, wholes) if len(whole) >= MIN_SECRET_LETTERS)
        self._parts = frozenset(_parts_of(secrets))

    def redact(self, reason: str, answer: str, message_secrets: Iterable[str]) -> str:
        """``reason``, without the receiver's words in it if these or the whole ``answer`` repeat a secret.

        ``message_secrets`` are secrets of this one message, such as its signatures.
        """
        if any(self.reveals_secret(text, message_secrets) for text in (reason, answer)):
            return reason.split(": ", 1)[0] + " (the receiver's words repeat a secret and are not shown)"
        return reason

    def reveals_secret(self, text: str, message_secrets: Iterable[str] = ()) -> bool:
        """Whether a secret, or a part of one, stands in ``text``."""
        parts = self._parts.union(_parts_of(message_secrets))
        forms = {_squash(form) for form in (text, unquote(text), unquote(unquote(text)))}
        return any(_holds_part(form, parts) or any(whole in form for whole in self._wholes) for form in forms)


def _holds_part(text: str, parts: frozenset[str]) -> bool:
    return any(
        text[start : start + length] in parts
        for length in {len(part) for part in parts}
        for start in range(len(text) - length + 1)
    )


def _parts_of(secrets: Iterable[str]) -> Iterator[str]:
    """All parts of `PART_LETTERS` letters; a shorter secret is its only part."""
    for secret in map(_squash, secrets):
        if len(secret) >= MIN_SECRET_LETTERS:
            for start in range(max(1, len(secret) - PART_LETTERS + 1)):
                yield secret[start : start + PART_LETTERS]


def _forms_of(value: str) -> Iterator[str]:
    """The secret itself; if it is the value of an Authorization header, the credentials in it."""
    scheme, _, rest = value.partition(" ")
    if not rest:
        yield value
        return
    yield rest
    if scheme.lower() == "basic":
        try:
            yield b64decode(rest).decode().partition(":")[2]
        except ValueError:
            return


def _secrets_of_url(url: str) -> tuple[Iterable[str], Iterable[str]]:
    """What is secret only as a whole, since its parts are ordinary words; and the credentials in the URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return [url], []
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    segments = [unquote(segment) for segment in parts.path.split("/")]
    credentials = [
        *(value for _, value in parse_qsl(parts.query)),
        *(segment for segment in segments if len(_squash(segment)) >= MIN_SEGMENT_LETTERS),
    ]
    if password:
        credentials += [password, b64encode(f"{user}:{password}".encode()).decode()]
    path = [parts.path] if len(_squash(parts.path)) >= MIN_SEGMENT_LETTERS else []
    return [url, user, *path], credentials


def _squash(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).lower()
