"""Which accounts and regions the pretend cloud has; by name, by key, and by what a caller means with "*"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from syncd.simulator import accounts
from syncd.simulator.accounts import Account

Where = str | Iterable[str]
"""A region, several, or "*" for all of them."""

EVERYWHERE = "*"


class UnknownError(LookupError):
    """No such account, region or image in this world."""


class Registry:
    """The half of a `World` that knows accounts and regions; it knows nothing of images."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._accounts: dict[str, Account] = {}
        self._generations: dict[str, int] = {}
        self._regions: dict[str, int] = {}

    @property
    def accounts(self) -> tuple[Account, ...]:
        return tuple(self._accounts.values())

    @property
    def regions(self) -> tuple[str, ...]:
        return tuple(self._regions)

    @property
    def zones(self) -> Mapping[str, int]:
        """Region → its number of zones."""
        return self._regions

    def add_account(self, name: str, *, projects: int = 2, needs_project: bool = False) -> Account:
        account = accounts.new_account(self.seed, name, projects=projects, needs_project=needs_project)
        self._accounts[name] = account
        return account

    def remove_account(self, account: str | Account) -> None:
        """Its keys are unknown from now on (172)."""
        del self._accounts[self.account(account).name]

    def rotate_key(self, account: str | Account) -> Account:
        """Another key pair for the same account and projects."""
        old = self.account(account)
        generation = self._generations[old.name] = self._generations.get(old.name, 0) + 1
        public_key, private_key = accounts.new_keys(self.seed, old.name, generation)
        self._accounts[old.name] = replace(old, public_key=public_key, private_key=private_key)
        return self._accounts[old.name]

    def add_region(self, region: str, *, zones: int = 2) -> None:
        self._regions[region] = zones

    def remove_region(self, region: str) -> None:
        """It leaves the list of zones, and listing it is refused with 230. Added again, it shows what it showed."""
        self._where(region)
        del self._regions[region]

    def account(self, account: str | Account) -> Account:
        """By name, public key, or itself as it is now. Raises UnknownError."""
        name = account.name if isinstance(account, Account) else account
        found = self._accounts.get(name) or self.by_public_key(name)
        if found is None:
            raise UnknownError(f"no account {name!r}; there are {', '.join(self._accounts) or 'none'}")
        return found

    def by_public_key(self, public_key: str) -> Account | None:
        return next((one for one in self._accounts.values() if one.public_key == public_key), None)

    def _whom(self, account: str | Account | None) -> tuple[Account, ...]:
        return self.accounts if account is None else (self.account(account),)

    def _where(self, regions: Where) -> tuple[str, ...]:
        if regions == EVERYWHERE:
            return self.regions
        named = (regions,) if isinstance(regions, str) else tuple(regions)
        for region in named:
            if region not in self._regions:
                raise UnknownError(f"no region {region!r}; there are {', '.join(self._regions) or 'none'}")
        return named
