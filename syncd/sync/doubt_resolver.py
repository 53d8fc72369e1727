"""Looks into an account's facts in doubt after a sync: asks its regions where needed, and writes what came of it."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from syncd.compshare.client import Lookup
from syncd.errors import DatabaseError
from syncd.model import Clock
from syncd.store import facts, targets
from syncd.store.engine import Database
from syncd.store.transaction import Transaction
from syncd.sync.accounts import Account
from syncd.sync.doubts import Doubts
from syncd.sync.other_regions import Unasked, ask
from syncd.sync.settings import Settings

log = structlog.get_logger()


class DoubtResolver:
    """``employs`` says whether an account is still the one that is configured."""

    def __init__(
        self,
        db: Database,
        settings: Callable[[], Settings],
        clock: Clock,
        employs: Callable[[Account], bool],
    ) -> None:
        self._db = db
        self._settings = settings
        self._clock = clock
        self._employs = employs
        self._in_doubt: set[str] = set()
        """Accounts with facts in doubt, as far as this process has seen."""
        self._resolving: set[str] = set()

    def arose(self, account: str) -> None:
        """A commit found facts of the account in doubt."""
        self._in_doubt.add(account)

    async def resolve(self, account: Account) -> None:
        """Tell what other regions show of images that one lost; what goes wrong with it is not the target's failure."""
        if account.name not in self._in_doubt or account.name in self._resolving:
            return
        self._resolving.add(account.name)
        try:
            await self._ask_and_resolve(account)
        except DatabaseError:
            raise
        except Exception as error:  # the sync itself is done, and the next one tries again
            log.error("internal_error", account=account.name, exc_info=error)
        finally:
            self._resolving.discard(account.name)

    async def _ask_and_resolve(self, account: Account) -> None:
        answers: dict[tuple[str, str], Lookup] = {}

        async def write(tx: Transaction) -> bool:
            state = await targets.read_account(tx, account.name)
            if state is not None and state.active:
                await Doubts(tx, state, self._settings(), answers, self._clock.now()).resolve()
            return await facts.any_doubted(tx, account.name)

        while self._employs(account):
            try:
                if not await self._db.apply(write, quiet=True):
                    self._in_doubt.discard(account.name)
                return
            except Unasked as unasked:
                answers |= await ask(account.cloud, unasked)
