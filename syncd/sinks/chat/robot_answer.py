"""What a chat robot's answer means: it says HTTP 200 to failures too, so its body is read. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec

from syncd.sinks.format import Answer, Doubtful
from syncd.sinks.http_answer import judge_status, retry_after, words
from syncd.sinks.sink import Delivered, MessageTrouble, ReceiverTrouble, Verdict


@dataclass(frozen=True, slots=True)
class Codes:
    """A robot's body: where its code and its words stand, and what the codes mean, as strings.

    A code that is named nowhere is receiver trouble.
    """

    code: str
    words: str
    success: str | None = "0"
    slow: Mapping[str, timedelta] = field(default_factory=dict)
    """Too fast: how long to be silent."""
    refused: frozenset[str] = frozenset()
    """The message is bad."""
    doubtful: frozenset[str] = frozenset()


def judge(answer: Answer, codes: Codes) -> Verdict | Doubtful:
    """Success needs the marker: an unreadable answer is a failure, whatever its HTTP status."""
    body = _object(answer.body)
    code = _code(body, codes)
    if code is None or (code == codes.success and not _is_success(answer)):
        return _without_marker(answer)
    if code == codes.success:
        return Delivered()
    reason = f"code {code}: {words(_text(body.get(codes.words)) or 'no words')}"
    if code in codes.slow:
        return ReceiverTrouble(reason, retry_after=retry_after(answer) or codes.slow[code])
    if code in codes.refused:
        return MessageTrouble(reason)
    if code in codes.doubtful:
        return Doubtful(reason)
    return ReceiverTrouble(reason, retry_after=retry_after(answer), gone=answer.status == 410)


def has_code(answer: Answer, codes: Codes) -> bool:
    return _code(_object(answer.body), codes) is not None


def _without_marker(answer: Answer) -> Verdict:
    if _is_success(answer):
        return ReceiverTrouble(
            f"HTTP {answer.status} without the robot's answer; is the url that of a robot?"
        )
    return judge_status(answer)


def _is_success(answer: Answer) -> bool:
    return 200 <= answer.status < 300


def _object(body: bytes) -> Mapping[str, object]:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _code(body: Mapping[str, object], codes: Codes) -> str | None:
    code = _text(body.get(codes.code))
    return code if code and re.fullmatch(r"[\w-]{1,20}", code) else None


def _text(value: object) -> str | None:
    """Codes come as numbers and as strings."""
    return str(value) if isinstance(value, int | str) and not isinstance(value, bool) else None
