"""What networks, proxies and strange servers do to a request."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from syncd.compshare.client import SHARING, CompShare
from syncd.compshare.json_answer import successful_fields
from syncd.compshare.signature import sign
from syncd.errors import ApiError, Misconfigured, ProtocolError, Transient
from syncd.model import Secret
from tests.streams import raw_server

from .clients import EMPTY, PRIVATE, PUBLIC, client_for, http, read_request
from .tls import PEM


async def ask(cloud: CompShare) -> object:
    async with cloud:
        return await cloud.call(SHARING, {"Region": "cn-wlcb", "Limit": 100, "Offset": 0}, successful_fields)


async def failing(cloud: CompShare) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await ask(cloud)
    return caught.value


def serving(answer: bytes, requests: list[bytes] | None = None) -> Callable[..., object]:
    """Answers every request of a connection alike."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await read_request(reader):
            if requests is not None:
                requests.append(request)
            writer.write(answer)
            await writer.drain()

    return handle


def url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_what_is_sent_is_a_signed_form_that_asks_for_no_compression() -> None:
    requests: list[bytes] = []
    async with raw_server(serving(EMPTY, requests)) as port:
        cloud, _, _ = client_for(url(port), project_id="org-我的&x=1")
        await ask(cloud)
    head, _, body = requests[0].partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    assert lines[0] == "post / http/1.1"
    assert "content-type: application/x-www-form-urlencoded" in lines
    assert "accept-encoding: identity" in lines
    form = dict(parse_qsl(body.decode(), strict_parsing=True))
    assert form.pop("Signature") == sign(form, PRIVATE)
    assert form == {
        "Action": SHARING, "PublicKey": PUBLIC, "Region": "cn-wlcb", "ProjectId": "org-我的&x=1",
        "Limit": "100", "Offset": "0",
    }  # fmt: skip


async def test_a_base_url_with_a_path_keeps_it() -> None:
    requests: list[bytes] = []
    async with raw_server(serving(EMPTY, requests)) as port:
        await ask(client_for(url(port) + "/gateway")[0])
    assert requests[0].startswith(b"POST /gateway HTTP/1.1")


async def test_a_refused_connection_is_transient_and_named() -> None:
    error = await failing(client_for(url(unused_port()), retries=0)[0])
    assert type(error) is Transient
    assert error.message == f"{SHARING} in cn-wlcb: no connection: Connection refused"


async def test_a_name_that_does_not_resolve_is_transient_and_named() -> None:
    error = await failing(client_for("http://no-such-host.invalid", retries=0)[0])
    assert type(error) is Transient
    assert "cannot be resolved" in error.message


async def test_a_redirect_is_not_followed() -> None:
    requests: list[bytes] = []
    answer = http(b"", "302 Found", Location="http://127.0.0.1:1/?Signature=steal")
    async with raw_server(serving(answer, requests)) as port:
        error = await failing(client_for(url(port))[0])
    assert type(error) is ProtocolError
    assert error.message.endswith("HTTP 302: nothing")
    assert len(requests) == 1


async def test_an_encoded_answer_is_refused_unread() -> None:
    async with raw_server(serving(http(b"\x1f\x8b\x08 not even gzip", Content_Encoding="gzip"))) as port:
        error = await failing(client_for(url(port))[0])
    assert type(error) is ProtocolError
    assert "the answer is compressed" in error.message


