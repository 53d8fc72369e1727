"""An account at run time: its client, and whose rows it may touch.

Rows belong to a scope: the gateway, the project and the owner of the key. A rotated key of the same owner keeps the
scope; another owner, project or gateway is a new one, whose first complete listing is a baseline again. Whose key it is
says `GetProjectList`, and where a key may not ask that, the list that it shows (`sync.owner`).
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from syncd.compshare.client import CompShare
from syncd.errors import ApiError, Throttled, Transient
from syncd.model import trusted
from syncd.store.engine import Database
from syncd.store.facts import recall_facts
from syncd.store.records import AccountState
from syncd.store.targets import read_account, read_targets, save_account
from syncd.store.transaction import Transaction
from syncd.sync.owner import shows_the_same

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
        self._asked_at: datetime | None = None
        """When the API would not say the projects."""
        self.discoveries: set[asyncio.Task[Any]] = set()
        """Those that run; `aclose` ends them."""

    def newcomer(self) -> AccountState:
        """The state of an account that the database does not know."""
        return AccountState(self.name, f"{self.place}.{self.cloud.key_hash}", self.cloud.key_hash)

    async def aclose(self) -> None:
        """End what asks on its behalf; nothing is sent any more."""
        for discovery in self.discoveries:
            discovery.cancel()
        if self.discoveries:
            await asyncio.wait(self.discoveries)
        await self.cloud.aclose()

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
        if known.key_hash == self.cloud.key_hash:
            projects, owner = known.projects or await self._projects(now), _owner(known)
        else:
            projects = await self._projects_of_new_key()
            owner = _owner(known) if await self._is_rotated(db, known, projects) else self.cloud.key_hash
        scope = f"{self.place}.{owner}"
        if scope == known.scope:
            projects = projects or known.projects
        return known, replace(known, scope=scope, key_hash=self.cloud.key_hash, projects=projects)

    async def _is_rotated(self, db: Database, known: AccountState, projects: tuple[str, ...] | None) -> bool:
        """Whether another key is of the same owner: by its projects; by its list where one of the keys has none."""
        if projects and known.projects:
            return bool(set(projects) & set(known.projects))
        if place_of(known) != self.place:
            return False
        return await shows_the_same(db, self.cloud, known)

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
        asked_at = trusted(self._asked_at, now)
        if asked_at is not None and now - asked_at < ASK_AGAIN:
            return None
        projects: tuple[str, ...] = ()
        with suppress(ApiError):
            projects = await self.cloud.projects()
        if not projects:
            self._asked_at = now
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


def _owner(state: AccountState) -> str:
    return state.scope.rpartition(".")[2]


def place_of(state: AccountState) -> str:
    return state.scope.rpartition(".")[0]
