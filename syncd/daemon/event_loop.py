"""The daemon's event loop: a name is resolved in a thread of its own.

A name server that does not answer would hold the few threads that the loop lends to everybody, and then a stop.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


class EventLoop(asyncio.SelectorEventLoop):
    async def getaddrinfo(self, host: Any, port: Any, **how: int) -> Any:
        return await self._apart(lambda: socket.getaddrinfo(host, port, **how))

    async def _apart(self, work: Callable[[], T]) -> T:
        """``work`` in a thread that nobody waits for once nobody wants its result. Raises OSError if there is none."""
        result: asyncio.Future[T] = self.create_future()

        def tell(settle: Callable[[Any], None], what: object) -> None:
            if not result.done():
                settle(what)

        def run() -> None:
            found: tuple[Callable[[Any], None], object]
            try:
                found = (result.set_result, work())
            except Exception as error:  # noqa: BLE001  # raised again where it is awaited
                found = (result.set_exception, error)
            with suppress(RuntimeError):  # the loop is closed: too late
                self.call_soon_threadsafe(tell, *found)

        try:
            threading.Thread(target=run, name="resolve", daemon=True).start()
        except RuntimeError as error:
            raise OSError(errno.EAGAIN, "no thread to resolve a name in") from error
        return await result
