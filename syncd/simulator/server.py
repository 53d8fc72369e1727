"""The pretend API over HTTP: it takes parameters in every encoding, and sends answers and faults."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from syncd.simulator import control, signature
from syncd.simulator.answer import Answer
from syncd.simulator.faults import Faults
from syncd.simulator.gateway import Gateway
from syncd.simulator.query import Query
from syncd.simulator.request_log import Request, RequestLog
from syncd.simulator.wire_faults import Wire
from syncd.simulator.world import World

GRACE = 1.0
"""How many seconds a request in progress still gets when the simulator stops."""

NOT_FOUND = b"<html><body><h1>404 Not Found</h1></body></html>"


class Simulator:
    """``async with Simulator(world) as sim:`` serves at ``sim.url`` until the block ends.

    ``port`` 0 chooses a free one. Raises OSError if it cannot listen. The world and the faults may be changed at any
    time, on the thread of the event loop.
    """

    def __init__(self, world: World | None = None, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.gateway = Gateway(World.sample() if world is None else world)
        self.requests = RequestLog()
        self._host = host
        self._port = port
        self._rng = random.Random(self.world.seed)
        self._closing = asyncio.Event()
        self._http: web.Server | None = None
        self._listener: asyncio.Server | None = None

    @property
    def world(self) -> World:
        return self.gateway.world

    @property
    def faults(self) -> Faults:
        return self.gateway.faults

    @property
    def port(self) -> int:
        """The port it listens on; it stays the same when the simulator is stopped and started again."""
        return self._port

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``, for ``base_url``."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        self._closing.clear()
        self._http = web.Server(self._handle, handler_cancellation=True, access_log=None)
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._http, self._host, self._port)
        self._port = self._listener.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close every connection, also those of requests that hang. To stop twice is harmless."""
        if self._http is None or self._listener is None:
            return
        self._closing.set()
        self._listener.close()
        self._http.pre_shutdown()
        await self._http.shutdown(GRACE)
        await self._listener.wait_closed()
        self._http = self._listener = None

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith(control.PREFIX):
            return await control.handle(self, request)
        if request.path != "/":
            return web.Response(status=404, body=NOT_FOUND, content_type="text/html")
        encoding, params = await read(request)
        query = self.gateway.read(params)
        entry = _entry(request, encoding, query)
        self.requests.begin(entry)
        try:
            answer = self.gateway.answer(query)
            entry.faults = answer.faults
            response = await self._send(request, answer)
            entry.status, entry.ret_code = answer.status, answer.ret_code
            return response
        finally:
            self.requests.end(entry)

    async def _send(self, request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
        wire = Wire(request, self._closing, self._rng)
        for fault in answer.wire:
            sent: web.StreamResponse | None = await fault.act(wire, answer)
            if sent is not None:
                return sent
        headers = {"X-UCLOUD-REQUEST-UUID": str(uuid.uuid4()), **answer.headers}
        return web.Response(
            body=answer.body, status=answer.status, headers=headers, content_type=answer.content_type
        )


async def read(request: web.BaseRequest) -> tuple[str, dict[str, str]]:
    """How the parameters came, and all of them as flat text; a body that cannot be read has no parameters."""
    params = dict(parse_qsl(request.query_string, keep_blank_values=True))
    if request.method == "GET":
        return "query", params
    body = await request.read()
    if request.content_type == "application/json":
        return "json", params | _json(body)
    form = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    return "form+query" if params else "form", params | form


def _json(body: bytes) -> dict[str, str]:
    try:
        fields = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return signature.flatten(fields)


def _entry(request: web.BaseRequest, encoding: str, query: Query) -> Request:
    return Request(
        at=time.monotonic(),
        subject=query.subject,
        action=query.action,
        account=None if query.account is None else query.account.name,
        region=query.region,
        limit=query.limit,
        offset=query.offset,
        image_id=query.image_id,
        project_id=query.params.get("ProjectId"),
        encoding=encoding,
        peer=None if request.transport is None else request.transport.get_extra_info("peername"),
    )
