"""One HTTP POST to a receiver: bounded in time and memory, never following, never telling the URL."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from weakref import WeakSet

import aiohttp
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from multidict import CIMultiDict
from yarl import URL

from syncd import __version__
from syncd.model import Clock, Secret
from syncd.sinks.format import Answer, Request

ANSWER_LIMIT = 16 * 1024
"""Bytes of an answer that are read; they stay as sent, so a compressed one is never blown up."""
CONNECT_TIMEOUT = 10.0
ANSWER_PATIENCE = 5.0
"""Seconds for the rest of an answer whose status is known."""
KEEP_ALIVE = 4.0
"""Seconds; below the 5 after which common servers close, so that a connection is rarely found closed."""

OWN_HEADERS = {"User-Agent": f"syncd/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"}

_CERTIFICATE_FAULTS = {
    10: "the certificate has expired",
    18: "the certificate is self-signed; ca_file makes it trusted",
    19: "the certificate's issuer is not trusted; ca_file makes it trusted",
    20: "the certificate's issuer is not known; ca_file makes it trusted",
    62: "the certificate is for another host",
    64: "the certificate is for another address",
}
"""By OpenSSL's number: its own words may hold the host."""


class NoAnswerError(Exception):
    """No answer came. Its text is a reason without secrets."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where to post. ``reuses`` connections; a robot that gets a message now and then does not."""

    url: Secret
    timeout: timedelta
    headers: dict[str, Secret] = field(default_factory=dict)
    proxy: Secret | None = None
    ca_file: Path | None = None
    reuses: bool = True


class Poster:
    """Opens its connections with the first message."""

    def __init__(self, receiver: Receiver, clock: Clock) -> None:
        self._receiver = receiver
        self._clock = clock
        self._kept: aiohttp.ClientSession | None = None
        self._fresh: aiohttp.ClientSession | None = None

    async def post(self, request: Request) -> Answer:
        """Raises NoAnswerError; nothing of the cause travels with it, since that may hold the URL."""
        reason: str
        try:
            return await self._post(request)
        except TimeoutError as error:
            reason = self._too_late(error)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason = describe(error)
        raise NoAnswerError(reason)

    async def aclose(self) -> None:
        for session in (self._kept, self._fresh):
            if session is not None:
                await session.close()
        self._kept = self._fresh = None

    @cached_property
    def _url(self) -> URL:
        return URL(self._receiver.url.reveal())

    async def _post(self, request: Request) -> Answer:
        if self._receiver.reuses:
            _reused.set(False)
            try:
                return await self._exchange(self._keeping(), request)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                # It was closed while it lay idle, or as good as: nothing was answered. Whoever gets an event with
                # an id twice drops it, so once more on a new connection is safe.
                if not _reused.get():
                    raise
        return await self._exchange(self._refreshing(), request)

    async def _exchange(self, session: aiohttp.ClientSession, request: Request) -> Answer:
        async with session.post(
            self._url.update_query(request.query) if request.query else self._url,
            data=request.body,
            headers=self._headers(request),
            allow_redirects=False,
            proxy=self._receiver.proxy.reveal() if self._receiver.proxy else None,
        ) as response:
            body = await _read(response)
            return Answer(response.status, self._clock.now(), response.headers, body)

    def _headers(self, request: Request) -> CIMultiDict[str]:
        """The message's headers win over the configuration's, and those over ours."""
        headers = self._own_headers.copy()
        headers.update(request.headers)
        return headers

    @cached_property
    def _own_headers(self) -> CIMultiDict[str]:
        headers = CIMultiDict(OWN_HEADERS)
        headers.update({name: value.reveal() for name, value in self._receiver.headers.items()})
        return headers

    def _keeping(self) -> aiohttp.ClientSession:
        self._kept = self._kept or self._session(keepalive_timeout=KEEP_ALIVE)
        return self._kept

    def _refreshing(self) -> aiohttp.ClientSession:
        self._fresh = self._fresh or self._session(force_close=True)
        return self._fresh

    def _session(self, **connections: object) -> aiohttp.ClientSession:
        total = self._receiver.timeout.total_seconds()
        return aiohttp.ClientSession(
            connector=_Connector(ssl=self._trust(), limit=0, **connections),
            timeout=aiohttp.ClientTimeout(total=total, sock_connect=min(CONNECT_TIMEOUT, total)),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )

    def _trust(self) -> ssl.SSLContext | bool:
        if self._receiver.ca_file is None:
            return True
        return ssl.create_default_context(cafile=self._receiver.ca_file)

    def _too_late(self, error: TimeoutError) -> str:
        total = self._receiver.timeout.total_seconds()
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            return f"no connection within {min(CONNECT_TIMEOUT, total):g} s"
        return f"no answer within {total:g} s"


_reused: ContextVar[bool] = ContextVar("reused")
"""Whether the connection of the post under way had carried one before."""


class _Connector(aiohttp.TCPConnector):
    """Notes that; aiohttp's own tracing would tell it too, at a tenth of a post's cost."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._seen: WeakSet[object] = WeakSet()

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        connection = await super().connect(req, traces, timeout)
        _reused.set(connection.protocol in self._seen)
        self._seen.add(connection.protocol)
        return connection


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The first `ANSWER_LIMIT` bytes, or what came of them; a connection with more on it is closed."""
    if response.content.at_eof():
        return b""
    body = bytearray()
    try:
        async with asyncio.timeout(ANSWER_PATIENCE):
            while len(body) < ANSWER_LIMIT and (
                piece := await response.content.read(ANSWER_LIMIT - len(body))
            ):
                body += piece
    except (TimeoutError, aiohttp.ClientError, OSError):
        # The status came, and it is the receiver's verdict; a body that a verdict needs will be missed.
        response.close()
    if not response.content.at_eof():
        response.close()
    return bytes(body)


def describe(error: Exception) -> str:
    """The kind of an error and what is safe of it: never its own text, in which a URL may stand."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return f"TLS: {_certificate_fault(error.certificate_error)}"
        case aiohttp.ClientConnectorDNSError():
            return "the host's name cannot be resolved"
        case aiohttp.ClientHttpProxyError():
            return f"the proxy answered HTTP {error.status}"
        case aiohttp.ClientProxyConnectionError():
            return f"the proxy cannot be reached: {_os_text(error.os_error)}"
        case aiohttp.ServerDisconnectedError():
            return "the receiver closed the connection without an answer"
        case aiohttp.ClientConnectorError():
            return f"no connection: {_os_text(error.os_error)}"
        case aiohttp.ClientResponseError():
            return "the answer is no proper HTTP"
        case ssl.SSLCertVerificationError():
            return f"TLS: {_certificate_fault(error)}"
        case ssl.SSLError():
            return f"TLS: {error.reason or type(error).__name__}"
        case socket.gaierror():
            return "the host's name cannot be resolved"
        case OSError():
            return _os_text(error)
        case _:
            return type(error).__name__


def _certificate_fault(error: Exception) -> str:
    code = getattr(error, "verify_code", None)
    return _CERTIFICATE_FAULTS.get(code or 0, f"the certificate is not accepted (OpenSSL {code})")


def _os_text(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or type(error).__name__}"
    return os.strerror(error.errno) if error.errno and error.errno > 0 else type(error).__name__
