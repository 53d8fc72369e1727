"""The daemon's event loop: each host name is resolved in a thread of its own.

asyncio would use the few threads that everybody shares: a name server that does not answer would soon occupy all of
them, and would keep the daemon from stopping.
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
    async def getaddrinfo(self, host: Any, port: Any, **options: int) -> Any:
        return await self._in_own_thread(lambda: socket.getaddrinfo(host, port, **options))

    async def _in_own_thread(self, work: Callable[[], T]) -> T:
        """The result of ``work``. Whoever is cancelled here does not wait for the thread.

        Raises what ``work`` raises, and OSError if no thread can be started.
        """
        result: asyncio.Future[T] = self.create_future()

        def settle(setter: Callable[[Any], None], value: object) -> None:
            if not result.done():
                setter(value)

        def run() -> None:
            outcome: tuple[Callable[[Any], None], object]
            try:
                outcome = (result.set_result, work())
            except Exception as error:  # noqa: BLE001  # raised again where it is awaited
                outcome = (result.set_exception, error)
            with suppress(RuntimeError):  # the loop is closed already: nobody waits any more
                self.call_soon_threadsafe(settle, *outcome)

        try:
            threading.Thread(target=run, name="resolve", daemon=True).start()
        except RuntimeError as error:
            raise OSError(errno.EAGAIN, "no thread to resolve a name in") from error
        return await result
