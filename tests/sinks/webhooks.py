"""Webhook sinks for tests, and what became of one event that was sent to a scripted receiver."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from syncd.config import WebhookSinkConfig
from syncd.model import Secret, SinkFilter
from syncd.sinks.sink import SendResult
from syncd.sinks.webhook import WebhookSink
from tests.sinks.receiver import (
    Answering,
    StoppedClock,
    receiving,
)
from tests.sinks.samples import of_image

OLD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEW = "whsec_TmV3IHNlY3JldCwgb2YgdHdlbnR5LWZvdXIgYnl0ZXM="
OK = {
    "standard": "",
    "feishu": '{"code":0,"msg":"success"}',
    "dingtalk": '{"errcode":0}',
    "wecom": '{"errcode":0}',
    "slack": "ok",
}


def sink_for(url: str, clock: StoppedClock | None = None, **changes: Any) -> WebhookSink:
    config = WebhookSinkConfig(
        "ops", SinkFilter(), Secret(url), **{"timeout": timedelta(seconds=5), **changes}
    )
    clock = clock or StoppedClock()
    return WebhookSink(config, clock=clock, sleep=clock.sleep)


async def result_of(answer: Answering, **changes: Any) -> SendResult:
    async with receiving(answer) as receiver:
        sink = sink_for(receiver.url, **changes)
        try:
            return await sink.send([of_image()])
        finally:
            await sink.aclose()


def robot(name: str, code: object, words: str = "said") -> str:
    match name:
        case "feishu" | "lark":
            return json.dumps({"code": code, "msg": words})
        case _:
            return json.dumps({"errcode": code, "errmsg": words})
