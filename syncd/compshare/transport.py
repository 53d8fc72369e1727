"""The HTTP session of one account: it sends a form, and reads an answer within limits of size and time."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

import aiohttp

from syncd import __version__
from syncd.compshare.reply import Reply
from syncd.config import ApiConfig
from syncd.errors import ApiError, ClientClosed, Misconfigured, ProtocolError, Transient

LARGEST_BODY = 32 * 1024 * 1024
"""Bytes; a full page is about 80 kB."""
LARGE_BODY = 1024 * 1024
"""Bytes; the commas of larger bodies are counted."""
MOST_COMMAS = 500_000
"""How many a large body may have; a full page has some 5,000.

Millions of tiny values would take gigabytes of memory and block the event loop for a minute.
"""
CONNECT_TIMEOUT = 10.0
"""Seconds; less if api.timeout is less."""
KEEP_ALIVE = 30.0
"""Seconds; a connection that was idle for longer is more likely stale than useful."""

HEADERS = {
    "Content-Type": "application/x-www-form-urlencoded",
    "Accept-Encoding": "identity",  # a compressed answer could be a bomb
    "User-Agent": f"syncd/{__version__}",
}


class Transport:
    """The session is opened by the first request, within its event loop."""

    def __init__(self, api: ApiConfig) -> None:
        self._api = api
        self._url = _with_path(api.base_url)
        self._proxy = None if api.proxy is None else api.proxy.reveal()
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def post(self, form: Mapping[str, str]) -> Reply:
        """Send a form and read the answer.

        Raises Transient for failures of the network, ProtocolError for an answer that is not HTTP or too large, and
        ClientClosed after `aclose`: after a reload nothing more is sent to the old address.
        """
        if self._closed:
            raise ClientClosed("the configuration changed meanwhile", "nothing was sent; nothing to do")
        session = self._session or self._open()
        try:
            async with session.post(
                self._url, data=urlencode(form).encode(), proxy=self._proxy, allow_redirects=False
            ) as response:
                return Reply(response.status, response.headers, await _body(response))
        except (aiohttp.ClientError, OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            # The original error may show a URL with credentials.
            raise self._translated(error) from None

    async def aclose(self) -> None:
        self._closed = True
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        seconds = self._api.timeout.total_seconds()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._api.concurrency, ssl=self._trust(), keepalive_timeout=KEEP_ALIVE
            ),
            timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=min(CONNECT_TIMEOUT, seconds)),
            headers=HEADERS,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )
        return self._session

    def _trust(self) -> ssl.SSLContext | bool:
        if self._api.ca_file is None:
            return True
        try:
            return ssl.create_default_context(cafile=self._api.ca_file)
        except OSError as error:  # ssl.SSLError is one
            raise Misconfigured(
                f"{self._api.ca_file} cannot be read as certificates: {error.strerror or error}",
                "fix api.ca_file",
            ) from None

    def _translated(self, error: Exception) -> ApiError:
        wait = "nothing to do unless it lasts; then check the network, api.base_url and api.proxy"
        match error:
            case TimeoutError():
                return Transient(f"no complete answer within {self._api.timeout.total_seconds():g} s", wait)
            case aiohttp.ClientProxyConnectionError():
                return Transient(f"the proxy cannot be reached: {_cause(error)}", "check api.proxy")
            case aiohttp.ClientHttpProxyError(status=407):
                return Misconfigured(
                    "HTTP 407: the proxy asks for a user and a password", "put them into api.proxy"
                )
            case aiohttp.ClientHttpProxyError():
                return Transient(f"the proxy answered HTTP {error.status}", "check api.proxy")
            case aiohttp.ClientConnectorCertificateError():
                return Transient(
                    "the server's certificate is not trusted", "check the clock, or set api.ca_file"
                )
            case aiohttp.ClientSSLError():
                return Transient(f"TLS failed: {_cause(error)}", "check api.base_url")
            case aiohttp.ClientConnectorDNSError():
                return Transient("the name of api.base_url cannot be resolved", wait)
            case aiohttp.ClientConnectorError():
                return Transient(f"no connection: {_cause(error)}", wait)
            case aiohttp.ClientPayloadError():
                return Transient("the answer broke off", wait)
            case aiohttp.ClientResponseError():
                return ProtocolError("the answer is not HTTP", "check api.base_url and api.proxy")
            case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
                return Misconfigured("the URL cannot be used", "fix api.base_url or api.proxy")
        return Transient("the connection was dropped", wait)


async def _body(response: aiohttp.ClientResponse) -> bytes:
    chunks: list[bytes] = []
    left = LARGEST_BODY - (response.content_length or 0)
    if left >= 0:
        left = LARGEST_BODY
        async for chunk in response.content.iter_any():
            left -= len(chunk)
            if left < 0:
                break
            chunks.append(chunk)
    if left < 0:
        response.close()
        raise ProtocolError("the answer is larger than 32 MiB", "check api.base_url and api.proxy")
    body = b"".join(chunks)
    if len(body) > LARGE_BODY and body.count(b",") > MOST_COMMAS:
        raise ProtocolError(
            "the answer has more values than a list of images can have", "check api.base_url and api.proxy"
        )
    return body


def _cause(error: Exception) -> str:
    """What the system said, without the address, which may hold credentials."""
    inner = getattr(error, "os_error", error)
    code = getattr(inner, "errno", None)
    return os.strerror(code) if isinstance(code, int) and code > 0 else type(inner).__name__


def _with_path(url: str) -> str:
    """Add the path that a URL needs when a proxy is asked for it."""
    return url if urlsplit(url).path else f"{url}/"
