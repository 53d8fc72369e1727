"""Makes strangers' text harmless, and cuts it to a receiver's limits. Pure functions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

ELLIPSIS = "…"
_CLEANED_PER_SHOWN = 4
"""So many characters are looked at for each one that is shown, so that a long text costs little more."""
_JOINERS = "\u200c\u200d"
"""Zero-width joiners and non-joiners: they are parts of emoji and of some scripts, and harmless."""


def clean(text: str) -> str:
    """One line without control, invisible and direction-changing characters. Runs of spaces become one space."""
    return " ".join("".join(map(_visible, text)).split())


def short(text: str, limit: int) -> str:
    """The `clean` text, cut to ``limit`` characters and ended with "…"; never cut between a character and its marks."""
    most = limit * _CLEANED_PER_SHOWN
    text, whole = clean(text[:most]), len(text) <= most
    if whole and len(text) <= limit:
        return text
    end = limit - len(ELLIPSIS)
    while 0 < end < len(text) and _belongs_to_previous(text[end]):
        end -= 1
    return text[:end].rstrip() + ELLIPSIS


def size_in_bytes(text: str) -> int:
    return len(text.encode())


def short_in_bytes(text: str, limit: int) -> str:
    """``text``, cut between two characters to ``limit`` bytes of UTF-8 and ended with "…"."""
    while size_in_bytes(text) > limit:
        text = short(text, len(text) - 1)
    return text


def size_in_utf16(text: str) -> int:
    """How many characters JavaScript and Java count."""
    return len(text.encode("utf-16-le")) // 2


def without_markup(text: str) -> str:
    """Replaces every character that is markup in any chat by one that looks alike, and breaks up links.

    This is for receivers whose markdown has no escape that all of their clients understand.
    """
    text = at_start(text, lambda mark: mark.translate(_STARTS))
    underscore = "＿" if _is_emphasis(text) else "_"
    return text.replace("://", "：//").translate(_LOOKALIKES).replace("_", underscore)


def at_start(line: str, change: Callable[[str], str]) -> str:
    """Changes the beginning that would make the line a heading, a list item or a rule."""
    return _BLOCK_START.sub(lambda match: change(match[0]), line)


_BLOCK_START = re.compile(r"^(#+|[-+=]+|[0-9]+[.)])(?=\s|$)")
_STARTS = str.maketrans("#-+=.)", "＃－＋＝．）")
_LOOKALIKES = str.maketrans("<>[]*`~\\@", "＜＞［］＊＇～＼＠")


def _is_emphasis(text: str) -> bool:
    """Whether an underscore stands at the edge of a word; within a word it is ordinary."""
    return any(
        not (before.isalnum() and after.isalnum())
        for before, mark, after in zip(" " + text, text, text[1:] + " ", strict=False)
        if mark == "_"
    )


def _visible(char: str) -> str:
    category = unicodedata.category(char)
    if category in ("Cc", "Zl", "Zp", "Zs"):
        return " "
    return "" if category in ("Cf", "Cs") and char not in _JOINERS else char


def _belongs_to_previous(char: str) -> bool:
    return char in _JOINERS or unicodedata.category(char) in ("Mn", "Me")