async def test_what_is_no_http_is_a_protocol_error() -> None:
    async with raw_server(serving(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")) as port:
        error = await failing(client_for(url(port), retries=0)[0])
    assert type(error) is ProtocolError
    assert error.message.endswith("the answer is not HTTP")


async def test_a_body_cut_short_is_transient() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(EMPTY[:-10])
        await writer.drain()

    async with raw_server(handle) as port:
        error = await failing(client_for(url(port), retries=0)[0])
    assert type(error) is Transient
    assert error.message.endswith("the answer broke off")


async def test_a_stale_kept_alive_connection_costs_one_retry() -> None:
    served = 0

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one request of a connection and hangs up on the next."""
        nonlocal served
        await read_request(reader)
        served += 1
        writer.write(EMPTY)
        await writer.drain()
        await read_request(reader)

    async with raw_server(once) as port:
        cloud, waits, records = client_for(url(port))
        async with cloud:
            await cloud.list_images("cn-wlcb", {})
            await cloud.list_images("cn-wlcb", {})
    assert [record.outcome for record in records] == ["ok", "transient", "ok"]
    assert served == 2
    assert max(waits.seconds) < 1


async def test_more_than_32_mib_without_a_length_is_not_gathered() -> None:
    sent = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"100000\r\n" + b" " * 2**20 + b"\r\n"
        for _ in range(200):
            writer.write(chunk)
            await writer.drain()
            sent += 1

    async with raw_server(flood) as port:
        error = await failing(client_for(url(port), retries=0)[0])
    assert error.message.endswith("the answer is larger than 32 MiB")
    assert sent < 60


async def test_a_length_beyond_32_mib_is_refused_before_a_byte_of_it_comes() -> None:
    async with raw_server(serving(b"HTTP/1.1 200 OK\r\nContent-Length: 33554433\r\n\r\n")) as port:
        error = await failing(client_for(url(port), retries=0, timeout=timedelta(seconds=2))[0])
    assert error.message.endswith("the answer is larger than 32 MiB")


async def test_exactly_32_mib_are_read() -> None:
    body = b'{"RetCode":0,"TotalCount":0}'.ljust(32 * 2**20)
    async with raw_server(serving(http(body))) as port:
        assert await ask(client_for(url(port))[0])


@pytest.mark.parametrize("value", [b"{}", b"1", b'{"a":"\xff"}'])
async def test_an_answer_of_millions_of_values_is_refused_undecoded(value: bytes) -> None:
    def never(_: bytes) -> object:
        raise AssertionError("decoded")

    many = b'{"RetCode":0,"TotalCount":1,"ImageSet":[' + b",".join([value] * 1_000_000) + b"]}"
    async with raw_server(serving(http(many))) as port, client_for(url(port), retries=0)[0] as cloud:
        with pytest.raises(ProtocolError, match="more values than a list of images can have"):
            await cloud.call(SHARING, {"Region": "cn-wlcb"}, never)


async def test_a_list_of_thousands_of_images_in_one_page_is_read() -> None:
    row = (
        b'{"CompShareImageId":"i",' + b",".join(b'"F%d":%d' % (number, number) for number in range(60)) + b"}"
    )
    page = b'{"RetCode":0,"TotalCount":1,"ImageSet":[' + b",".join([row] * 5000) + b"]}"
    async with raw_server(serving(http(page))) as port:
        assert await ask(client_for(url(port))[0])


async def test_a_certificate_that_nobody_trusts_is_told_with_the_remedy(tmp_path: Path) -> None:
    async with raw_server(serving(EMPTY), ssl=server_context(tmp_path)) as port:
        error = await failing(client_for(f"https://127.0.0.1:{port}", retries=0)[0])
    assert type(error) is Transient
    assert error.message.endswith("the server's certificate is not trusted")
    assert "api.ca_file" in error.hint


async def test_a_ca_file_makes_it_trusted(tmp_path: Path) -> None:
    async with raw_server(serving(EMPTY), ssl=server_context(tmp_path)) as port:
        assert await ask(client_for(f"https://127.0.0.1:{port}", ca_file=tmp_path / "both.pem")[0])


async def test_tls_towards_a_plain_server_is_transient() -> None:
    async with raw_server(serving(EMPTY)) as port:
        error = await failing(
            client_for(f"https://127.0.0.1:{port}", retries=0, timeout=timedelta(seconds=0.3))[0]
        )
    assert type(error) is Transient


@pytest.mark.parametrize("content", [None, "not a certificate"])
async def test_a_ca_file_that_cannot_be_read_is_the_configurations_fault(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    error = await failing(client_for("https://127.0.0.1:1", ca_file=path)[0])
    assert type(error) is Misconfigured
    assert str(path) in error.message


# Proxies


async def test_a_proxy_gets_the_request_and_its_own_credentials() -> None:
    requests: list[bytes] = []
    async with raw_server(serving(EMPTY, requests)) as port:
        await ask(client_for("http://api.example", proxy=Secret(f"http://me:pa%40ss@127.0.0.1:{port}"))[0])
    assert requests[0].startswith(b"POST http://api.example/ HTTP/1.1")
    assert b"Proxy-Authorization: Basic bWU6cGFAc3M=" in requests[0]


@pytest.mark.parametrize("base_url", ["http://api.example", "https://api.example"])
async def test_a_proxy_that_cannot_be_reached_is_named_without_its_credentials(base_url: str) -> None:
    proxy = Secret(f"http://me:hunter2@127.0.0.1:{unused_port()}")
    error = await failing(client_for(base_url, proxy=proxy, retries=0)[0])
    assert type(error) is Transient
    assert error.message.endswith("the proxy cannot be reached: Connection refused")
    assert "hunter2" not in repr(error) + error.hint


@pytest.mark.parametrize(
    ("base_url", "status", "kind"),
    [
        ("https://api.example", "407 Proxy Authentication Required", Misconfigured),
        ("http://api.example", "407 Proxy Authentication Required", Misconfigured),
        ("https://api.example", "503 Busy", Transient),
        ("http://api.example", "503 Busy", Transient),
    ],
)
async def test_a_proxy_that_refuses(base_url: str, status: str, kind: type[ApiError]) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(http(b"", status, Connection="close"))
        await writer.drain()

    async with raw_server(refuse) as port:
        error = await failing(client_for(base_url, proxy=Secret(url(port)), retries=0)[0])
    assert type(error) is kind
    assert status[:3] in error.message


def server_context(path: Path) -> ssl.SSLContext:
    (path / "both.pem").write_text(PEM)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path / "both.pem")
    return context
