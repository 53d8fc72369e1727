"""Faults of the connection: each gets the wire and the answer, and sends something itself or lets it pass."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import zlib
from dataclasses import dataclass

from aiohttp import web

from syncd.simulator.answer import Answer
from syncd.simulator.faults import kind

PIECE = 64 * 1024
"""How many bytes of a huge body are written at a time."""

ABORT = struct.pack("ii", 1, 0)
"""With SO_LINGER of 0 s, closing a connection sends RST."""


@dataclass(frozen=True, slots=True)
class Wire:
    """The connection of one request. ``closing`` is set when the simulator stops: then nothing may wait any longer."""

    request: web.BaseRequest
    closing: asyncio.Event
    rng: random.Random

    async def rest(self, seconds: float | None) -> bool:
        """Wait for so many seconds, or for ever; False if the simulator stops meanwhile."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.closing.wait(), seconds)
        return not self.closing.is_set()

    async def open(self, answer: Answer, length: int | None = None) -> web.StreamResponse:
        """Send the headers; without ``length`` the body is chunked."""
        response = web.StreamResponse(status=answer.status, headers=dict(answer.headers))
        response.content_type = answer.content_type
        response.content_length = length
        await response.prepare(self.request)
        return response

    def abort(self) -> None:
        """Close at once with a TCP reset."""
        transport = self.request.transport
        if transport is not None:
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
            transport.abort()


@kind("wire")
async def latency(wire: Wire, answer: Answer, *, seconds: float = 0.2, jitter: float = 0.0) -> None:
    """The answer comes this many seconds later, give or take up to ``jitter``."""
    await wire.rest(max(0.0, seconds + wire.rng.uniform(-jitter, jitter)))


@kind("wire")
async def hang(
    wire: Wire, answer: Answer, *, seconds: float | None = None, headers: bool = False
) -> web.StreamResponse | None:
    """Nothing comes (except the headers, if ``headers``) until the client leaves, or for this many seconds."""
    response = await wire.open(answer, len(answer.body)) if headers else None
    if not await wire.rest(seconds):
        wire.abort()
        return response or web.StreamResponse()
    if response is not None:
        await response.write(answer.body)
    return response


@kind("wire")
async def drip(wire: Wire, answer: Answer, *, size: int = 1, pause: float = 0.05) -> web.StreamResponse:
    """The body comes in pieces of ``size`` bytes, with ``pause`` seconds between them."""
    response = await wire.open(answer, len(answer.body))
    for start in range(0, len(answer.body), size):
        await response.write(answer.body[start : start + size])
        if not await wire.rest(pause):
            break
    return response


@kind("wire")
async def reset(wire: Wire, answer: Answer, *, sent: int = 0) -> web.StreamResponse:
    """The connection is reset, before anything is sent or after ``sent`` bytes of the body."""
    response = web.StreamResponse()
    if sent:
        response = await wire.open(answer, len(answer.body))
        await response.write(answer.body[:sent])
    wire.abort()
    return response


@kind("wire")
async def cut(wire: Wire, answer: Answer, *, keep: float = 0.5) -> web.StreamResponse:
    """The connection closes after this share of the body, though Content-Length promised all of it."""
    response = await wire.open(answer, len(answer.body))
    await response.write(answer.body[: int(len(answer.body) * keep)])
    if wire.request.transport is not None:
        wire.request.transport.close()
    return response


@kind("wire")
async def huge(
    wire: Wire, answer: Answer, *, size: int = 10_000_000_000, declared: bool = False, deflate: bool = False
) -> web.StreamResponse:
    """The body has 10 GB and begins like an answer; it has a Content-Length if ``declared``, and is a compressed bomb
    if ``deflate``."""
    start, piece = b'{"RetCode":0,"TotalCount":1,"ImageSet":[', b" " * PIECE
    if deflate:
        return await _bomb(wire, answer, start, size)
    response = await wire.open(answer, size if declared else None)
    await response.write(start)
    await _pour(wire, response, piece, (size - len(start)) // PIECE)
    return response


async def _bomb(wire: Wire, answer: Answer, start: bytes, size: int) -> web.StreamResponse:
    """Send a compressed body. A flushed piece of it can be repeated: a gigabyte costs a megabyte and no CPU."""
    packer = zlib.compressobj(9)
    head = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(b" " * 1_000_000) + packer.flush(zlib.Z_FULL_FLUSH)
    response = await wire.open(Answer(b"", headers={**answer.headers, "Content-Encoding": "deflate"}))
    await response.write(head)
    await _pour(wire, response, piece, size // 1_000_000)
    return response


async def _pour(wire: Wire, response: web.StreamResponse, piece: bytes, times: int) -> None:
    for _ in range(times):
        if wire.closing.is_set():
            break
        await response.write(piece)
        await asyncio.sleep(0)
