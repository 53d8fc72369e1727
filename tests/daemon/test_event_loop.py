from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from syncd.daemon.event_loop import EventLoop

LOOKUPS = 40
"""More than the threads that a loop lends."""


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Semaphore]:
    """A name server that does not answer; counts who asks."""
    asked, over = threading.Semaphore(0), threading.Event()
    known = socket.getaddrinfo

    def getaddrinfo(host: str, *given: Any, **named: Any) -> Any:
        if not host.endswith("example"):
            return known(host, *given, **named)
        asked.release()
        over.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield asked
    over.set()


def run(work: Any) -> Any:
    with asyncio.Runner(loop_factory=EventLoop) as runner:
        return runner.run(work)


async def get(host: str) -> None:
    timeout = aiohttp.ClientTimeout(total=0.5)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(f"http://{host}/"):
        pass


def test_a_name_server_that_does_not_answer_holds_up_neither_other_threads_nor_the_end(
    silent: threading.Semaphore,
) -> None:
    async def work() -> list[BaseException | None]:
        asked = asyncio.gather(
            *(get(f"h{number}.example") for number in range(LOOKUPS)), return_exceptions=True
        )
        for _ in range(LOOKUPS):
            await asyncio.to_thread(silent.acquire)
        return await asked

    begun = time.monotonic()
    errors = run(work())
    assert all(isinstance(error, TimeoutError) for error in errors)
    assert time.monotonic() - begun < 30  # the lookups still hang


def test_names_are_resolved_and_refused_as_elsewhere() -> None:
    async def resolved(host: str) -> Any:
        loop = asyncio.get_running_loop()
        return await loop.getaddrinfo(host, 80, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)

    assert run(resolved("127.0.0.1")) == socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
    with pytest.raises(socket.gaierror):
        run(resolved("no-number"))


def test_without_a_thread_it_is_an_error_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def work() -> None:
        monkeypatch.setattr(threading.Thread, "start", start)
        with pytest.raises(aiohttp.ClientConnectorError, match="no thread"):
            await get("name.example")

    run(work())
