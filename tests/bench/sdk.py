"""The official SDK in the loop that its users write: every page, rows kept by id; nothing is logged or compared.

`python -m tests.bench.sdk FOLDER ROUNDS`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from typing import Any

from ucloud.client import Client

from tests.bench.meter import metered
from tests.bench.places import LIMIT, Place, places


def fetch(place: Place) -> dict[str, dict[str, Any]]:
    keys = {"public_key": place.public_key, "private_key": place.private_key}
    client = Client(keys | {"region": place.region, "base_url": place.url}).ucompshare()
    logging.getLogger("ucloud").setLevel(logging.CRITICAL)  # by default it prints every answer
    seen: dict[str, dict[str, Any]] = {}
    offset, total = 0, 1
    while offset < total:
        page = client.describe_comp_share_sharing_images({"Limit": LIMIT, "Offset": offset})
        seen.update((row["CompShareImageId"], row) for row in page["ImageSet"])
        offset, total = offset + LIMIT, page["TotalCount"]
    return seen


async def work(everything: Sequence[Place], rounds: int) -> dict[str, Any]:
    async with metered(rounds) as cost:
        for _ in range(rounds):
            counts = [len(fetch(place)) for place in everything]
    cost.lags.clear()  # it knows no event loop
    cost.more = {"images": sum(counts), "requests": sum(-(-count // LIMIT) for count in counts)}
    return cost.as_json()


def main() -> None:
    folder, rounds = sys.argv[1:]
    print(json.dumps(asyncio.run(work(places(folder), int(rounds)))))


if __name__ == "__main__":
    main()
