"""Nothing secret of a sink may stand in a reason, even if the receiver repeats it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, unquote, urlsplit

SHORTEST_SEGMENT = 10
"""Letters of a URL's path segment from which on it may be a credential ("services" is none)."""
SHORTEST = 4
"""Letters of anything else that is secret: shorter ones are in every text."""


class Censor:
    """Knows the secrets of a sink by their letters and digits, so that no escaping hides them."""

    def __init__(self, values: Iterable[str], urls: Iterable[str] = ()) -> None:
        found = {_squash(value) for value in values}
        found.update(part for url in urls for part in _parts(url))
        self._found = frozenset(value for value in found if len(value) >= SHORTEST)

    def knows(self, text: str, also: Iterable[str] = ()) -> bool:
        """Whether a secret stands in ``text``; ``also`` are secrets of this one message."""
        secrets = [*self._found, *(_squash(value) for value in also)]
        return any(secret in form for form in (_squash(text), _squash(unquote(text))) for secret in secrets)


def _parts(url: str) -> Iterable[str]:
    yield _squash(url)
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    yield from (_squash(part) for part in (parts.username or "", parts.password or ""))
    yield from (_squash(value) for _, value in parse_qsl(parts.query))
    segments = (_squash(segment) for segment in (parts.path, *parts.path.split("/")))
    yield from (segment for segment in segments if len(segment) >= SHORTEST_SEGMENT)


def _squash(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).lower()
