"""The webhook sink against a scripted receiver: each misbehaviour has its verdict, and nothing secret comes out."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import time
import tracemalloc
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from cloudevents.core.formats.json import JSONFormat
from standardwebhooks.webhooks import Webhook

from syncd.config import WebhookSinkConfig
from syncd.model import Secret, SinkFilter
from syncd.sinks import http_client, signatures
from syncd.sinks.format import Request
from syncd.sinks.sink import Delivered, MessageTrouble, ReceiverTrouble, SendResult
from syncd.sinks.webhook import CHAT_BACKOFF, WEBHOOK_BACKOFF, WebhookSink
from tests.compshare.tls import PEM
from tests.sinks.receiver import (
    Answering,
    Receiver,
    StoppedClock,
    hanging,
    in_turn,
    receiving,
    resetting,
    saying,
    until_over,
)
from tests.sinks.samples import NOW, of_image
from tests.streams import raw_server

OLD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEW = "whsec_TmV3IHNlY3JldCwgb2YgdHdlbnR5LWZvdXIgYnl0ZXM="
OK = {
    "standard": "",
    "feishu": '{"code":0,"msg":"success"}',
    "dingtalk": '{"errcode":0}',
    "wecom": '{"errcode":0}',
    "slack": "ok",
}


class RealClock(StoppedClock):
    def now(self) -> datetime:
        return datetime.now(UTC)


def sink_for(url: str, clock: StoppedClock | None = None, **changes: Any) -> WebhookSink:
    config = WebhookSinkConfig(
        "ops", SinkFilter(), Secret(url), **{"timeout": timedelta(seconds=5), **changes}
    )
    clock = clock or StoppedClock()
    return WebhookSink(config, clock=clock, sleep=clock.sleep)


async def verdict(answer: Answering, **changes: Any) -> SendResult:
    async with receiving(answer) as receiver:
        sink = sink_for(receiver.url, **changes)
        try:
            return await sink.send([of_image()])
        finally:
            await sink.aclose()


# What is sent


async def test_every_secret_verifies_the_stored_bytes_while_rotating():
    async with receiving(saying(204)) as receiver:
        sink = sink_for(receiver.url, RealClock(), secrets=(Secret(NEW), Secret(OLD)))
        assert await sink.send([of_image(7)]) == Delivered()
        await sink.aclose()
    (seen,) = receiver.seen
    assert seen.body == of_image(7).body
    for secret in (OLD, NEW):
        assert Webhook(secret).verify(seen.body, seen.headers)["id"] == of_image(7).event_id
    assert seen.headers["content-type"] == "application/json"
    assert seen.path == urlsplit(receiver.url).path + "?key=SecretKey77"


async def test_a_cloudevents_library_reads_what_is_sent():
    async with receiving(saying(200)) as receiver:
        sink = sink_for(receiver.url, format="cloudevents")
        assert await sink.send([of_image(7)]) == Delivered()
        await sink.aclose()
    (seen,) = receiver.seen
    assert seen.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    event = from_structured_event(HTTPMessage(seen.headers, seen.body), JSONFormat())
    assert event.get_id() == seen.headers["webhook-id"] == of_image(7).event_id
    assert event.get_type() == "image.shared"
    assert event.get_source() == "urn:syncd:lab:cn-wlcb"


async def test_the_id_stays_and_the_time_is_of_the_attempt():
    clock = StoppedClock()
    async with receiving(in_turn(saying(503), saying(200))) as receiver:
        sink = sink_for(receiver.url, clock, secrets=(Secret(OLD),))
        assert isinstance(await sink.send([of_image()]), ReceiverTrouble)
        clock.passed = 3600
        assert await sink.send([of_image()]) == Delivered()
        await sink.aclose()
    first, second = receiver.seen
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 3600
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


async def test_headers_of_the_configuration_go_along_and_cannot_forge_ours():
    headers = {
        "Authorization": Secret("Bearer abc"),
        "Webhook-Id": Secret("forged"),
        "user-agent": Secret("me"),
    }
    async with receiving(saying(200)) as receiver:
        sink = sink_for(receiver.url, headers=headers)
        await sink.send([of_image()])
        await sink.aclose()
        plain = sink_for(receiver.url)
        await plain.send([of_image()])
        await plain.aclose()
    seen = receiver.seen[0].headers
    assert (seen["authorization"], seen["user-agent"]) == ("Bearer abc", "me")
    assert seen["webhook-id"] == of_image().event_id
    assert receiver.seen[1].headers["user-agent"].startswith("syncd/")
    assert receiver.seen[1].headers["accept-encoding"] == "identity"


async def test_dingtalk_signs_in_the_query_and_keeps_the_token():
    async with receiving(saying(200, OK["dingtalk"])) as receiver:
        sink = sink_for(receiver.url, format="dingtalk", secret=Secret("SECdemo"))
        assert await sink.send([of_image()]) == Delivered()
        await sink.aclose()
    query = parse_qs(urlsplit(receiver.seen[0].path).query)
    (milliseconds,) = query["timestamp"]
    assert query["key"] == ["SecretKey77"]
    assert query["sign"] == [signatures.dingtalk(Secret("SECdemo"), int(milliseconds))]


async def test_several_events_are_one_request_to_a_robot_and_an_error_elsewhere():
    items = [of_image(n, account=account) for n, account in enumerate(("lab", "alice"))]
    async with receiving(saying(200, OK["feishu"])) as receiver:
        sink = sink_for(receiver.url, format="feishu", secret=Secret("demo"))
        assert await sink.send(items) == Delivered()
        await sink.aclose()
        plain = sink_for(receiver.url)
        with pytest.raises(ValueError, match="one event at a time"):
            await plain.send(items)
        await plain.aclose()
    (seen,) = receiver.seen
    body = json.loads(seen.body)
    assert "lab, alice" in body["card"]["elements"][0]["content"]
    assert body["sign"] == signatures.feishu(Secret("demo"), int(body["timestamp"]))


def test_only_robots_wait_for_company():
    chat = sink_for("http://x.example/", format="slack", group_wait=timedelta(seconds=3))
    plain = sink_for("http://x.example/", group_wait=timedelta(seconds=3))
    assert (chat.group_wait, chat.longest_backoff) == (timedelta(seconds=3), CHAT_BACKOFF)
    assert (plain.group_wait, plain.longest_backoff) == (timedelta(0), WEBHOOK_BACKOFF)


async def test_a_message_that_cannot_be_made_is_its_own_trouble_and_is_not_sent():
    async with receiving(saying(200)) as receiver:
        sink = sink_for(receiver.url, format="template", body="{{ image.nmae }}")
        found = await sink.send([of_image()])
        await sink.aclose()
    assert isinstance(found, MessageTrouble)
    assert "nmae" in found.reason
    assert receiver.seen == []


# What an answer means


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_success(status):
    assert await verdict(saying(status)) == Delivered()


@pytest.mark.parametrize("status", [400, 413, 415, 422])
async def test_these_statuses_speak_of_the_message(status):
    found = await verdict(saying(status, "no such field"))
    assert found == MessageTrouble(f"HTTP {status}: no such field")


@pytest.mark.parametrize(
    "status", [401, 403, 404, 405, 408, 409, 418, 425, 429, 451, 500, 502, 503, 504, 599]
)
async def test_all_others_speak_of_the_receiver(status):
    found = await verdict(saying(status))
    assert isinstance(found, ReceiverTrouble)
    assert not found.gone
    assert found.reason.startswith(f"HTTP {status}")


async def test_410_alone_is_gone():
    found = await verdict(saying(410))
    assert isinstance(found, ReceiverTrouble)
    assert found.gone


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status):
    async with receiving(saying(status, location="/elsewhere")) as receiver:
        sink = sink_for(receiver.url)
        found = await sink.send([of_image()])
        await sink.aclose()
    assert isinstance(found, ReceiverTrouble)
    assert "redirect" in found.reason
    assert len(receiver.seen) == 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", timedelta(seconds=120)),
        (" 7 ", timedelta(seconds=7)),
        (format_datetime(NOW + timedelta(minutes=5), usegmt=True), timedelta(minutes=5)),
        ("Tue, 24 Nov 2026 02:43:30 -0000", timedelta(minutes=1)),
        ("99999999", timedelta(hours=24)),
        (format_datetime(NOW + timedelta(days=300), usegmt=True), timedelta(hours=24)),
        (format_datetime(NOW - timedelta(minutes=5), usegmt=True), None),
        ("0", None),
        ("-5", None),
        ("soon", None),
        ("1e9", None),
        ("9" * 400, None),
        ("Tue, 99 Nov 2026 99:99:99 GMT", None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_honoured_in_both_its_forms_and_capped(status, value, expected):
    found = await verdict(saying(status, Retry_After=value, Date=format_datetime(NOW, usegmt=True)))
    assert isinstance(found, ReceiverTrouble)
    assert found.retry_after == expected


@pytest.mark.parametrize("hours", [8, -8])
async def test_a_date_to_retry_after_is_one_of_the_receivers_clock_not_of_ours(hours):
    theirs = NOW + timedelta(hours=hours)
    later = format_datetime(theirs + timedelta(minutes=5), usegmt=True)
    found = await verdict(saying(503, Retry_After=later, Date=format_datetime(theirs, usegmt=True)))
    assert found.retry_after == timedelta(minutes=5)


async def test_a_slow_answer_is_waited_for():
    async def slow(_request: web.Request) -> web.Response:
        await asyncio.sleep(0.3)
        return web.Response()

    assert await verdict(slow) == Delivered()


async def test_no_answer_in_time_is_the_receivers_trouble():
    start = time.monotonic()
    assert await verdict(hanging, timeout=timedelta(seconds=0.3)) == ReceiverTrouble("no answer within 0.3 s")
    assert time.monotonic() - start < 2


async def test_a_connection_that_is_cut_is_the_receivers_trouble():
    async with receiving(resetting) as receiver:
        sink = sink_for(receiver.url)
        found = await sink.send([of_image()])
        await sink.aclose()
    assert isinstance(found, ReceiverTrouble)
    assert len(receiver.seen) == 1, "what was sent on a new connection is not sent again by itself"


async def test_nothing_listening_is_the_receivers_trouble():
    async with receiving(saying(200)) as receiver:
        pass
    sink = sink_for(receiver.url)
    assert await sink.send([of_image()]) == ReceiverTrouble("no connection: Connection refused")
    await sink.aclose()


async def test_an_answer_that_is_not_http_is_the_receivers_trouble():
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-OpenSSH_9.2 SecretKey77\r\n\r\n")

    async with raw_server(babble) as port:
        sink = sink_for(f"http://127.0.0.1:{port}/")
        found = await sink.send([of_image()])
        await sink.aclose()
    assert found == ReceiverTrouble("the answer is no proper HTTP")


async def test_a_stale_connection_is_replaced_once_without_a_word():
    served: set[int] = set()

    async def closing_idle_connections(request: web.Request) -> web.StreamResponse:
        if id(request.transport) in served:
            return await resetting(request)
        served.add(id(request.transport))
        return web.Response()

    async with receiving(closing_idle_connections) as receiver:
        sink = sink_for(receiver.url)
        assert await sink.send([of_image(1)]) == Delivered()
        assert await sink.send([of_image(2)]) == Delivered()
        await sink.aclose()
    assert [seen.body for seen in receiver.seen] == [of_image(n).body for n in (1, 2, 2)]
    assert len(served) == 2


async def test_connections_are_kept_for_webhooks_and_never_for_robots():
    for name, connections in (("standard", 1), ("slack", 3)):
        async with receiving(saying(200, OK[name])) as receiver:
            sink = sink_for(receiver.url, format=name)
            for n in range(3):
                assert await sink.send([of_image(n)]) == Delivered()
            await sink.aclose()
        assert [seen.headers.get("connection") == "close" for seen in receiver.seen] == [connections == 3] * 3


# Bounded memory and time


async def test_of_a_10_gb_answer_only_the_beginning_is_read(monkeypatch):
    sent = 0

    async def flood(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"Content-Length": str(10 * 1024**3)})
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 65536)
                sent += 65536
        except ConnectionError:
            return response

    tracemalloc.start()
    found = await verdict(flood, timeout=timedelta(seconds=20))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == Delivered()
    assert sent < 50 * 1024**2
    assert peak < 20 * 1024**2


@pytest.mark.parametrize("status", [200, 503])
async def test_a_gzip_bomb_is_not_unpacked(status):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join([packer.compress(bytes(1024**2)) for _ in range(200)]) + packer.flush()

    async def bombing(_request: web.Request) -> web.Response:
        return web.Response(status=status, body=bomb, headers={"Content-Encoding": "gzip"})

    tracemalloc.start()
    found = await verdict(bombing)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == (Delivered() if status == 200 else ReceiverTrouble("HTTP 503"))
    assert peak < 10 * 1024**2


async def test_an_answer_stays_packed():
    packed = zlib.compress(b"ok " * 100, wbits=31)

    async def packing(_request: web.Request) -> web.Response:
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    async with receiving(packing) as receiver:
        post = http_client.Poster(
            http_client.Receiver(Secret(receiver.url), timedelta(seconds=5)), StoppedClock()
        )
        answer = await post.post(Request(b"{}", {}))
        await post.aclose()
    assert answer.body == packed


async def test_a_status_counts_though_its_body_never_ends(monkeypatch):
    monkeypatch.setattr(http_client, "BODY_TIMEOUT", 0.2)

    async def dripping(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"errcode":')
        await until_over()
        return response

    assert await verdict(dripping) == Delivered()
    assert isinstance(await verdict(dripping, format="wecom"), ReceiverTrouble)


# Robots


def robot(name: str, code: object, words: str = "said") -> str:
    match name:
        case "feishu" | "lark":
            return json.dumps({"code": code, "msg": words})
        case _:
            return json.dumps({"errcode": code, "errmsg": words})


@pytest.mark.parametrize("name", ["feishu", "lark", "dingtalk", "wecom"])
async def test_a_robots_marker_may_be_a_number_or_a_text(name):
    for code in (0, "0"):
        assert await verdict(saying(200, robot(name, code)), format=name) == Delivered()


@pytest.mark.parametrize("name", ["feishu", "lark", "dingtalk", "wecom", "slack"])
@pytest.mark.parametrize(
    "body",
    ["", "{}", "[]", "null", "0", "<html>ok</html>", '{"code":null,"errcode":null}', '{"code":true,"errcode":false}',
     '{"code":"","errcode":"","status":""}', '{"status":0}', '{"code": 0', "okay", "\xff", "[" * 10000],
)  # fmt: skip
async def test_http_200_without_the_marker_is_the_receivers_trouble(name, body):
    assert isinstance(await verdict(saying(200, body), format=name), ReceiverTrouble)


@pytest.mark.parametrize(
    ("name", "code", "kind", "wait"),
    [
        ("feishu", 11232, ReceiverTrouble, timedelta(minutes=1)),
        ("feishu", 19021, ReceiverTrouble, None),
        ("feishu", "19022", ReceiverTrouble, None),
        ("lark", 19024, ReceiverTrouble, None),
        ("feishu", 31337, ReceiverTrouble, None),
        ("dingtalk", 130101, ReceiverTrouble, timedelta(minutes=10)),
        ("dingtalk", 310000, ReceiverTrouble, None),
        ("dingtalk", "460101", MessageTrouble, None),
        ("dingtalk", 430102, MessageTrouble, None),
        ("dingtalk", 31337, ReceiverTrouble, None),
        ("wecom", 45009, ReceiverTrouble, timedelta(minutes=1)),
        ("wecom", 40058, MessageTrouble, None),
        ("wecom", 93000, ReceiverTrouble, None),
        ("wecom", -1, ReceiverTrouble, None),
    ],
)
@pytest.mark.parametrize("status", [200, 400])
async def test_a_robots_codes_say_whose_trouble_it_is(status, name, code, kind, wait):
    found = await verdict(saying(status, robot(name, code)), format=name)
    assert type(found) is kind
    assert found.reason == f"code {code}: said"
    assert getattr(found, "retry_after", None) == wait


async def test_a_dingtalk_robot_that_is_shut_is_left_alone_for_ten_minutes():
    found = await verdict(
        saying(200, '{"status":1111,"punish":"you have been punished","wait":500}'), format="dingtalk"
    )
    assert found == ReceiverTrouble("code 1111: you have been punished", retry_after=timedelta(minutes=10))


@pytest.mark.parametrize("name", ["feishu", "dingtalk", "wecom", "slack"])
async def test_a_robots_http_statuses_count_where_its_body_says_nothing(name):
    found = await verdict(saying(429, Retry_After="30"), format=name)
    assert isinstance(found, ReceiverTrouble)
    assert found.retry_after == timedelta(seconds=30)
    assert isinstance(await verdict(saying(500, OK[name]), format=name), ReceiverTrouble)


async def test_slack_names_its_errors_in_plain_text():
    assert await verdict(saying(400, "invalid_payload"), format="slack") == MessageTrouble(
        "HTTP 400: invalid_payload"
    )
    found = await verdict(saying(404, "no_service"), format="slack")
    assert isinstance(found, ReceiverTrouble)
    assert found.reason.endswith(": no_service")


async def test_feishus_bad_request_is_the_messages_trouble_the_third_time_in_a_row():
    bad, good = saying(400, robot("feishu", 9499)), saying(200, robot("feishu", 0))
    async with receiving(in_turn(bad, bad, good, bad, bad, bad)) as receiver:
        sink = sink_for(receiver.url, format="feishu")
        found = [type(await sink.send([of_image()])) for _ in range(6)]
        await sink.aclose()
    assert found == [
        ReceiverTrouble,
        ReceiverTrouble,
        Delivered,
        ReceiverTrouble,
        ReceiverTrouble,
        MessageTrouble,
    ]


# Pace


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("feishu", [(5, 1), (100, 60)]),
        ("lark", [(5, 1), (100, 60)]),
        ("dingtalk", [(20, 60)]),
        ("wecom", [(20, 60)]),
        ("slack", [(1, 1)]),
        ("standard", []),
    ],
)
async def test_messages_stay_below_the_receivers_rate(name, limits):
    clock, times = StoppedClock(), []

    async def answer(_request: web.Request) -> web.Response:
        times.append(clock.monotonic())
        return web.Response(text=OK.get("feishu" if name == "lark" else name, ""))

    async with receiving(answer) as receiver:
        sink = sink_for(receiver.url, clock, format=name)
        for n in range(120):
            assert await sink.send([of_image(n)]) == Delivered()
        await sink.aclose()
    for count, seconds in limits:
        assert all(late - early > seconds for early, late in zip(times, times[count:], strict=False))
    assert len(times) == 120
    assert bool(clock.slept) == bool(limits)


@pytest.mark.parametrize(
    ("minute", "second", "wait"), [(0, 0, 10.0), (30, 4, 6.0), (0, 10, 0.0), (29, 59, 0.0), (15, 0, 0.0)]
)
@pytest.mark.parametrize("name", ["feishu", "dingtalk"])
async def test_feishu_is_left_alone_at_the_full_and_half_hour(name, minute, second, wait):
    clock = StoppedClock(NOW.replace(minute=minute, second=second))
    async with receiving(saying(200, OK[name])) as receiver:
        sink = sink_for(receiver.url, clock, format=name)
        assert await sink.send([of_image()]) == Delivered()
        await sink.aclose()
    assert sum(clock.slept) == (wait if name == "feishu" else 0)


# TLS and proxies


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    path = tmp_path / "server.pem"
    path.write_text(PEM)
    return path


async def test_a_certificate_is_believed_only_with_its_ca_file(certificate):
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    async with receiving(saying(200), tls) as receiver:
        doubting = sink_for(receiver.url)
        found = await doubting.send([of_image()])
        await doubting.aclose()
        trusting = sink_for(receiver.url, ca_file=certificate)
        assert await trusting.send([of_image()]) == Delivered()
        await trusting.aclose()
    assert isinstance(found, ReceiverTrouble)
    assert found.reason == "TLS: the certificate is self-signed; ca_file makes it trusted"


async def test_a_ca_file_that_went_away_is_said(tmp_path):
    sink = sink_for("https://127.0.0.1:9/", ca_file=tmp_path / "gone.pem")
    assert await sink.send([of_image()]) == ReceiverTrouble("No such file or directory")
    await sink.aclose()


async def test_the_proxy_gets_the_request_and_its_password_stays_with_it():
    async with receiving(saying(200)) as proxy:
        address = f"http://user:ProxyPassword1@{urlsplit(proxy.url).netloc}"
        sink = sink_for("http://hooks.example/in", proxy=Secret(address))
        assert await sink.send([of_image()]) == Delivered()
        await sink.aclose()
    assert proxy.seen[0].headers["host"] == "hooks.example"
    assert proxy.seen[0].headers["proxy-authorization"].startswith("Basic ")
    sink = sink_for("http://hooks.example/in", proxy=Secret(address))
    found = await sink.send([of_image()])
    await sink.aclose()
    assert found == ReceiverTrouble("the proxy cannot be reached: Connection refused")


# Secrets


def everything_secret(receiver: Receiver) -> list[str]:
    found = ["Zq7SecretPathToken9", "SecretKey77", "HeaderSecret5", "demo-secret", OLD, OLD[6:], receiver.url]
    for seen in receiver.seen:
        found += [entry.removeprefix("v1,") for entry in seen.headers.get("webhook-signature", "").split()]
        found += parse_qs(urlsplit(seen.path).query).get("sign", [])
        body = json.loads(seen.body)
        found += [body["sign"]] if "sign" in body else []
    return [value for value in found if value]


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
        found = await sink.send([of_image()])
        await sink.aclose()
    assert not isinstance(found, Delivered)
    out = "\n".join([found.reason, repr(found), repr(sink), repr(vars(sink)), caplog.text])
    leaks = [value for value in everything_secret(receiver) if value.lower() in out.lower()]
    assert leaks == []
    assert "not shown" in found.reason
    assert found.reason.startswith(("HTTP 400", "code 40058"))


@pytest.mark.parametrize("answer", [resetting, hanging])
async def test_no_failure_of_the_network_tells_the_url(answer, caplog):
    caplog.set_level(logging.DEBUG)
    found = await verdict(answer, timeout=timedelta(seconds=0.2), format="feishu")
    assert "Secret" not in f"{found} {caplog.text}"
    assert "127.0.0.1" not in str(found)


async def test_a_url_that_is_none_is_a_reason_and_not_an_exception():
    for url in ("", "not a url", "http://", "http://[SecretKey77/", "ftp://SecretKey77/"):
        sink = sink_for(url)
        found = await sink.send([of_image()])
        await sink.aclose()
        assert isinstance(found, ReceiverTrouble)
        assert "SecretKey77" not in found.reason
