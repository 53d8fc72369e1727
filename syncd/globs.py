"""Globs, as filters and commands understand them: ``*``, ``?`` and ``[…]``, and upper and lower case are the same."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase


def matches(glob: str, text: str) -> bool:
    return fnmatchcase(text.casefold(), glob.casefold())


def any_matches(globs: Iterable[str], texts: Iterable[str]) -> bool:
    """Whether any of the globs matches any of the texts."""
    texts = [text.casefold() for text in texts]
    return any(fnmatchcase(text, glob.casefold()) for glob in globs for text in texts)
