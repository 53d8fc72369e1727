"""Whether a receiver can be reached is tried without sending anything, and told without its address."""

from __future__ import annotations

import socket
import ssl
from datetime import timedelta
from pathlib import Path

import pytest

from syncd.config import WebhookSinkConfig, load
from syncd.sinks.reachability import why_unreachable
from tests.compshare.tls import PEM
from tests.config_files import ACCOUNT
from tests.sinks.receiver import receiving, saying
from tests.streams import raw_server, silent

WITHIN = timedelta(seconds=5)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    path = tmp_path / "server.pem"
    path.write_text(PEM)
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def hook(tmp_path: Path, url: str, more: str = "") -> WebhookSinkConfig:
    path = tmp_path / "config.toml"
    path.touch(mode=0o600)
    path.write_text(f'{ACCOUNT}\n[sinks.hook]\ntype = "webhook"\nurl = "{url}"\n{more}\n')
    found = load(path, {}).sinks["hook"]
    assert isinstance(found, WebhookSinkConfig)
    return found


async def test_a_receiver_that_listens_is_reached_and_gets_nothing(tmp_path: Path) -> None:
    async with receiving(saying(204)) as receiver:
        assert await why_unreachable(hook(tmp_path, receiver.url), WITHIN) == ""
        assert receiver.seen == []


async def test_tls_is_tried_and_a_certificate_must_be_trusted(
    tmp_path: Path, tls: ssl.SSLContext, certificate: Path
) -> None:
    async with receiving(saying(204), tls) as receiver:
        reason = await why_unreachable(hook(tmp_path, receiver.url), WITHIN)
        assert reason == "TLS: the certificate is self-signed; ca_file makes it trusted"
        trusting = hook(tmp_path, receiver.url, f'ca_file = "{certificate}"')
        assert await why_unreachable(trusting, WITHIN) == ""
        plain = hook(tmp_path, receiver.url.replace("https", "http"))
        assert await why_unreachable(plain, WITHIN) == ""
    async with receiving(saying(204)) as receiver:
        reason = await why_unreachable(hook(tmp_path, receiver.url.replace("http", "https")), WITHIN)
        assert reason.startswith("TLS: ")


async def test_of_a_receiver_behind_a_proxy_the_proxy_is_tried(tmp_path: Path) -> None:
    async with receiving(saying(204)) as proxy:
        sink = hook(tmp_path, "https://receiver.invalid/", f'proxy = "{proxy.url}"')
        assert await why_unreachable(sink, WITHIN) == ""


@pytest.mark.parametrize(
    ("host", "reason"),
    [("secret.invalid", "the host's name cannot be resolved"), ("127.0.0.1", "Connection refused")],
)
async def test_the_reason_names_no_address(tmp_path: Path, host: str, reason: str) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        found = await why_unreachable(hook(tmp_path, f"http://{host}:{port}/path"), WITHIN)
    assert found == reason


async def test_one_that_does_not_shake_hands_is_not_waited_for(tmp_path: Path) -> None:
    async with raw_server(silent) as port:
        reason = await why_unreachable(hook(tmp_path, f"https://127.0.0.1:{port}/"), timedelta(seconds=0.2))
    assert reason == "no connection within 0.2 s"
