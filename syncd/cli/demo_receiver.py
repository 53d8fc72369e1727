"""The demo's webhook receiver."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

Event = Mapping[str, Any]


class DemoReceiver:
    """Keeps each event that is delivered to it, once for each id, in the order of arrival."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._arrived = asyncio.Condition()
        self._ids: set[str] = set()

    async def wait_for(self, is_wanted: Callable[[Event], bool], since: int) -> Event:
        """The first wanted event among those from index ``since`` on."""
        async with self._arrived:
            while True:
                for event in self.events[since:]:
                    if is_wanted(event):
                        return event
                await self._arrived.wait()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve on a free loopback port; yields the URL."""
        app = web.Application()
        app.router.add_post("/", self._take)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
        finally:
            await runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        event = json.loads(await request.read())
        async with self._arrived:
            if event["id"] not in self._ids:
                self._ids.add(event["id"])
                self.events.append(event)
                self._arrived.notify_all()
        return web.Response(status=204)
