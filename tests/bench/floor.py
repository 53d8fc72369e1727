"""The floor, what nobody can do without: sign, ask for each page, decode the compared fields, digest them.

`python -m tests.bench.floor FOLDER ROUNDS`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import aiohttp
import msgspec

from tests.bench.meter import metered
from tests.bench.places import LIMIT, Place, places

HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}


class Owner(msgspec.Struct):
    AccountId: str | None = None
    AccountName: str | None = None


class Softwares(msgspec.Struct):
    Framework: str | None = None
    FrameworkVersion: str | None = None
    CUDAVersion: str | None = None
    Applications: list[str] | None = None


class Row(msgspec.Struct):
    CompShareImageId: str
    Name: str | None = None
    Status: str | None = None
    ImageType: str | None = None
    Owner: Owner | None = None
    Author: str | None = None
    Container: str | None = None
    Size: int | None = None
    Price: float | None = None
    Visibility: int | None = None
    GroupId: str | None = None
    VersionName: str | None = None
    Description: str | None = None
    Tags: list[str] | None = None
    Softwares: Softwares | None = None
    SourceGpuType: str | None = None
    FailedReason: str | None = None


class Page(msgspec.Struct):
    TotalCount: int
    ImageSet: list[Row]


_decode = msgspec.json.Decoder(Page).decode
_encode = msgspec.msgpack.Encoder().encode


async def digests(session: aiohttp.ClientSession, place: Place) -> dict[str, bytes]:
    seen: dict[str, bytes] = {}
    offset, total = 0, 1
    while offset < total:
        async with session.post(place.url, data=signed(place, offset)) as response:
            page = _decode(await response.read())
        for row in page.ImageSet:
            seen[row.CompShareImageId] = hashlib.blake2b(_encode(row), digest_size=16).digest()
        offset, total = offset + LIMIT, page.TotalCount
    return seen


def signed(place: Place, offset: int) -> bytes:
    form = {
        "Action": "DescribeCompShareSharingImages", "PublicKey": place.public_key, "Region": place.region,
        "Limit": str(LIMIT), "Offset": str(offset),
    }  # fmt: skip
    text = "".join(key + form[key] for key in sorted(form)) + place.private_key
    return urlencode(form | {"Signature": hashlib.sha1(text.encode()).hexdigest()}).encode()


async def work(everything: Sequence[Place], rounds: int) -> dict[str, Any]:
    async with aiohttp.ClientSession(headers=HEADERS) as session:
        await digests(session, everything[0])
        async with metered(rounds) as cost:
            for _ in range(rounds):
                counts = [len(await digests(session, place)) for place in everything]
    pages = sum(-(-count // LIMIT) for count in counts)
    cost.more = {"images": sum(counts), "requests": pages}
    return cost.as_json()


def main() -> None:
    folder, rounds = sys.argv[1:]
    print(json.dumps(asyncio.run(work(places(folder), int(rounds)))))


if __name__ == "__main__":
    main()
