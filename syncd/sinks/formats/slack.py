"""``slack``: blocks to an incoming webhook of Slack.

Source: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from syncd.sinks.chat.message import Markup, compose
from syncd.sinks.format import Answer, Attempt, Format, Limit, Options, Request
from syncd.sinks.http_answer import judge_status, said
from syncd.sinks.json_body import JSON_HEADERS, to_json
from syncd.sinks.sink import Delivered, Item, ReceiverTrouble, Verdict
from syncd.sinks.text import neutral, size_in_utf16

SECTION_LIMIT = 3000
"""Characters of a section; every image has one, and a message has room for 50."""
TEXT_LIMIT = 30_000
"""Characters of all of them: what a person may read, and below what Slack takes."""


def entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def escape(line: str) -> str:
    """``& < >`` as Slack asks; for its other signs it knows no escape."""
    return neutral(entities(line))


MARKUP = Markup(escape=escape, bold="*{}*".format, measure=size_in_utf16, block_limit=SECTION_LIMIT)


def render(items: Sequence[Item], options: Options, attempt: Attempt) -> Request:
    message = compose(items, options, attempt, MARKUP, TEXT_LIMIT)
    headline = f"{entities(message.prefix)} {escape(message.headline)}".strip()
    blocks = [_section(text) for text in (MARKUP.bold(headline), *message.blocks)]
    return Request(to_json({"text": headline, "blocks": blocks}), JSON_HEADERS)


def judge(answer: Answer) -> Verdict:
    """200 and "ok" is success; other answers are the name of an error in plain text."""
    verdict = judge_status(answer)
    if verdict == Delivered() and answer.body.strip() != b"ok":
        return ReceiverTrouble(f"HTTP {answer.status} without Slack's ok{said(answer)}")
    return verdict


def _section(text: str) -> dict[str, Any]:
    """``verbatim``: no link, channel or person is guessed in the text."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


FORMAT = Format("slack", render, judge, chat=True, limits=(Limit(1, 1.1),))
