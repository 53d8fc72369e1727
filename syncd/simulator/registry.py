"""The accounts and regions of the pretend cloud."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from syncd.simulator import accounts
from syncd.simulator.accounts import Account

Where = str | Iterable[str]
"""The name of a region, several names, or "*" for all regions."""

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
        """The name of each region → the number of its zones."""
        return self._regions

    def add_account(self, name: str, *, projects: int = 2, needs_project: bool = False) -> Account:
        account = accounts.new_account(self.seed, name, projects=projects, needs_project=needs_project)
        self._accounts[name] = account
        return account

    def remove_account(self, account: str | Account) -> None:
        """From now on its keys are unknown (172)."""
        del self._accounts[self.account(account).name]

    def rotate_key(self, account: str | Account) -> Account:
        """Give the account another key pair; its id and projects stay."""
        old = self.account(account)
        generation = self._generations[old.name] = self._generations.get(old.name, 0) + 1
        public_key, private_key = accounts.new_keys(self.seed, old.name, generation)
        self._accounts[old.name] = replace(old, public_key=public_key, private_key=private_key)
        return self._accounts[old.name]

    def add_region(self, region: str, *, zones: int = 2) -> None:
        self._regions[region] = zones

    def remove_region(self, region: str) -> None:
        """Take a region off the list of zones: listing it is refused with 230. Added again, it shows what it had."""
        self._where(region)
        del self._regions[region]

    def account(self, account: str | Account) -> Account:
        """The account as it is now, found by its name, its public key or an older copy. Raises UnknownError."""
        name = account.name if isinstance(account, Account) else account
        known = self._accounts.get(name) or self.by_public_key(name)
        if known is None:
            raise UnknownError(f"no account {name!r}; there are {', '.join(self._accounts) or 'none'}")
        return known

    def by_public_key(self, public_key: str) -> Account | None:
        accounts_with_key = (known for known in self._accounts.values() if known.public_key == public_key)
        return next(accounts_with_key, None)

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
