"""Strangers' text made harmless, and cut to a receiver's limits: pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

ELLIPSIS = "…"
_CLEANED_PER_SHOWN = 4
"""Characters that are looked at for one that is shown: a long text costs no more than a short one."""
_JOINERS = "\u200c\u200d"
"""Zero-width (non-)joiners: parts of emoji and of some scripts, and harmless."""


def clean(text: str) -> str:
    """One line without control, invisible and direction-changing characters; runs of space become one."""
    return " ".join("".join(map(_visible, text)).split())


def short(text: str, limit: int) -> str:
    """`clean`, and cut to ``limit`` characters with a visible end; never within a character and its marks."""
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
    """``text``, cut to ``limit`` bytes of UTF-8 between two characters, with a visible end."""
    while size_in_bytes(text) > limit:
        text = short(text, len(text) - 1)
    return text


def size_in_utf16(text: str) -> int:
    """Characters as JavaScript and Java count them."""
    return len(text.encode("utf-16-le")) // 2


def neutral(text: str) -> str:
    """Without a character that any of the chat markdowns reads: each gives way to one that looks alike.

    For receivers whose markdown has no escape that all of their clients honour. No link begins by itself.
    """
    text = at_start(text, lambda mark: mark.translate(_STARTS))
    underscore = "＿" if _is_emphasis(text) else "_"
    return text.replace("://", "：//").translate(_LOOKALIKES).replace("_", underscore)


def at_start(line: str, change: Callable[[str], str]) -> str:
    """Change what would make the line a heading, an item of a list or a rule."""
    return _BLOCK_START.sub(lambda found: change(found[0]), line)


_BLOCK_START = re.compile(r"^(#+|[-+=]+|[0-9]+[.)])(?=\s|$)")
_STARTS = str.maketrans("#-+=.)", "＃－＋＝．）")
_LOOKALIKES = str.maketrans("<>[]*`~\\@", "＜＞［］＊＇～＼＠")


def _is_emphasis(text: str) -> bool:
    """Whether an underscore stands at the edge of a word; within one it is ordinary."""
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
