"""``wecom``: a markdown message to a group robot of WeCom (WeChat Work).

Source: https://developer.work.weixin.qq.com/document/path/91770
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from syncd.sinks.chat.message import Markup, compose
from syncd.sinks.chat.robot_answer import Codes, interpret_codes
from syncd.sinks.format import Attempt, Format, Limit, Options, Request
from syncd.sinks.json_body import JSON_HEADERS, to_json
from syncd.sinks.sink import Item
from syncd.sinks.text import short_in_bytes, size_in_bytes, without_markup

CONTENT_LIMIT = 4096
"""In bytes of UTF-8, with the headline."""
HEADLINE_LIMIT = 600
"""In bytes of UTF-8."""

CODES = Codes(
    code="errcode",
    words="errmsg",
    slow={"45009": timedelta(minutes=1)},
    refused=frozenset({"40058", "44004", "45002"}),
)
"""Refused are: invalid, empty, too long. 93000 (no such robot) is receiver trouble."""

MARKUP = Markup(escape=without_markup, bold="**{}**".format, measure=size_in_bytes)


def render(items: Sequence[Item], options: Options, attempt: Attempt) -> Request:
    frame = size_in_bytes(MARKUP.bold("") + MARKUP.block_break)
    message = compose(items, options, attempt, MARKUP, CONTENT_LIMIT - HEADLINE_LIMIT - frame)
    headline = short_in_bytes(f"{message.prefix} {without_markup(message.headline)}".strip(), HEADLINE_LIMIT)
    content = MARKUP.block_break.join([MARKUP.bold(headline), *message.blocks])
    body = {"msgtype": "markdown", "markdown": {"content": content}}
    return Request(to_json(body), JSON_HEADERS, left=message.left)


FORMAT = Format("wecom", render, partial(interpret_codes, codes=CODES), chat=True, limits=(Limit(20, 62.0),))
