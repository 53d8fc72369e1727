"""Whether another key is of the same owner, by the list that it shows: for keys that may not ask for their projects.

Nobody is told who owns a key. A rotated key shows the old one's images but for what changed since; the key of another
account may show some of the same, but hardly all of them and nothing else. Where this errs, it errs by few images: so
many as may differ are told as news, and more make a new scope, which tells nothing.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from syncd.compshare.client import CompShare
from syncd.errors import AuthFailed, Misconfigured, Transient
from syncd.model import Target
from syncd.store import images
from syncd.store.engine import Database
from syncd.store.records import AccountState
from syncd.store.targets import read_targets

FEW = 2
"""So many images may differ in any list, a share and a revocation say;"""
PERCENT = 10
"""or this share of all that were known or are shown."""


async def shows_the_same(db: Database, cloud: CompShare, known: AccountState) -> bool:
    """Ask ``cloud``, which has the new key, for the longest list of the account that it may read.

    Raises ApiError where the answer decides nothing yet.
    """
    for target in await _longest_first(db, known):
        async with db.read() as tx:
            ids, lacking = await images.known(tx, target)
        try:
            listing = await cloud.list_images(target.region, ids)
        except (AuthFailed, Misconfigured):
            continue
        if not listing.complete:
            raise Transient(
                f"the new key's list of {target.region} could not be read completely",
                "nothing to do: syncd asks again whose key it is",
            )
        if listing.seen:
            return is_alike(ids.keys() - lacking.keys(), listing.seen.keys())
    return False


def is_alike(known: AbstractSet[str], shown: AbstractSet[str]) -> bool:
    """Few ids differ, and more are the same."""
    different = len(known ^ shown)
    return different <= max(FEW, PERCENT * len(known | shown) / 100) and len(known & shown) > different


async def _longest_first(db: Database, known: AccountState) -> list[Target]:
    async with db.read() as tx:
        states = await read_targets(tx, known.account)
    ours = [state for state in states if state.active and state.scope == known.scope and state.live_count]
    return [state.target for state in sorted(ours, key=lambda state: state.live_count, reverse=True)]
