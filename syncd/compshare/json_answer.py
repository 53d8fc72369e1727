"""Reads the JSON of an answer: its RetCode and top-level fields. What is no answer never passes as an empty list."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from syncd.compshare.retcodes import failure
from syncd.errors import ProtocolError

EXCERPT = 80
"""How many characters of an answer that is not CompShare's an error shows."""
MESSAGE = 300
"""How many characters of the API's message an error shows."""

_decode = msgspec.json.Decoder().decode
_top_level = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_DIGITS = re.compile(r"-?[0-9]{1,18}")


def successful_fields(body: bytes) -> dict[str, msgspec.Raw]:
    """The top-level fields of a successful answer, each as received. Raises the ApiError that its RetCode means."""
    fields: dict[str, msgspec.Raw] = decoded(_top_level, body)
    code = integer(value(fields.get("RetCode")))
    if code is None:
        raise ProtocolError(f"the answer has no RetCode: {excerpt(body)}", NOT_COMPSHARE)
    if code:
        raise failure(code, message_of(fields))
    return fields


NOT_COMPSHARE = "check that api.base_url is a CompShare gateway and no proxy answers in its place"


def decoded(decode: Callable[[bytes], Any], body: bytes) -> Any:
    """Decode; if that fails, mend the body first: half surrogate pairs, and bytes that are not UTF-8."""
    try:
        return decode(body)
    except msgspec.ValidationError:
        raise ProtocolError(f"the answer has an unexpected shape: {excerpt(body)}", NOT_COMPSHARE) from None
    except RecursionError:
        raise ProtocolError("the answer is nested too deeply", NOT_COMPSHARE) from None
    except ValueError:
        try:
            return decode(mended(body))
        except (ValueError, RecursionError):
            raise ProtocolError(f"the answer is not JSON: {excerpt(body)}", NOT_COMPSHARE) from None


def value(raw: msgspec.Raw | None) -> Any:
    """One field, decoded; None if it is absent. What cannot be decoded is given back as it is."""
    if raw is None:
        return None
    try:
        return _decode(raw)
    except (ValueError, RecursionError):
        return _lenient(bytes(raw))


def mended(body: bytes) -> bytes:
    """The same JSON without half surrogate pairs, bytes that are not UTF-8, and a byte order mark. Raises ValueError.

    Numbers that JSON or a double cannot hold become text, so that they count as unreadable.
    """
    text = body.decode("utf-8-sig", "replace")
    parsed = json.loads(text, parse_float=_finite, parse_int=_short, parse_constant=str)
    return json.dumps(parsed, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def integer(given: Any) -> int | None:
    """An int, also if it comes as digits; None for everything else, booleans too."""
    if isinstance(given, bool):
        return None
    if isinstance(given, str) and _DIGITS.fullmatch(given):
        return int(given)
    return given if isinstance(given, int) else None


def message_of(fields: Mapping[str, msgspec.Raw]) -> str:
    message = value(fields.get("Message"))
    return printable(message, MESSAGE) if isinstance(message, str) else ""


def excerpt(body: bytes) -> str:
    """The start of an answer as one short printable line in quotes."""
    return repr(printable(body[: 4 * EXCERPT].decode("utf-8", "replace"), EXCERPT)) if body else "nothing"


def printable(text: str, limit: int) -> str:
    """One line without control characters, cut at ``limit``."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text[: 4 * limit]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _lenient(raw: bytes) -> Any:
    try:
        return json.loads(mended(raw))
    except (ValueError, RecursionError):
        return raw


def _finite(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _short(text: str) -> int | str:
    return int(text) if len(text) < 400 else text
