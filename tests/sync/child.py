"""A process that syncs two regions over and over until it is killed: ``python -m tests.sync.child DB URL``.

The keys come in the environment.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from syncd.compshare.client import CompShare
from syncd.config import AccountConfig, ApiConfig
from syncd.model import Secret, Target
from syncd.store.engine import Database
from syncd.sync.accounts import Account
from syncd.sync.reconcile import reconcile
from syncd.sync.settings import Settings
from syncd.sync.syncer import Syncer
from tests.sync.rig import at_once

REGIONS = ("cn-a", "cn-b")


class Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


async def main(path: Path, url: str) -> None:
    config = AccountConfig(
        "lab", Secret(os.environ["PUBLIC"]), Secret(os.environ["PRIVATE"]), regions=REGIONS
    )
    api = ApiConfig(base_url=url, rate=1e9)
    account = Account("lab", CompShare(config, api, sleep=at_once), url, None, REGIONS)
    db = await Database.open(path)
    syncer = Syncer(db, {"lab": account}, Settings(), Clock())
    await reconcile(syncer)
    while True:
        await asyncio.gather(*(syncer.sync(Target("lab", region)) for region in REGIONS))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
