"""Whoever reaches the HTTP listener can cost the daemon neither its syncs nor its descriptors, threads or log."""

from __future__ import annotations

import asyncio
import logging
import resource
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path

import pytest

from syncd.config import load
from syncd.daemon import monitor
from syncd.daemon.assembly import Observers, SystemClock
from syncd.daemon.monitor import Monitor
from syncd.errors import DatabaseUnwritable
from syncd.monitoring.health import Health
from syncd.monitoring.snapshot import Snapshot
from syncd.simulator import Simulator, World, lean_fields
from syncd.web import listener
from tests.processes import syncd, write_config

GET = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"
Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def clients(port: int, count: int = 1) -> AsyncIterator[Sequence[Client]]:
    """So many connections; all closed at the end."""
    connections: list[Client] = []
    try:
        for _ in range(count):
            connections.append(await asyncio.open_connection("127.0.0.1", port))
        yield connections
    finally:
        for _, writer in connections:
            writer.transport.abort()
            await asyncio.wait([asyncio.ensure_future(writer.wait_closed())])


async def healthy() -> Health:
    return Health()


async def measures() -> bytes:
    return b"x" * 50_000_000


async def end(client: Client, pause: float = 0) -> bytes:
    """All that comes until the server closes the connection, in whatever way; ``pause``: seconds after each piece."""
    came = b""
    async with asyncio.timeout(20):
        try:
            while some := await client[0].read(65536):
                came += some
                await asyncio.sleep(pause)
        except ConnectionError:
            pass
    return came


async def ask(port: int, what: bytes = GET) -> bytes:
    async with clients(port) as (client,):
        client[1].write(what)
        return await end(client)


async def test_each_connection_serves_one_request() -> None:
    async with listener.serving("127.0.0.1", 0, healthy, measures) as port:
        assert (await ask(port, GET * 3)).count(b"HTTP/1.1 200") == 1


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("GET /livez", 200), ("HEAD /readyz", 200), ("GET /readyz?verbose", 200), ("GET /", 404),
        ("GET /metrics/x", 404), ("GET //readyz", 404), ("POST /readyz", 405), ("DELETE /metrics", 405),
    ],
)  # fmt: skip
async def test_only_reading_is_answered(request_line: str, status: int) -> None:
    async with listener.serving("127.0.0.1", 0, healthy, measures) as port:
        answer = await ask(port, f"{request_line} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"GET /li",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nX-",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
    ],
)
async def test_a_client_that_does_not_end_its_request_is_cut_off(
    said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "MAX_CONNECTION_SECONDS", 0.2)
    async with listener.serving("127.0.0.1", 0, healthy, measures) as port, clients(port) as (client,):
        client[1].write(said)
        await end(client)


async def test_a_client_that_takes_its_answer_in_drops_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "MAX_CONNECTION_SECONDS", 0.2)
    async with listener.serving("127.0.0.1", 0, healthy, measures) as port, clients(port) as (client,):
        client[1].write(GET.replace(b"readyz", b"metrics"))
        assert len(await end(client, pause=0.02)) < 50_000_000


async def test_the_oldest_connection_gives_way_to_a_new_one() -> None:
    async with (
        listener.serving("127.0.0.1", 0, healthy, measures) as port,
        clients(port, listener.MAX_CONNECTIONS) as idle,
    ):
        assert b" 200 OK" in await ask(port)
        await end(idle[0])
        assert not idle[-1][0].at_eof()


@pytest.mark.parametrize(
    "said",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x00" * 5000, b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 20_000,
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 5000 + b"\r\n", b"GET /\x1b[31m HTTP/1.1\r\n\r\n",
        b"POST /readyz HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    ],
)  # fmt: skip
async def test_nonsense_is_refused_without_a_line_in_the_log(
    said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with listener.serving("127.0.0.1", 0, healthy, measures) as port:
        answer = await ask(port, said)
        assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")) or not answer
        assert b" 200 OK" in await ask(port)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_metrics_that_cannot_be_read_are_a_503_with_the_reason_and_no_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken() -> bytes:
        raise DatabaseUnwritable("cannot read x.db: it cannot be opened", "…")

    async with listener.serving("127.0.0.1", 0, healthy, broken) as port:
        answer = await ask(port, GET.replace(b"readyz", b"metrics"))
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"cannot read x.db" in answer
    assert not caplog.records


class Looks:
    """Stands in for `take_snapshot`; counts how many are under way."""

    def __init__(self) -> None:
        self.now = self.most = self.begun = 0

    def __call__(self, *_: object, **__: object) -> Snapshot:
        self.begun += 1
        self.now += 1
        self.most = max(self.most, self.now)
        time.sleep(0.05)
        self.now -= 1
        return Snapshot([], [], [], {"image.shared": 1}, self.begun)


async def test_however_many_ask_the_file_is_looked_at_once_at_a_time_and_events_are_counted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "take_snapshot", looks := Looks())
    async with Simulator(World()) as sim:
        sim.world.add_account("lab")
        config = load(write_config(tmp_path, sim, '[http]\nlisten = "127.0.0.1:0"\n'), {})
    seen = Monitor(lambda: config, SystemClock(), Observers())
    async with AsyncExitStack() as stack:
        stack.push_async_callback(seen.aclose)
        await seen.follow(config.http)  # looks once, so that events are counted from then on
        asked = asyncio.gather(*(seen.metrics() for _ in range(20)))
        await asyncio.gather(*(seen.health() for _ in range(20)))
        metrics = (await asked)[-1]
        assert (looks.most, looks.begun) == (1, 2)
        assert f'syncd_events_total{{type="image.shared"}} {looks.begun}.0'.encode() in metrics


@pytest.mark.slow
async def test_thousands_of_silent_connections_cost_no_sync_and_no_answer(tmp_path: Path) -> None:
    world = World(invent=lean_fields)
    world.add_region("cn-a")
    world.add_account("lab")
    world.share("lab", "cn-a")
    async with Simulator(world) as sim, AsyncExitStack() as stack:
        config = write_config(tmp_path, sim, '[http]\nlisten = "127.0.0.1:0"\n', regions='regions = ["cn-a"]')
        daemon = await stack.enter_async_context(syncd("run", "--config", config))
        port = (await daemon.logged("listening"))["port"]
        await daemon.logged("synced")
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (256, 256))
        for _ in range(20):
            await stack.enter_async_context(clients(port, 100))
            assert b" 200 OK" in await ask(port)
        world.share("lab", "cn-a")
        await daemon.logged("synced", 2)
        assert len(list(Path(f"/proc/{daemon.pid}/fd").iterdir())) < 128
        assert {line["event"] for line in daemon.log if line["level"] != "info"} <= {"configuration"}
        with closing(sqlite3.connect(tmp_path / "syncd.db")) as db:
            assert db.execute("SELECT COUNT(*) FROM images").fetchone() == (2,)
