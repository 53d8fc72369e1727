"""Which language the command line speaks, and what it says in that language.

Every text is written in English where it is made, since errors and events are stored, logged and given to programs in
English. What people read is translated at the last moment, where it is printed: `translate` finds a finished text, with
the values in it, among the templates of `syncd.cli.chinese`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Literal

from syncd.errors import UsageError

Language = Literal["en", "zh"]

VARIABLE = "SYNCD_LANGUAGE"


def translate(text: str) -> str:
    """``text``, which is English, in the language of the user; as it is where that has no words for it."""
    if not speaks_chinese():
        return text
    from syncd.cli.chinese import in_chinese

    return in_chinese(text)


@cache
def speaks_chinese() -> bool:
    """A variable that names another language is refused when the program starts: that error is told in English."""
    try:
        return choose(os.environ) == "zh"
    except UsageError:
        return False


def choose(environ: Mapping[str, str]) -> Language:
    """``SYNCD_LANGUAGE`` decides; without it the locale does, as it does for other programs. Raises UsageError."""
    named = environ.get(VARIABLE, "").lower()
    if named and named not in ("en", "zh"):
        raise UsageError(f"{VARIABLE} is {named!r}", 'set it to "zh" or "en"')
    return "zh" if (named or _of_locale(environ)).startswith("zh") else "en"


def _of_locale(environ: Mapping[str, str]) -> str:
    """The first language that is wanted. ``LANGUAGE`` is a list, which counts only where there is a locale at all."""
    variables = (environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    locale = next(filter(None, variables), "C")
    if locale.partition(".")[0] in ("C", "POSIX"):
        return ""
    return (environ.get("LANGUAGE") or locale).partition(":")[0]
