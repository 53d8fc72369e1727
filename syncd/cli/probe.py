"""What the API says to each configured key, asked now: its regions, which of them it may list, and the time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from syncd.compshare.retcodes import is_region_refused
from syncd.errors import ApiError, UsageError

if TYPE_CHECKING:
    from syncd.compshare.client import CompShare
    from syncd.config import AccountConfig, Config

PATIENCE = timedelta(seconds=10)
"""Somebody waits: a request gets so long at most, and one more try."""
RETRIES = 1


@dataclass(frozen=True, slots=True)
class Inquiry:
    """``configured`` is None for all regions; ``error`` says why the API named none."""

    account: str
    configured: tuple[str, ...] | None
    named: tuple[str, ...]
    error: ApiError | None
    regions: Mapping[str, ApiError | None]
    """Each region that is named or configured, and how its listing was refused."""
    skew: timedelta | None
    """The API's clock minus ours, to the second."""

    @property
    def shut(self) -> Mapping[str, ApiError]:
        """Regions that nobody asked for by name and this key may not list: they become no targets."""
        if self.configured is not None:
            return {}
        return {
            region: error for region, error in self.regions.items() if error and is_region_refused(error.code)
        }

    @property
    def watched(self) -> list[str]:
        return [region for region in self.configured or self.named if region not in self.shut]


async def inquire(config: Config, account: str | None = None) -> list[Inquiry]:
    """Ask with every key, or one account's. Raises UsageError if that is not configured."""
    from syncd.compshare.client import CompShare

    if account is not None and account not in config.accounts:
        raise UsageError(f"account {account} is not configured", f"accounts: {', '.join(config.accounts)}")
    api = replace(
        config.api, timeout=min(config.api.timeout, PATIENCE), retries=min(config.api.retries, RETRIES)
    )
    asked = [one for name, one in config.accounts.items() if account in (None, name)]
    async with AsyncExitStack() as stack:
        clouds = [CompShare(one, api) for one in asked]
        for cloud in clouds:
            stack.push_async_callback(cloud.aclose)
        return await asyncio.gather(*map(_ask, asked, clouds))


async def _ask(account: AccountConfig, cloud: CompShare) -> Inquiry:
    named, error = await _named(cloud)
    asked = tuple(dict.fromkeys((*named, *(account.regions or ()))))
    refusals = await asyncio.gather(*(_refusal(cloud, region) for region in asked))
    regions = dict(zip(asked, refusals, strict=True))
    return Inquiry(account.name, account.regions, named, error, regions, cloud.skew)


async def _named(cloud: CompShare) -> tuple[tuple[str, ...], ApiError | None]:
    try:
        return await cloud.regions(), None
    except ApiError as error:
        return (), error


async def _refusal(cloud: CompShare, region: str) -> ApiError | None:
    try:
        await cloud.probe(region)
    except ApiError as error:
        return error
    return None
