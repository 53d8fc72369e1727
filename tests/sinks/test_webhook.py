"""What a webhook sink sends, and over which connections: headers, signatures, TLS and proxies."""

from __future__ import annotations

import json
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from cloudevents.core.formats.json import JSONFormat
from standardwebhooks.webhooks import Webhook

from syncd.model import Secret
from syncd.sinks import signatures
from syncd.sinks.sink import Delivered, MessageTrouble, ReceiverTrouble
from syncd.sinks.webhook import CHAT_BACKOFF, WEBHOOK_BACKOFF
from tests.compshare.tls import PEM
from tests.sinks.receiver import (
    StoppedClock,
    in_turn,
    receiving,
    saying,
)
from tests.sinks.samples import of_image
from tests.sinks.webhooks import NEW, OK, OLD, sink_for


class RealClock(StoppedClock):
    def now(self) -> datetime:
        return datetime.now(UTC)


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
        result = await sink.send([of_image()])
        await sink.aclose()
    assert isinstance(result, MessageTrouble)
    assert "nmae" in result.reason
    assert receiver.seen == []


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
        result = await doubting.send([of_image()])
        await doubting.aclose()
        trusting = sink_for(receiver.url, ca_file=certificate)
        assert await trusting.send([of_image()]) == Delivered()
        await trusting.aclose()
    assert isinstance(result, ReceiverTrouble)
    assert result.reason == "TLS: the certificate is self-signed; ca_file makes it trusted"


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
    result = await sink.send([of_image()])
    await sink.aclose()
    assert result == ReceiverTrouble("the proxy cannot be reached: Connection refused")
