"""What a chat robot's answer means. Robots answer HTTP 200 to failures too, so the body is read. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec

from syncd.sinks.format import Answer, Doubtful
from syncd.sinks.http_answer import interpret_status, quoted, retry_after
from syncd.sinks.sink import Delivered, MessageTrouble, ReceiverTrouble, SendResult


@dataclass(frozen=True, slots=True)
class Codes:
    """Which fields of a robot's answer hold its code and its words, and what the codes mean. Codes are strings here.

    A code that is not listed means receiver trouble.
    """

    code: str
    words: str
    success: str | None = "0"
    slow: Mapping[str, timedelta] = field(default_factory=dict)
    """Codes that mean that we sent too fast, and how long to be silent then."""
    refused: frozenset[str] = frozenset()
    """Codes that mean that the message is bad."""
    doubtful: frozenset[str] = frozenset()
    """Codes that may mean either."""


def interpret_codes(answer: Answer, codes: Codes) -> SendResult | Doubtful:
    """Only the code for success is success: an answer that cannot be read is a failure, whatever its HTTP status."""
    body = _object(answer.body)
    code = _code(body, codes)
    if code is None or (code == codes.success and not _is_success(answer)):
        return _without_code(answer)
    if code == codes.success:
        return Delivered()
    reason = f"code {code}: {quoted(_text(body.get(codes.words)) or 'no words')}"
    if code in codes.slow:
        return ReceiverTrouble(reason, retry_after=retry_after(answer) or codes.slow[code])
    if code in codes.refused:
        return MessageTrouble(reason)
    if code in codes.doubtful:
        return Doubtful(reason)
    return ReceiverTrouble(reason, retry_after=retry_after(answer), gone=answer.status == 410)


def has_code(answer: Answer, codes: Codes) -> bool:
    return _code(_object(answer.body), codes) is not None


def _without_code(answer: Answer) -> SendResult:
    if _is_success(answer):
        return ReceiverTrouble(
            f"HTTP {answer.status} without the robot's answer; is the url that of a robot?"
        )
    return interpret_status(answer)


def _is_success(answer: Answer) -> bool:
    return 200 <= answer.status < 300


def _object(body: bytes) -> Mapping[str, object]:
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    return decoded if isinstance(decoded, dict) else {}


def _code(body: Mapping[str, object], codes: Codes) -> str | None:
    code = _text(body.get(codes.code))
    return code if code and re.fullmatch(r"[\w-]{1,20}", code) else None


def _text(value: object) -> str | None:
    """Codes may be numbers or strings."""
    return str(value) if isinstance(value, int | str) and not isinstance(value, bool) else None
