"""Reads a file as TOML, and says in which line what is wrong with it."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

from syncd import file_access
from syncd.errors import ConfigError, Fault, trouble_with

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")

STRAIGHT = {
    "“": '"', "”": '"', "„": '"', "「": '"', "」": '"', "＂": '"', "‘": "'", "’": "'", "＝": "=", "，": ",",
    "、": ",", "［": "[", "］": "]", "【": "[", "】": "]", "｛": "{", "｝": "}", "．": ".", "。": ".", "＃": "#",
    "\u3000": " ", "\u00a0": " ",
}  # fmt: skip
"""What Chinese keyboards and word processors write → what TOML wants there."""

_QUOTES = "“”„「」＂‘’"


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of the file. Raises ConfigError, which names the line that is not TOML, and MachineTrouble."""
    text = ""
    try:
        text = _read_text(path)
        return tomllib.loads(text)
    except OSError as error:
        if trouble := trouble_with(f"read {path}", error):
            raise trouble from error
        remedy = f"cannot be read: {file_access.reason(path, error)}"
        if isinstance(error, FileNotFoundError):
            remedy += "; `syncd config init` writes a commented start"
    except _NoTextError as error:
        remedy = str(error)
    except tomllib.TOMLDecodeError as error:
        remedy = f"is not TOML: {error}{_odd_character(text, str(error))}"
    except (RecursionError, ValueError):
        remedy = "is not TOML that syncd can read"
    raise ConfigError(str(path), [Fault("file", str(path), remedy)])


class _NoTextError(Exception):
    """It is no text in UTF-8. Its own text says what it is, and what to do."""


def _read_text(path: Path) -> str:
    """Raises OSError and _NoTextError."""
    with open(path, "rb", opener=_without_waiting) as file:  # Path.open takes no opener
        mode = os.fstat(file.fileno()).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise _NoTextError("is a device, not a file")
        os.set_blocking(file.fileno(), True)
        content = file.read()
    if content.startswith(_UTF16_MARKS) or b"\0" in content[:64]:
        raise _NoTextError(f"is UTF-16, but TOML must be UTF-8: {_save_as_utf8('UTF-16', path)}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _NoTextError(_encoding_problem(path, content, error.start)) from None


def _without_waiting(path: str, flags: int) -> int:
    """A pipe that nobody writes to would block for ever; one of `<(command)` has a writer already."""
    return os.open(path, flags | os.O_NONBLOCK)


def _encoding_problem(path: Path, content: bytes, start: int) -> str:
    line = content.count(b"\n", 0, start) + 1
    problem = f"line {line} is not UTF-8"
    try:
        content.decode("gb18030")
    except UnicodeDecodeError:
        return f"{problem}: save the file as UTF-8"
    return f"{problem}, but probably GBK: {_save_as_utf8('GB18030', path)}"


def _save_as_utf8(encoding: str, path: Path) -> str:
    return f"save the file as UTF-8, or convert it: iconv -f {encoding} -t UTF-8 {path} > new.toml"


def _odd_character(text: str, message: str) -> str:
    """The full-width character that TOML stumbled over, with what belongs there; "" if it was something else.

    Without a place, the end of the text was not expected.
    """
    place = _PLACE.search(message)
    written = text.split("\n")[int(place[1]) - 1 if place else -1]
    at = written[int(place[2]) - 1 : int(place[2])] if place else ""
    odd = at if at in STRAIGHT else next((quote for quote in written if quote in _QUOTES), "")
    if not odd:
        return ""
    shown = odd if odd.isprintable() and not odd.isspace() else f"a special space (U+{ord(odd):04X})"
    return f"; there is {shown} in that line, where TOML wants {STRAIGHT[odd]}"
