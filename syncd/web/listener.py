"""`[http] listen`: /livez, /readyz and /metrics for supervisors and Prometheus. It is read-only and shows no secrets.

Whoever reaches it may be careless or hostile, so neither many connections nor slow ones may keep syncd from its work.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler

from syncd.errors import SyncdError
from syncd.monitoring.health import Health

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

MAX_CONNECTIONS = 50
"""One more closes the oldest: each takes a file descriptor, which requests to the API need as well."""

MAX_CONNECTION_SECONDS = 20.0
"""Seconds until a connection is cut off, even in the middle of its request or answer. Each serves one request."""

Page = Callable[[], Awaitable[web.Response]]


@asynccontextmanager
async def serving(
    host: str, port: int, health: Callable[[], Awaitable[Health]], metrics: Callable[[], Awaitable[bytes]]
) -> AsyncIterator[int]:
    """Serve while the block runs. Gives the port, which is a free one where ``port`` is 0. Raises SyncdError."""
    pages = {"/livez": _live, "/readyz": lambda: _ready(health), "/metrics": lambda: _metrics(metrics)}
    runner = web.ServerRunner(_Server(pages), handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        # The system may hand over this many at once, before any of them can be closed.
        site = web.TCPSite(runner, host, port, backlog=MAX_CONNECTIONS)
        try:
            await site.start()
        except OSError as error:
            raise SyncdError(
                f"cannot listen on {host}:{port}: {error.strerror}", "choose another [http] listen"
            ) from error
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


@dataclass(frozen=True, slots=True)
class _Connection:
    transport: asyncio.Transport
    deadline: asyncio.TimerHandle


class _Server(web.Server):
    """Keeps only a few connections, and none for long."""

    def __init__(self, pages: Mapping[str, Page]) -> None:
        super().__init__(self._answer, handler_cancellation=True, access_log=None, logger=_logger())
        self._pages = pages
        self._open: dict[RequestHandler, _Connection] = {}

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        if len(self._open) >= MAX_CONNECTIONS:
            self._close(next(iter(self._open)))
        deadline = asyncio.get_running_loop().call_later(MAX_CONNECTION_SECONDS, transport.abort)
        self._open[handler] = _Connection(transport, deadline)

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        self._close(handler)

    def _close(self, handler: RequestHandler) -> None:
        if (connection := self._open.pop(handler, None)) is not None:
            connection.deadline.cancel()
            connection.transport.abort()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        response = await self._page(request)
        response.force_close()
        return response

    async def _page(self, request: web.BaseRequest) -> web.Response:
        page = self._pages.get(request.path)
        if page is None:
            return web.Response(status=404, text=f"not found; there are {', '.join(self._pages)}\n")
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405, headers={"Allow": "GET, HEAD"})
        return await page()


def _logger() -> logging.Logger:
    """A client's faulty request is answered, but not logged: somebody could fill the disk with such lines."""
    logger = logging.getLogger(__name__)
    logger.addFilter(_is_ours)
    return logger


def _is_ours(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


async def _live() -> web.Response:
    return web.Response(text="ok\n")


async def _ready(health: Callable[[], Awaitable[Health]]) -> web.Response:
    current = await health()
    body = {"healthy": current.healthy, "reasons": current.reasons, "warnings": current.warnings}
    return web.json_response(body, status=200 if current.healthy else 503)


async def _metrics(metrics: Callable[[], Awaitable[bytes]]) -> web.Response:
    try:
        return web.Response(body=await metrics(), headers={"Content-Type": METRICS_TYPE})
    except SyncdError as error:
        return web.Response(status=503, text=f"{error.message}\n")
