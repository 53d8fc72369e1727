"""`[http] listen`: /livez, /readyz and /metrics for supervisors and Prometheus; no state, no secrets, read-only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from syncd.errors import SyncdError
from syncd.health import Health

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@asynccontextmanager
async def serving(
    host: str, port: int, health: Callable[[], Awaitable[Health]], metrics: Callable[[], Awaitable[bytes]]
) -> AsyncIterator[int]:
    """Serve while the block runs; the port (a free one where ``port`` is 0)."""
    app = web.Application()
    app.router.add_get("/livez", _live)
    app.router.add_get("/readyz", lambda _: _ready(health))
    app.router.add_get("/metrics", lambda _: _metrics(metrics))
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise SyncdError(
                f"cannot listen on {host}:{port}: {error.strerror}", "choose another [http] listen"
            ) from error
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def _live(_: web.Request) -> web.Response:
    return web.Response(text="ok\n")


async def _ready(health: Callable[[], Awaitable[Health]]) -> web.Response:
    found = await health()
    body = {"healthy": found.healthy, "reasons": found.reasons, "warnings": found.warnings}
    return web.json_response(body, status=200 if found.healthy else 503)


async def _metrics(metrics: Callable[[], Awaitable[bytes]]) -> web.Response:
    return web.Response(body=await metrics(), headers={"Content-Type": METRICS_TYPE})
