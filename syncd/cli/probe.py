"""Asks the API with each key: which regions there are, which of them the key may list, and what time it is."""

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

REQUEST_TIMEOUT = timedelta(seconds=10)
"""Somebody waits for the answer, so a request gets no longer than this, however long [api] timeout is."""
MAX_RETRIES = 1


@dataclass(frozen=True, slots=True)
class Probe:
    """What the API answered to the key of one account.

    ``configured`` are the regions that the configuration names, None for all of them. ``named`` are those that the API
    named; if it named none, ``error`` says why.
    """

    account: str
    configured: tuple[str, ...] | None
    named: tuple[str, ...]
    error: ApiError | None
    regions: Mapping[str, ApiError | None]
    """Each region that is named or configured, with the error if it could not be listed."""
    skew: timedelta | None
    """The API's clock minus ours, to the second; None if the API did not tell."""

    @property
    def left_out(self) -> Mapping[str, ApiError]:
        """Regions that the configuration does not name and this key may not list: syncd does not watch them."""
        if self.configured is not None:
            return {}
        return {
            region: error for region, error in self.regions.items() if error and is_region_refused(error.code)
        }

    @property
    def watched(self) -> list[str]:
        return [region for region in self.configured or self.named if region not in self.left_out]


async def probe_accounts(config: Config, account: str | None = None) -> list[Probe]:
    """Ask with every key, or with that of ``account``. Raises UsageError if that is not configured."""
    from syncd.compshare.client import CompShare

    if account is not None and account not in config.accounts:
        raise UsageError(f"account {account} is not configured", f"accounts: {', '.join(config.accounts)}")
    api = replace(
        config.api,
        timeout=min(config.api.timeout, REQUEST_TIMEOUT),
        retries=min(config.api.retries, MAX_RETRIES),
    )
    accounts = [settings for name, settings in config.accounts.items() if account in (None, name)]
    async with AsyncExitStack() as stack:
        clients = [CompShare(settings, api) for settings in accounts]
        for client in clients:
            stack.push_async_callback(client.aclose)
        return await asyncio.gather(*map(_probe, accounts, clients))


async def _probe(account: AccountConfig, client: CompShare) -> Probe:
    named, error = await _named_regions(client)
    asked = tuple(dict.fromkeys((*named, *(account.regions or ()))))
    errors = await asyncio.gather(*(_listing_error(client, region) for region in asked))
    regions = dict(zip(asked, errors, strict=True))
    return Probe(account.name, account.regions, named, error, regions, client.skew)


async def _named_regions(client: CompShare) -> tuple[tuple[str, ...], ApiError | None]:
    try:
        return await client.regions(), None
    except ApiError as error:
        return (), error


async def _listing_error(client: CompShare, region: str) -> ApiError | None:
    try:
        await client.probe(region)
    except ApiError as error:
        return error
    return None
