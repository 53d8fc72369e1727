"""``slack``: blocks to an incoming webhook of Slack.

Source: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from syncd.sinks.chat.message import Markup, compose
from syncd.sinks.format import Answer, Attempt, Format, Limit, Options, Request
from syncd.sinks.http_answer import interpret_status, quoted_body
from syncd.sinks.json_body import JSON_HEADERS, to_json
from syncd.sinks.sink import Delivered, Item, ReceiverTrouble, SendResult
from syncd.sinks.text import size_in_utf16, without_markup

SECTION_LIMIT = 3000
"""In characters of one section. Every image has one, and a message has room for 50."""
TEXT_LIMIT = 30_000
"""In characters of all sections: as much as a person may read, and less than Slack takes."""


def entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def escape(line: str) -> str:
    """Escapes ``& < >`` as Slack asks. Slack has no escape for its other markup."""
    return without_markup(entities(line))


def link(text: str, url: str) -> str:
    return f"<{url}|{text}>"


MARKUP = Markup(
    escape=escape, bold="*{}*".format, measure=size_in_utf16, link=link, block_limit=SECTION_LIMIT
)


def render(items: Sequence[Item], options: Options, attempt: Attempt) -> Request:
    message = compose(items, options, attempt, MARKUP, TEXT_LIMIT)
    headline = f"{entities(message.prefix)} {escape(message.headline)}".strip()
    blocks = [_section(text) for text in (MARKUP.bold(headline), *message.blocks)]
    return Request(to_json({"text": headline, "blocks": blocks}), JSON_HEADERS, left=message.left)


def interpret(answer: Answer) -> SendResult:
    """Status 200 with "ok" is success. Other answers are the name of an error in plain text."""
    result = interpret_status(answer)
    if result == Delivered() and answer.body.strip() != b"ok":
        return ReceiverTrouble(f"HTTP {answer.status} without Slack's ok{quoted_body(answer)}")
    return result


def _section(text: str) -> dict[str, Any]:
    """``verbatim`` keeps Slack from guessing links, channels and people in the text."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


FORMAT = Format("slack", render, interpret, chat=True, limits=(Limit(1, 1.1),))
