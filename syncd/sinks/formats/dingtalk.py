"""``dingtalk``: a markdown message to a custom robot of DingTalk.

Source: https://open.dingtalk.com/document/robots/custom-robot-access
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import timedelta

from syncd.sinks import signatures
from syncd.sinks.chat.message import Markup, Message, compose
from syncd.sinks.chat.robot_answer import Codes, has_code, interpret_codes
from syncd.sinks.format import Answer, Attempt, Doubtful, Format, Limit, Options, Request
from syncd.sinks.json_body import JSON_HEADERS, size_in_json, to_json
from syncd.sinks.sink import Item, SendResult
from syncd.sinks.text import without_markup

TEXT_LIMIT = 16_000
"""In bytes of JSON. The robot takes about 20 kB, and the headline stands in the body twice."""

BLOCKED = timedelta(minutes=10)
"""How long DingTalk blocks a robot that sent too fast."""

CODES = Codes(
    code="errcode",
    words="errmsg",
    slow={"130101": BLOCKED, "410100": BLOCKED, "1111": BLOCKED},
    refused=frozenset({"460101", "40035", "430101", "430102", "430103", "430104"}),
)
"""Refused are: too long, not a valid message, and four kinds of content that DingTalk's censorship stops.
310000 (signature, keyword or address) is receiver trouble."""

BLOCK_CODES = Codes(code="status", words="punish", success=None, slow={"1111": BLOCKED})
"""A blocked robot answers in another shape."""

MARKUP = Markup(escape=without_markup, bold="**{}**".format, measure=size_in_json, line_break="  \n")
"""In its clients a line feed alone does not break the line."""


def render(items: Sequence[Item], options: Options, attempt: Attempt) -> Request:
    message = compose(items, options, attempt, MARKUP, TEXT_LIMIT)
    headline = f"{message.prefix} {without_markup(message.headline)}".strip()
    body = {
        "msgtype": "markdown",
        "markdown": {"title": headline, "text": _text(headline, message)},
        "at": {"isAtAll": False},
        "msgUuid": message_id(message.shown),
    }
    if options.secret is None:
        return Request(to_json(body), JSON_HEADERS, left=message.left)
    milliseconds = int(attempt.now.timestamp() * 1000)
    sign = signatures.dingtalk(options.secret, milliseconds)
    query = {"timestamp": str(milliseconds), "sign": sign}
    return Request(to_json(body), JSON_HEADERS, query, (sign,), message.left)


def message_id(event_ids: Iterable[str]) -> str:
    """The robot shows a message with the same id only once, so a retry after a lost answer is not seen twice."""
    return hashlib.sha256("\n".join(event_ids).encode()).hexdigest()[:32]


def _text(headline: str, message: Message) -> str:
    return MARKUP.block_break.join([f"#### {headline}", *message.blocks])


def interpret(answer: Answer) -> SendResult | Doubtful:
    return interpret_codes(answer, CODES if has_code(answer, CODES) else BLOCK_CODES)


FORMAT = Format("dingtalk", render, interpret, chat=True, limits=(Limit(20, 62.0),))
