"""An account at run time: its client, and whose rows it may touch.

Rows belong to a scope: the gateway, the project and the owner of the key. A rotated key of the same owner keeps the
scope; another owner, project or gateway is a new one, whose first complete listing is a baseline again.
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from syncd.compshare.client import CompShare
from syncd.errors import ApiError, Throttled, Transient
from syncd.store.engine import Database, Transaction
from syncd.store.facts import recall_facts, settle_all
from syncd.store.records import AccountState
from syncd.store.targets import read_account, read_targets, save_account

log = structlog.get_logger()

ASK_AGAIN = timedelta(hours=1)


class Account:
    """``regions`` is None where the API is asked for them."""

    def __init__(
        self,
        name: str,
        cloud: CompShare,
        base_url: str,
        project_id: str | None,
        regions: tuple[str, ...] | None,
    ) -> None:
        self.name = name
        self.cloud = cloud
        self.regions = regions
        self.place = place(base_url, project_id)
        self._turn = asyncio.Lock()
        self._ask_at: datetime | None = None
        """When the projects are asked for again, after the API would not say them."""

    def newcomer(self) -> AccountState:
        """The state of an account that the database does not know."""
        return AccountState(self.name, f"{self.place}.{self.cloud.key_hash}", self.cloud.key_hash)

    async def adopt(self, db: Database, now: datetime) -> str:
        """The scope of what this key lists; called when a listing has shown that the key is good.

        Raises the ApiError of the question where only the API could tell whose key it is, and gives no answer.
        """
        async with self._turn:
            known, decided = await self._decide(db, now)
            await self._save(db, known, decided)
            return decided.scope

    async def foresee(self, db: Database, now: datetime) -> str:
        """The scope that `adopt` would give; writes nothing."""
        _, decided = await self._decide(db, now)
        return decided.scope

    async def _decide(self, db: Database, now: datetime) -> tuple[AccountState, AccountState]:
        async with db.read() as tx:
            known = await read_account(tx, self.name) or self.newcomer()
        if known.key_hash != self.cloud.key_hash:
            projects = await self._projects_of_new_key()
        else:
            projects = known.projects or await self._projects(now)
        scope = f"{self.place}.{owner_of(known, self.cloud.key_hash, projects)}"
        if scope == known.scope:
            projects = projects or known.projects
        return known, replace(known, scope=scope, key_hash=self.cloud.key_hash, projects=projects)

    async def _projects_of_new_key(self) -> tuple[str, ...] | None:
        """None where the API refuses to say them; no answer at all decides nothing."""
        try:
            return await self.cloud.projects()
        except ApiError as error:
            if _may_pass(error):
                raise
            return None

    async def _projects(self, now: datetime) -> tuple[str, ...] | None:
        """Read ahead of the day on which the key is rotated; no sync depends on it."""
        if self._ask_at is not None and now < self._ask_at:
            return None
        projects: tuple[str, ...] = ()
        with suppress(ApiError):
            projects = await self.cloud.projects()
        if not projects:
            self._ask_at = now + ASK_AGAIN
        return projects or None

    async def _save(self, db: Database, known: AccountState, decided: AccountState) -> None:
        if decided == known:
            return
        async with db.write() as tx:
            state = await read_account(tx, self.name) or decided
            await save_account(
                tx, replace(state, scope=decided.scope, key_hash=decided.key_hash, projects=decided.projects)
            )
            if decided.scope != known.scope:
                await settle_all(tx, self.name)
                await _recall_what_stayed(tx, self.name, decided.scope)
        if decided.scope != known.scope and known.first_baseline_at is not None:
            effect = "the next complete list of each region is a new baseline"
            log.warning("scope_changed", account=self.name, effect=effect)
        elif decided.key_hash != known.key_hash:
            log.info("key_rotated", account=self.name)


async def _recall_what_stayed(tx: Transaction, account: str, scope: str) -> None:
    """Back in an earlier scope: targets that listed nothing meanwhile never left it; what they list is known again."""
    for state in await read_targets(tx, account):
        if state.active and state.scope == scope:
            await recall_facts(tx, state.target)


def _may_pass(error: ApiError) -> bool:
    return error.code is None or isinstance(error, Throttled | Transient)


def place(base_url: str, project_id: str | None) -> str:
    """A short digest of where an account's list is read."""
    return hashlib.sha256(f"{base_url.rstrip('/')}\n{project_id or ''}".encode()).hexdigest()[:16]


def owner_of(known: AccountState, key_hash: str, projects: tuple[str, ...] | None) -> str:
    """Who owns the key: as before if it is the same or shows a project that the old one showed; else a new owner."""
    if key_hash == known.key_hash or set(projects or ()) & set(known.projects or ()):
        return known.scope.rpartition(".")[2]
    return key_hash
