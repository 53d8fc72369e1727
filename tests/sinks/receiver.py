"""A receiver on loopback that answers as a test scripts it, and remembers what it was sent."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aiohttp import web

_over: ContextVar[asyncio.Event] = ContextVar("over")
Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Seen:
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int


@dataclass
class Receiver:
    answer: Answering
    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set at the end of a test, for answers that would wait for ever."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        _over.set(self.over)
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append(Seen(request.path_qs, headers, await request.read(), id(request.transport)))
        return await self.answer(request)


@asynccontextmanager
async def receiving(answer: Answering, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    receiver = Receiver(answer)
    server = web.Server(receiver.handle, access_log=None)
    runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    receiver.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/hook/Zq7SecretPathToken9?key=SecretKey77"
    try:
        yield receiver
    finally:
        receiver.over.set()
        await runner.cleanup()


def saying(status: int, text: str = "", kind: str = "application/json", **headers: str) -> Answering:
    async def answer(_request: web.Request) -> web.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, body=text.encode(), headers={"Content-Type": kind, **named})

    return answer


def in_turn(*answers: Answering) -> Answering:
    """The first answer to the first request, and so on; the last to all others."""
    rest = list(answers)

    async def answer(request: web.Request) -> web.StreamResponse:
        return await (rest.pop(0) if len(rest) > 1 else rest[0])(request)

    return answer


async def resetting(request: web.Request) -> web.Response:
    """Closes the connection without a word."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def until_over() -> None:
    await _over.get().wait()


async def hanging(_request: web.Request) -> web.Response:
    await until_over()
    return web.Response()


class StoppedClock:
    """Moves only when slept on."""

    def __init__(self, now: datetime = datetime(2026, 11, 24, 2, 42, 30, tzinfo=UTC)) -> None:
        self.start = now
        self.passed = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return self.passed

    async def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.slept.append(seconds)
        self.passed += seconds
