"""Posts a message to a receiver: bounded in time and memory. It follows no redirect and never tells the URL."""

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
"""How many bytes of an answer are read. They are not decompressed, so that a small answer cannot become a huge one."""
CONNECT_TIMEOUT = 10.0
"""Seconds."""
BODY_TIMEOUT = 5.0
"""Seconds for the rest of an answer whose status is known."""
KEEP_ALIVE = 4.0
"""Seconds that an idle connection is kept. Common servers close it after 5, so ours is rarely found closed."""

OWN_HEADERS = {"User-Agent": f"syncd/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"}

_CERTIFICATE_FAULTS = {
    10: "the certificate has expired",
    18: "the certificate is self-signed; ca_file makes it trusted",
    19: "the certificate's issuer is not trusted; ca_file makes it trusted",
    20: "the certificate's issuer is not known; ca_file makes it trusted",
    62: "the certificate is for another host",
    64: "the certificate is for another address",
}
"""By OpenSSL's number, because its own words may name the host."""


class NoAnswerError(Exception):
    """No answer came. The text of the error is a reason without secrets."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where to post. Connections are not reused for a robot, which gets a message only now and then."""

    url: Secret
    timeout: timedelta
    headers: dict[str, Secret] = field(default_factory=dict)
    proxy: Secret | None = None
    ca_file: Path | None = None
    reuses_connections: bool = True


class HttpClient:
    """Opens its connections with the first message."""

    def __init__(self, destination: Destination, clock: Clock) -> None:
        self._destination = destination
        self._clock = clock
        self._keeping: aiohttp.ClientSession | None = None
        self._closing: aiohttp.ClientSession | None = None

    async def post(self, request: Request) -> Answer:
        """Raises NoAnswerError, without the cause, because that may hold the URL."""
        reason: str
        try:
            return await self._post(request)
        except TimeoutError as error:
            reason = self._describe_timeout(error)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason = describe_error(error)
        raise NoAnswerError(reason)

    async def aclose(self) -> None:
        for session in (self._keeping, self._closing):
            if session is not None:
                await session.close()
        self._keeping = self._closing = None

    @cached_property
    def _url(self) -> URL:
        return URL(self._destination.url.reveal())

    async def _post(self, request: Request) -> Answer:
        if self._destination.reuses_connections:
            _reused.set(True)
            try:
                return await self._exchange(self._keeping_session(), request)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                # The connection was probably closed while it was idle: nothing was answered. Sending once more on
                # a new connection is safe, because a receiver drops an event whose id it has seen.
                if not _reused.get():
                    raise
        return await self._exchange(self._closing_session(), request)

    async def _exchange(self, session: aiohttp.ClientSession, request: Request) -> Answer:
        url = self._url.update_query(request.query) if request.query else self._url
        async with session.post(
            url, data=request.body, headers=request.headers, allow_redirects=False
        ) as response:
            body = b"" if response.content.at_eof() else await _read(response)
            return Answer(response.status, self._clock.now(), response.headers, body)

    def _keeping_session(self) -> aiohttp.ClientSession:
        self._keeping = self._keeping or self._session(keepalive_timeout=KEEP_ALIVE)
        return self._keeping

    def _closing_session(self) -> aiohttp.ClientSession:
        self._closing = self._closing or self._session(force_close=True)
        return self._closing

    def _session(self, **connections: Any) -> aiohttp.ClientSession:
        """What is the same for each message is prepared here, once."""
        total = self._destination.timeout.total_seconds()
        return aiohttp.ClientSession(
            connector=_Connector(ssl=self._tls(), limit=0, **connections),
            headers=self._headers(),
            proxy=self._destination.proxy.reveal() if self._destination.proxy else None,
            timeout=aiohttp.ClientTimeout(total=total, sock_connect=min(CONNECT_TIMEOUT, total)),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )

    def _headers(self) -> CIMultiDict[str]:
        """A header of the message replaces the configured one of that name, which replaces ours."""
        headers = CIMultiDict(OWN_HEADERS)
        headers.update({name: value.reveal() for name, value in self._destination.headers.items()})
        return headers

    def _tls(self) -> ssl.SSLContext | bool:
        if self._destination.ca_file is None:
            return True
        return ssl.create_default_context(cafile=self._destination.ca_file)

    def _describe_timeout(self, error: TimeoutError) -> str:
        total = self._destination.timeout.total_seconds()
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            return f"no connection within {min(CONNECT_TIMEOUT, total):g} s"
        return f"no answer within {total:g} s"


_reused: ContextVar[bool] = ContextVar("reused")
"""Whether the connection of the current post had been used before."""


class _Connector(aiohttp.TCPConnector):
    """Sets `_reused`. The tracing of aiohttp would tell it too, but costs a tenth of a post."""

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
    """The first `ANSWER_LIMIT` bytes, or as much of them as came. If there is more, the connection is closed."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            while len(body) < ANSWER_LIMIT and (
                piece := await response.content.read(ANSWER_LIMIT - len(body))
            ):
                body += piece
    except (TimeoutError, aiohttp.ClientError, OSError):
        # The status came, and decides in most formats. A format that needs the body too will see that it is missing.
        response.close()
    if not response.content.at_eof():
        response.close()
    return bytes(body)


def describe_error(error: Exception) -> str:
    """What kind of error it is, in words that are safe: its own text may hold a URL."""
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
            return "the answer is not valid HTTP"
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
