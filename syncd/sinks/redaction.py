"""Nothing secret of a sink may stand in a reason, not even a part of it, if the receiver repeats it."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl, unquote, urlsplit

SHORTEST_SEGMENT = 10
"""Letters of a URL's path segment from which on it may be a credential ("services" is none)."""
SHORTEST = 4
"""Letters of anything else that is secret: shorter ones are in every text."""
PART = 8
"""Letters of a secret in a row that are as secret as the whole."""


class Censor:
    """Knows the secrets of a sink by their letters and digits, so that no escaping and no line break hides them."""

    def __init__(self, values: Iterable[str], urls: Iterable[str] = ()) -> None:
        wholes, secrets = set[str](), {form for value in values for form in _forms_of(value)}
        for url in urls:
            whole, credentials = _parts(url)
            wholes.update(whole)
            secrets.update(credentials)
        self._wholes = frozenset(found for found in map(_squash, wholes) if len(found) >= SHORTEST)
        self._parts = frozenset(_pieces(secrets))

    def knows(self, text: str, also: Iterable[str] = ()) -> bool:
        """Whether a secret, or a part of one, stands in ``text``; ``also`` are secrets of this one message."""
        parts = self._parts.union(_pieces(also))
        forms = {_squash(form) for form in (text, unquote(text), unquote(unquote(text)))}
        return any(_holds(form, parts) or any(whole in form for whole in self._wholes) for form in forms)


def _holds(text: str, parts: frozenset[str]) -> bool:
    return any(
        text[start : start + length] in parts
        for length in {len(part) for part in parts}
        for start in range(len(text) - length + 1)
    )


def _pieces(secrets: Iterable[str]) -> Iterator[str]:
    """All parts of `PART` letters; of a shorter secret itself."""
    for secret in map(_squash, secrets):
        if len(secret) >= SHORTEST:
            yield from (secret[start : start + PART] for start in range(max(1, len(secret) - PART + 1)))


def _forms_of(value: str) -> Iterator[str]:
    """A secret, and what is in it if it is the value of an Authorization header."""
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


def _parts(url: str) -> tuple[Iterable[str], Iterable[str]]:
    """What is secret as a whole only, since its parts are ordinary words; and the credentials in it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return [url], []
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    segments = [unquote(segment) for segment in parts.path.split("/")]
    credentials = [
        *(value for _, value in parse_qsl(parts.query)),
        *(segment for segment in segments if len(_squash(segment)) >= SHORTEST_SEGMENT),
    ]
    if password:
        credentials += [password, b64encode(f"{user}:{password}".encode()).decode()]
    path = [parts.path] if len(_squash(parts.path)) >= SHORTEST_SEGMENT else []
    return [url, user, *path], credentials


def _squash(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).lower()
