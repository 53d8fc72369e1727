"""Nothing secret comes out of a webhook sink, whatever its receiver answers."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from syncd.model import Secret
from syncd.sinks.sink import Delivered, ReceiverTrouble
from tests.sinks.receiver import (
    Receiver,
    hanging,
    receiving,
    resetting,
)
from tests.sinks.samples import of_image
from tests.sinks.webhooks import OLD, result_of, robot, sink_for


def everything_secret(receiver: Receiver) -> list[str]:
    result = [
        "Zq7SecretPathToken9",
        "SecretKey77",
        "HeaderSecret5",
        "demo-secret",
        OLD,
        OLD[6:],
        receiver.url,
    ]
    for seen in receiver.seen:
        result += [entry.removeprefix("v1,") for entry in seen.headers.get("webhook-signature", "").split()]
        result += parse_qs(urlsplit(seen.path).query).get("sign", [])
        body = json.loads(seen.body)
        result += [body["sign"]] if "sign" in body else []
    return [value for value in result if value]


def echoes(seen: Mapping[str, Any]) -> list[str]:
    """Ways in which a receiver might repeat what it got."""
    text = json.dumps(seen)
    return [
        text,
        text.replace("/", "\\/"),
        text.replace("=", "%3D").replace("+", "%2B"),
        json.dumps(text),
        text.upper(),
    ]


@pytest.mark.parametrize("name", ["standard", "feishu", "dingtalk", "wecom", "slack"])
@pytest.mark.parametrize("style", range(5))
async def test_a_receiver_that_repeats_secrets_is_not_quoted(name, style, caplog):
    caplog.set_level(logging.DEBUG)

    async def parrot(request: web.Request) -> web.Response:
        seen = {
            "url": str(request.url),
            "headers": dict(request.headers),
            "body": (await request.read()).decode(),
        }
        echo = echoes(seen)[style]
        said = echo if name in ("standard", "slack") else robot(name, 40058, echo)
        return web.Response(status=400, text=said, content_type="text/plain")

    async with receiving(parrot) as receiver:
        sink = sink_for(
            receiver.url,
            format=name,
            secrets=(Secret(OLD),),
            secret=Secret("demo-secret"),
            headers={"X-Token": Secret("HeaderSecret5")},
        )
        result = await sink.send([of_image()])
        await sink.aclose()
    assert not isinstance(result, Delivered)
    out = "\n".join([result.reason, repr(result), repr(sink), repr(vars(sink)), caplog.text])
    leaks = [value for value in everything_secret(receiver) if value.lower() in out.lower()]
    assert leaks == []
    assert "not shown" in result.reason
    assert result.reason.startswith(("HTTP 400", "code 40058"))


@pytest.mark.parametrize("answer", [resetting, hanging])
async def test_no_failure_of_the_network_tells_the_url(answer, caplog):
    caplog.set_level(logging.DEBUG)
    result = await result_of(answer, timeout=timedelta(seconds=0.2), format="feishu")
    assert "Secret" not in f"{result} {caplog.text}"
    assert "127.0.0.1" not in str(result)


async def test_a_url_that_is_none_is_a_reason_and_not_an_exception():
    for url in ("", "not a url", "http://", "http://[SecretKey77/", "ftp://SecretKey77/"):
        sink = sink_for(url)
        result = await sink.send([of_image()])
        await sink.aclose()
        assert isinstance(result, ReceiverTrouble)
        assert "SecretKey77" not in result.reason
