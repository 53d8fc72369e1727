"""The only write of a sync: rows, events, deliveries, target and run, in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import TypeVar

from syncd.model import Draft
from syncd.store import images, outbox, runs, targets
from syncd.store.engine import Transaction
from syncd.store.records import AccountState, Run, TargetState
from syncd.sync import news, pace, telling, trouble
from syncd.sync.judgement import Judgement, Reading
from syncd.sync.news import Occasion
from syncd.sync.report import SyncReport
from syncd.sync.roster import bring_back
from syncd.sync.settings import Settings
from syncd.sync.telling import Happening, Teller

AT_ONCE = 500
"""Happenings told at once, with the loop yielding between."""

T = TypeVar("T")


class Abandoned(Exception):  # noqa: N818  # not an error: the configuration changed under the sync
    """The target is no longer watched, or its rows belong to another scope than was read."""


class Commit:
    """One sync's transaction, step by step; ``now`` is when its events were observed."""

    def __init__(
        self, tx: Transaction, reading: Reading, judgement: Judgement, settings: Settings, now: datetime
    ) -> None:
        self.tx = tx
        self.reading = reading
        self.judgement = judgement
        self.settings = settings
        self.now = now

    async def write(self, coming: Collection[str] = ()) -> SyncReport:
        """``coming`` are the account's regions whose first list is still being read."""
        account, state = await self._agreed()
        if self.reading.baseline and not self.reading.listing.complete:
            return await self._only_run(account, state)
        await self._write_rows()
        after = self._after(state)
        await targets.save_target(self.tx, after)
        account = await self._note_baseline(account)
        told, late = await self._hidden(account)
        run = self._run(len(told), sum(map(len, late.values())))
        run_id = await runs.record(self.tx, run)
        await self._tell(account, told, late, run_id)
        await self._enter_scope()
        await self._announce(account, after, run_id, coming)
        return self._report(run, after)

    async def _agreed(self) -> tuple[AccountState, TargetState]:
        """What the sync read about still holds; a discovered region becomes a target."""
        target = self.reading.target
        account = await targets.read_account(self.tx, target.account)
        state = await targets.read_target(self.tx, target)
        if account is None or not account.active or account.scope != self.reading.scope:
            raise Abandoned
        if not self.reading.candidate and (state is None or not state.active):
            raise Abandoned
        if state is None:
            return account, TargetState(target)
        return account, state if state.active else await bring_back(self.tx, state)

    async def _write_rows(self) -> None:
        target, plan = self.reading.target, self.judgement.plan
        await images.add(self.tx, target, [(a.image, a.payload, a.fingerprint) for a in plan.added], self.now)
        await images.update(self.tx, target, [(u.after, u.payload) for u in plan.changed], self.now)
        await images.mark_seen(self.tx, target, plan.returned)
        await images.revoke(self.tx, target, self.judgement.gone, self.now)
        lacking = self.reading.lacking
        await images.mark_missing(
            self.tx,
            target,
            {image_id: row for image_id, row in self.judgement.kept.items() if lacking.get(image_id) != row},
        )

    def _after(self, state: TargetState) -> TargetState:
        """The target's row after this sync."""
        reading, kept = self.reading, self.judgement.kept
        state = replace(
            state,
            last_attempt_at=reading.started_at,
            live_count=len(reading.known) + len(self.judgement.plan.added) - len(self.judgement.gone),
            held_count=len(self.judgement.held),
            episode_at=(state.episode_at or reading.started_at) if kept else None,
            lookups_warned_at=(state.lookups_warned_at or self._warned_at()) if kept else None,
        )
        return self._succeeded(state) if reading.listing.complete else self._incomplete(state)

    def _warned_at(self) -> datetime | None:
        return None if self.judgement.proving else self.now

    def _succeeded(self, state: TargetState) -> TargetState:
        started = self.reading.started_at
        return replace(
            state,
            scope=self.reading.scope,
            baseline_at=self.now if self.reading.baseline else state.baseline_at,
            last_success_at=started,
            fresh_until=pace.fresh_until(started, self.settings.interval(started)),
            failures=0,
            last_error=None,
            failure_class=None,
            failing_since=None,
        )

    def _incomplete(self, state: TargetState) -> TargetState:
        return replace(
            state,
            last_attempt_at=self.reading.started_at,
            failures=state.failures + 1,
            last_error=self.reading.listing.reason,
            failure_class="incomplete",
            failing_since=state.failing_since or self.reading.started_at,
        )

    async def _note_baseline(self, account: AccountState) -> AccountState:
        if account.first_baseline_at is not None or not self.reading.baseline:
            return account
        account = replace(account, first_baseline_at=self.now)
        await targets.save_account(self.tx, account)
        return account

    async def _hidden(self, account: AccountState) -> tuple[list[Happening], dict[str, list[Happening]]]:
        """What the account's facts owe the user besides this sync's own rows."""
        if not self.reading.listing.complete:
            return [], {}
        states = await targets.read_targets(self.tx, account.account)
        late = await trouble.late_losses(self.tx, account, states, self.now)
        own = [pair for pair in late if pair[0] not in self.judgement.gone]
        return (
            await telling.told_gone(self.tx, self.reading, self.judgement),
            await telling.late_happenings(self.tx, account.account, own),
        )

    async def _tell(
        self, account: AccountState, told: list[Happening], late: dict[str, list[Happening]], run_id: int
    ) -> None:
        reading = self.reading
        last_known = (
            await images.stored(self.tx, reading.target, self.judgement.gone) if self.judgement.gone else {}
        )
        occasion = Occasion(reading.target, self.now, reading.baseline, reading.rebaseline)
        counting = frozenset(
            state.target.region
            for state in await targets.read_targets(self.tx, account.account)
            if state.counts(account.scope, self.now)
        )
        teller = Teller(occasion, counting, reading.state.last_success_at)
        own = telling.of_plan(reading, self.judgement, last_known)
        await self._append_all(teller, [own, iter(told)], run_id)
        for region, losses in late.items():
            where = Occasion(reading.target._replace(region=region), self.now)
            await self._append_all(Teller(where, counting, None), [iter(losses)], run_id)

    async def _enter_scope(self) -> None:
        """In a new scope only what its targets list is known; the others' rows are known again when they enter it."""
        if self.reading.rebaseline:
            await targets.recall_facts(self.tx, self.reading.target, self.now)
            await targets.forget_facts(self.tx, self.reading.target.account)

    async def _append_all(self, teller: Teller, sources: Iterable[Iterator[Happening]], run_id: int) -> None:
        for source in sources:
            for chunk in _chunks(source, AT_ONCE):
                await self._append(await teller.tell(self.tx, chunk), run_id)
                await asyncio.sleep(0)

    async def _append(self, drafts: Sequence[Draft], run_id: int | None = None) -> None:
        if drafts:
            await outbox.append(self.tx, drafts, self.settings.routes, run_id=run_id)

    async def _announce(
        self, account: AccountState, state: TargetState, run_id: int, coming: Collection[str]
    ) -> None:
        """What is said about the sync itself."""
        await self._append(self._guard_news(state), run_id)
        if self.reading.listing.complete:
            await self._append(
                await trouble.announce_recovery(self.tx, account, self.settings.alerts, self.now), run_id
            )
        else:
            await self._append(await self._complain(account, state), run_id)
        still_coming = set(coming) - {state.target.region}
        await self._append(await trouble.say_hello(self.tx, account.account, still_coming, self.now), run_id)

    def _guard_news(self, state: TargetState) -> list[Draft]:
        before = {image_id for image_id, row in self.reading.lacking.items() if row.held}
        held, target = self.judgement.held, self.reading.target
        if held and not before:
            assert self.judgement.until is not None
            live = len(self.reading.known)
            return [news.held(target, held, len(self.judgement.kept), live, self.judgement.until, self.now)]
        if before and not held:
            revoked = len(before & self.judgement.gone.keys())
            reason = "revoked" if revoked else "returned"
            return [news.released(target, reason, len(before) - revoked, revoked, self.now)]
        return []

    async def _complain(self, account: AccountState, state: TargetState) -> list[Draft]:
        return await trouble.announce_failure(
            self.tx,
            account,
            trouble.trouble_of(state, self.now),
            state.last_error or "",
            self.settings.alerts,
            self.now,
        )

    async def _only_run(self, account: AccountState, state: TargetState) -> SyncReport:
        """An incomplete list is no baseline."""
        state = self._incomplete(state)
        await targets.save_target(self.tx, state)
        run = Run(
            self.reading.target,
            self.reading.started_at,
            self.now,
            "incomplete",
            pages=self.reading.listing.pages,
            listed=len(self.reading.listing.seen),
            error=state.last_error,
        )
        run_id = await runs.record(self.tx, run)
        await self._append(await self._complain(account, state), run_id)
        await self._append(await trouble.say_hello(self.tx, account.account, (), self.now), run_id)
        return self._report(run, state)

    def _run(self, told: int, late: int) -> Run:
        listing, plan = self.reading.listing, self.judgement.plan
        fields = [{change.field for change in update.changes} for update in plan.changed]
        outcome = "incomplete" if not listing.complete else "held" if self.judgement.held else "complete"
        return Run(
            self.reading.target,
            self.reading.started_at,
            self.now,
            outcome,  # type: ignore[arg-type]  # one of the three literals
            pages=listing.pages,
            listed=len(listing.seen),
            shared=len(plan.added) + told,
            revoked=len(self.judgement.gone) + late,
            status_changed=sum("status" in names for names in fields),
            updated=sum(bool(names - {"status"}) for names in fields),
            unreadable=sum(listing.unreadable.values()),
            error=listing.reason,
        )

    def _report(self, run: Run, state: TargetState) -> SyncReport:
        retry = None
        if state.failures:
            interval = self.settings.interval(run.started_at)
            retry = self.now + pace.retry_delay("incomplete", state.failures, interval, None)
        return SyncReport(
            run.target,
            run.outcome,
            run.started_at,
            run.finished_at,
            pages=run.pages,
            listed=run.listed,
            shared=run.shared,
            revoked=run.revoked,
            status_changed=run.status_changed,
            updated=run.updated,
            live=state.live_count,
            missing=len(self.judgement.kept),
            held=state.held_count,
            baseline=self.reading.baseline and self.reading.listing.complete,
            failure=state.failure_class,
            failures=state.failures,
            error=run.error,
            retry_at=retry,
            look_at=self.judgement.look_at,
        )


def _chunks(source: Iterator[T], size: int) -> Iterator[list[T]]:
    while chunk := list(islice(source, size)):
        yield chunk
