"""What an answer to a webhook means: each misbehaviour of a receiver has its result, in bounded memory and time."""

from __future__ import annotations

import asyncio
import time
import tracemalloc
import zlib
from datetime import timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web

from syncd.model import Secret
from syncd.sinks import http_client
from syncd.sinks.format import Request
from syncd.sinks.sink import Delivered, MessageTrouble, ReceiverTrouble
from tests.sinks.receiver import (
    StoppedClock,
    hanging,
    receiving,
    resetting,
    saying,
    until_over,
)
from tests.sinks.samples import NOW, of_image
from tests.sinks.webhooks import OK, result_of, sink_for
from tests.streams import raw_server


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_success(status):
    assert await result_of(saying(status)) == Delivered()


@pytest.mark.parametrize("status", [400, 413, 415, 422])
async def test_these_statuses_speak_of_the_message(status):
    result = await result_of(saying(status, "no such field"))
    assert result == MessageTrouble(f"HTTP {status}: no such field")


@pytest.mark.parametrize(
    "status", [401, 403, 404, 405, 408, 409, 418, 425, 429, 451, 500, 502, 503, 504, 599]
)
async def test_all_others_speak_of_the_receiver(status):
    result = await result_of(saying(status))
    assert isinstance(result, ReceiverTrouble)
    assert not result.gone
    assert result.reason.startswith(f"HTTP {status}")


async def test_410_alone_is_gone():
    result = await result_of(saying(410))
    assert isinstance(result, ReceiverTrouble)
    assert result.gone


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status):
    async with receiving(saying(status, location="/elsewhere")) as receiver:
        sink = sink_for(receiver.url)
        result = await sink.send([of_image()])
        await sink.aclose()
    assert isinstance(result, ReceiverTrouble)
    assert "redirect" in result.reason
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
    result = await result_of(saying(status, Retry_After=value, Date=format_datetime(NOW, usegmt=True)))
    assert isinstance(result, ReceiverTrouble)
    assert result.retry_after == expected


@pytest.mark.parametrize("hours", [8, -8])
async def test_a_date_to_retry_after_is_one_of_the_receivers_clock_not_of_ours(hours):
    theirs = NOW + timedelta(hours=hours)
    later = format_datetime(theirs + timedelta(minutes=5), usegmt=True)
    result = await result_of(saying(503, Retry_After=later, Date=format_datetime(theirs, usegmt=True)))
    assert result.retry_after == timedelta(minutes=5)


async def test_a_slow_answer_is_waited_for():
    async def slow(_request: web.Request) -> web.Response:
        await asyncio.sleep(0.3)
        return web.Response()

    assert await result_of(slow) == Delivered()


async def test_no_answer_in_time_is_the_receivers_trouble():
    start = time.monotonic()
    assert await result_of(hanging, timeout=timedelta(seconds=0.3)) == ReceiverTrouble(
        "no answer within 0.3 s"
    )
    assert time.monotonic() - start < 2


async def test_a_connection_that_is_cut_is_the_receivers_trouble():
    async with receiving(resetting) as receiver:
        sink = sink_for(receiver.url)
        result = await sink.send([of_image()])
        await sink.aclose()
    assert isinstance(result, ReceiverTrouble)
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
        result = await sink.send([of_image()])
        await sink.aclose()
    assert result == ReceiverTrouble("the answer is not valid HTTP")


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
    result = await result_of(flood, timeout=timedelta(seconds=20))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert result == Delivered()
    assert sent < 50 * 1024**2
    assert peak < 20 * 1024**2


@pytest.mark.parametrize("status", [200, 503])
async def test_a_gzip_bomb_is_not_unpacked(status):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join([packer.compress(bytes(1024**2)) for _ in range(200)]) + packer.flush()

    async def bombing(_request: web.Request) -> web.Response:
        return web.Response(status=status, body=bomb, headers={"Content-Encoding": "gzip"})

    tracemalloc.start()
    result = await result_of(bombing)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert result == (Delivered() if status == 200 else ReceiverTrouble("HTTP 503"))
    assert peak < 10 * 1024**2


async def test_an_answer_stays_packed():
    packed = zlib.compress(b"ok " * 100, wbits=31)

    async def packing(_request: web.Request) -> web.Response:
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    async with receiving(packing) as receiver:
        post = http_client.HttpClient(
            http_client.Destination(Secret(receiver.url), timedelta(seconds=5)), StoppedClock()
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

    assert await result_of(dripping) == Delivered()
    assert isinstance(await result_of(dripping, format="wecom"), ReceiverTrouble)
