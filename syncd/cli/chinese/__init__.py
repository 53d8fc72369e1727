"""The catalogue of the command line: English texts and what they are in Chinese.

A text with values is a template, with {0}, {1}, … for the values in their English order. {0:text} says that the value
is a text too, and is translated; any other stays as it is, since names, ids and keys are the same in each language.
`tests/cli/test_catalogue.py` names each text of the program that is missing here, and each entry that nothing uses.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from syncd.cli.chinese.click_texts import CLICK
from syncd.cli.chinese.configuration import CONFIGURATION
from syncd.cli.chinese.doctor import DOCTOR
from syncd.cli.chinese.errors import ERRORS
from syncd.cli.chinese.help import HELP
from syncd.cli.chinese.output import OUTPUT
from syncd.cli.chinese.words import WORDS
from syncd.sinks.chat import chinese_errors

TEXTS = WORDS | CLICK | CONFIGURATION | DOCTOR | ERRORS | HELP | OUTPUT

SHORT = 6
"""Templates with fewer characters, such as "{0} s", fit the end of many another text: they are tried last."""

_HOLE = re.compile(r"\{(\d+)(:text)?\}")


class Template(NamedTuple):
    pieces: tuple[str, ...]
    """What stands before, between and after the values."""
    chinese: str

    @property
    def length(self) -> int:
        """Characters of its own."""
        return sum(map(len, self.pieces))


@cache
def in_chinese(text: str) -> str:
    """``text`` in Chinese; as it is, if it is not known."""
    if (known := TEXTS.get(text)) is not None:
        return known
    said = _among(_templates(), text, SHORT) or chinese_errors.in_chinese(text)
    return said or _among(_templates(), text, 0) or text


def _among(templates: Sequence[Template], text: str, least: int) -> str:
    """The text by the first template that fits and has ``least`` characters of its own; "" if there is none."""
    for template in templates:
        if template.length < least:
            break
        if (values := match(template.pieces, text)) is not None:
            return _fill(template.chinese, values)
    return ""


@cache
def _templates() -> list[Template]:
    """Those with the most words of their own come first: "{0}: {1} faults" fits much."""
    templates = [
        Template(tuple(unescape(piece) for piece in split(english)), chinese)
        for english, chinese in TEXTS.items()
        if "{0}" in english
    ]
    return sorted(templates, key=lambda template: template.length, reverse=True)


def split(template: str) -> list[str]:
    """The pieces around the holes."""
    return re.split(r"\{\d+\}", template)


def unescape(text: str) -> str:
    return text.replace("{{", "{").replace("}}", "}")


def match(pieces: tuple[str, ...], text: str) -> list[str] | None:
    """The values of a text that was made from the template; None if it was not."""
    first, *between, last = pieces
    if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
        return None
    rest = text[len(first) : len(text) - len(last)]
    values = []
    for piece in between:
        value, found, rest = rest.partition(piece)
        if not found:
            return None
        values.append(value)
    return [*values, rest]


def _fill(chinese: str, values: list[str]) -> str:
    def value(hole: re.Match[str]) -> str:
        return in_chinese(values[int(hole[1])]) if hole[2] else values[int(hole[1])]

    return unescape(_HOLE.sub(value, chinese))
