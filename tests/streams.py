"""A server on loopback that speaks whatever a test writes, of which no connection outlives the test."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[object]]


@asynccontextmanager
async def raw_server(handler: Handler, **listen: Any) -> AsyncIterator[int]:
    """Yields its port. A connection is closed when ``handler`` returns; those left at the end are cut."""
    served: dict[asyncio.Task[object], asyncio.StreamWriter] = {}

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        served[task] = writer
        try:
            await handler(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, **listen)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await _cut(served)
        await server.wait_closed()


async def _cut(served: dict[asyncio.Task[object], asyncio.StreamWriter]) -> None:
    """Python 3.11 leaves them open when the server closes, and warns in whatever test collects them."""
    for task, writer in served.items():
        task.cancel()
        writer.transport.abort()
    await asyncio.gather(*served, return_exceptions=True)
    for writer in served.values():
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Takes what comes, until the other side closes."""
    while await reader.read(65_536):
        pass
