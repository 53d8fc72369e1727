"""``feishu``: an interactive card to a custom robot of Feishu.

Sources: https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot and the page on a card's markdown,
which asks for special characters as numeric HTML entities.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from syncd.sinks import signatures
from syncd.sinks.chat.digest import Tone
from syncd.sinks.chat.message import Markup, Message, compose
from syncd.sinks.chat.robot_answer import Codes, interpret_codes
from syncd.sinks.format import Attempt, Format, Limit, Options, Request
from syncd.sinks.json_body import JSON_HEADERS, size_in_json, to_json
from syncd.sinks.sink import Item
from syncd.sinks.text import at_start

TEXT_LIMIT = 17_000
"""In bytes of JSON. The robot takes a body of 20 KB, which also holds a title, a frame and a signature."""

COLOURS: dict[Tone, str] = {"good": "green", "bad": "red", "careful": "orange", "plain": "blue"}

CODES = Codes(
    code="code",
    words="msg",
    slow={"11232": timedelta(minutes=1)},
    doubtful=frozenset({"9499"}),
)
"""19021 (signature or clock), 19022 (our address) and 19024 (keyword) are receiver trouble."""

_ENTITIES = str.maketrans({char: f"&#{ord(char)};" for char in "&<>*_~`[]\\|$"})


def escape(line: str) -> str:
    line = line.translate(_ENTITIES).replace("://", "&#58;//")
    return at_start(line, lambda mark: "".join(f"&#{ord(char)};" for char in mark))


MARKUP = Markup(escape=escape, bold="**{}**".format, measure=size_in_json)


def render(items: Sequence[Item], options: Options, attempt: Attempt) -> Request:
    message = compose(items, options, attempt, MARKUP, TEXT_LIMIT)
    body: dict[str, Any] = {"msg_type": "interactive", "card": _card(message)}
    if options.secret is None:
        return Request(to_json(body), JSON_HEADERS, left=message.left)
    seconds = int(attempt.now.timestamp())
    sign = signatures.feishu(options.secret, seconds)
    signed = {"timestamp": str(seconds), "sign": sign, **body}
    return Request(to_json(signed), JSON_HEADERS, signatures=(sign,), left=message.left)


def _card(message: Message) -> dict[str, Any]:
    return {
        "config": {"wide_screen_mode": True},
        "header": {
            "title": {"tag": "plain_text", "content": message.title},
            "template": COLOURS[message.tone],
        },
        "elements": [{"tag": "markdown", "content": MARKUP.block_break.join(message.blocks)}],
    }


FORMAT = Format(
    "feishu",
    render,
    partial(interpret_codes, codes=CODES),
    chat=True,
    limits=(Limit(5, 1.2), Limit(100, 62.0)),
    avoids_half_hours=True,
)
