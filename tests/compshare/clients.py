"""Clients for tests: quick, and with their waits on record."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from syncd.compshare.client import CompShare, RequestRecord
from syncd.config import AccountConfig, ApiConfig
from syncd.model import Secret
from syncd.simulator import Account, Simulator, World
from syncd.simulator.catalogue import image_fields
from syncd.simulator.world import Invent

REGION = "cn-wlcb"
PUBLIC = "public-key-of-lab+/="
PRIVATE = "private-key-of-lab"


class Waits:
    """A sleep that takes no time."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)


def client_for(
    url: str, account: Account | None = None, **given: Any
) -> tuple[CompShare, Waits, list[RequestRecord]]:
    """``given`` are fields of the account or the API's settings, or arguments of the client."""
    waits, records = Waits(), list[RequestRecord]()
    config = AccountConfig(
        "lab",
        Secret(account.public_key if account else PUBLIC),
        Secret(account.private_key if account else PRIVATE),
        given.pop("project_id", None),
    )
    api = ApiConfig(base_url=url, timeout=timedelta(seconds=5), rate=1e9)
    api = replace(
        api, **{key: given.pop(key) for key in list(given) if key in ApiConfig.__dataclass_fields__}
    )
    made = CompShare(config, api, record=records.append, **{"sleep": waits, "rng": random.Random(1), **given})
    return made, waits, records


def world_of(images: int = 0, invent: Invent = image_fields) -> World:
    world = World(seed=1, invent=invent)
    world.add_region(REGION)
    world.add_account("lab")
    world.fill("lab", REGION, images)
    return world


class Scene:
    """A simulator and a client of its account ``lab``."""

    def __init__(self, sim: Simulator, **given: Any) -> None:
        self.sim = sim
        self.world = sim.world
        self.cloud, self.waits, self.records = client_for(sim.url, sim.world.account("lab"), **given)

    def ids(self) -> list[str]:
        return self.world.share_list("lab", REGION).ids()


@asynccontextmanager
async def scene(images: int = 0, **given: Any) -> AsyncIterator[Scene]:
    async with Simulator(world_of(images)) as sim:
        made = Scene(sim, **given)
        async with made.cloud:
            yield made


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """One whole HTTP request with a Content-Length; empty at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return head + (await reader.readexactly(int(lengths[0].split(b":")[1])) if lengths else b"")


def http(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


EMPTY = http(b'{"RetCode":0,"TotalCount":0,"ImageSet":[]}')
