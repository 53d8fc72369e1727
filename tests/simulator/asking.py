"""A small client of the pretend API: signs, sends, and gives back what came."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec

from syncd.simulator import Account, Simulator, World
from syncd.simulator.signature import sign

LIST = "DescribeCompShareSharingImages"
REGION = "cn-wlcb"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def code(self) -> Any:
        return self.json["RetCode"]

    @property
    def rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.json["ImageSet"]
        return rows

    @property
    def ids(self) -> list[Any]:
        return [row.get("CompShareImageId") for row in self.rows]


def signed(account: Account, action: str = LIST, **params: Any) -> dict[str, str]:
    """The flat map as it is sent; ``Region`` is the first one's unless given (None leaves a parameter out)."""
    fields = {"Action": action, "PublicKey": account.public_key}
    if action == LIST:
        fields["Region"] = REGION
    fields |= params
    flat = {key: str(value) for key, value in fields.items() if value is not None}
    return flat | {"Signature": sign(flat, account.private_key)}


@dataclass
class Asker:
    sim: Simulator
    session: aiohttp.ClientSession
    account: Account

    async def send(self, fields: dict[str, Any], timeout: float = 5) -> Reply:
        limit = aiohttp.ClientTimeout(total=timeout)
        async with self.session.post(self.sim.url, data=fields, timeout=limit) as response:
            return Reply(response.status, response.headers, await response.read())

    async def __call__(self, action: str = LIST, timeout: float = 5, **params: Any) -> Reply:
        return await self.send(signed(self.account, action, **params), timeout)


@asynccontextmanager
async def asking(images: int = 250, **options: Any) -> AsyncIterator[Asker]:
    """A simulator with one account, one region and so many images, and a client of it."""
    world = World(**options)
    world.add_region(REGION)
    account = world.add_account("lab")
    world.fill(account, REGION, images)
    async with Simulator(world) as sim, aiohttp.ClientSession() as session:
        yield Asker(sim, session, account)
