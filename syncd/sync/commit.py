"""The only write of a sync: rows, events, deliveries, target and run, in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from syncd.model import Draft
from syncd.pieces import in_pieces
from syncd.store import facts, images, outbox, runs, targets
from syncd.store.records import AccountState, Run, TargetState
from syncd.store.transaction import Transaction
from syncd.sync import announcements, event_drafts, pace
from syncd.sync.announcer import Announcer, Happening, Shared, listed_again, of_plan
from syncd.sync.decision import Decision, Reading
from syncd.sync.diff import Plan
from syncd.sync.event_drafts import Occasion
from syncd.sync.other_regions import Answers, account_losses, counting_regions, require_answers
from syncd.sync.reconcile import bring_back
from syncd.sync.report import SyncReport
from syncd.sync.settings import Settings

HAPPENINGS_PER_PIECE = 500
"""How many happenings are told at once, with other tasks running in between."""


class Abandoned(Exception):  # noqa: N818  # not an error: the configuration changed under the sync
    """The target is no longer watched, or its rows belong to another scope than was read."""


class Commit:
    """One sync's transaction, step by step; ``now`` is when its events were observed."""

    def __init__(
        self,
        tx: Transaction,
        reading: Reading,
        decision: Decision,
        settings: Settings,
        answers: Answers,
        now: datetime,
    ) -> None:
        self.tx = tx
        self.reading = reading
        self.decision = decision
        self.settings = settings
        self.answers = answers
        self.now = now
        self.in_doubt = False
        """Whether the account then has facts in doubt (`sync.doubts`)."""
        self.settled_by: int | None = None
        """The run after which nothing is open about the target (`memory.Settled`), if this is one."""

    async def write(self, coming: Collection[str] = ()) -> SyncReport:
        """``coming`` are the account's regions whose first list is still being read.

        Raises `Unasked` if lookups must be made first; nothing is written then.
        """
        await targets.distrust_times_ahead(self.tx, self.now)
        account, state = await self._agreed()
        if self.reading.baseline and not self._is_baseline():
            return await self._only_run(account, state)
        await self._require_answers(account)
        await self._write_rows()
        after = self._after(state)
        await targets.save_target(self.tx, after)
        account = await self._note_baseline(account)
        reappeared = await listed_again(self.tx, self.reading, self.decision)
        run = self._run(len(reappeared))
        run_id = await runs.record(self.tx, run)
        await self._announce_images(account, reappeared, run_id)
        await self._enter_scope()
        await self._announce(account, after, run_id, coming)
        self.in_doubt = await facts.any_doubted(self.tx, account.account)
        if not run.has_news and self._settles(account):
            self.settled_by = run_id
        return self._report(run, after)

    def _settles(self, account: AccountState) -> bool:
        """Whether an equal list would change nothing but times, and there would be nothing to say."""
        complete = self.reading.listing.complete and not self.reading.baseline
        nothing_open = self.decision.is_quiet and not self.decision.kept and not self.in_doubt
        return complete and nothing_open and account.alert is None and account.hello_at is not None

    def _is_baseline(self) -> bool:
        """An empty list is one only once it has lasted (`decision.decide`)."""
        return self.reading.listing.complete and self.decision.empty_wait is None

    async def _require_answers(self, account: AccountState) -> None:
        """Before the account is told that an image is gone, each of its other regions is asked for it."""
        if not self.decision.gone or self.reading.rebaseline:
            return
        target = self.reading.target
        states = await targets.read_targets(self.tx, account.account)
        others = [state for state in states if state.target != target]
        counting = counting_regions(others, account.scope, self.now)
        lost = await account_losses(self.tx, target, list(self.decision.gone), counting)
        await require_answers(self.tx, account.account, lost, others, self.answers, counting)

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
        """All but the added ones, which are written with their events (`_add_images`)."""
        target, plan = self.reading.target, self.decision.plan
        await images.update(self.tx, target, [(u.after, u.payload) for u in plan.changed], self.now)
        await images.mark_seen(self.tx, target, plan.returned)
        await images.revoke(self.tx, target, self.decision.gone, self.now)
        lacking = self.reading.lacking
        async for rows in in_pieces(self.decision.kept.items()):
            changed = {image_id: row for image_id, row in rows if lacking.get(image_id) != row}
            await images.mark_missing(self.tx, target, changed)

    def _after(self, state: TargetState) -> TargetState:
        """The target's row after this sync."""
        reading, kept = self.reading, self.decision.kept
        state = replace(
            state,
            last_attempt_at=reading.started_at,
            live_count=len(reading.known) + len(self.decision.plan.added) - len(self.decision.gone),
            held_count=len(self.decision.held),
            episode_at=(state.episode_at or reading.started_at) if kept else None,
            lookups_warned_at=self._warned(state.lookups_warned_at, not self.decision.proving),
            disagreement_warned_at=self._warned(state.disagreement_warned_at, bool(self.decision.found)),
        )
        return self._succeeded(state) if reading.listing.complete else self._incomplete(state)

    def _warned(self, before: datetime | None, now: bool) -> datetime | None:
        """When a warning was given that is given once an episode."""
        if not self.decision.kept:
            return None
        return before or (self.now if now else None)

    def _succeeded(self, state: TargetState) -> TargetState:
        """After a complete list that is the baseline, or follows one."""
        return replace(
            self._complete(state),
            scope=self.reading.scope,
            baseline_at=self.now if self.reading.baseline else state.baseline_at,
            empty_since=None,
            empty_syncs=0,
            empty_seconds=0.0,
        )

    def _complete(self, state: TargetState) -> TargetState:
        started = self.reading.started_at
        return state.succeeded(started, pace.fresh_until(started, self.settings.interval(started)))

    def _still_empty(self, state: TargetState) -> TargetState:
        """After an empty list that may yet become the baseline."""
        waited = self.decision.empty_wait
        assert waited is not None
        return replace(
            self._complete(state),
            empty_since=waited.since,
            empty_syncs=waited.syncs,
            empty_seconds=waited.waited.total_seconds(),
        )

    def _incomplete(self, state: TargetState) -> TargetState:
        listing = self.reading.listing
        state = state.failed(self.reading.started_at, "incomplete", listing.reason, self._retry_at)
        if listing.seen:  # the list is not empty: what empty ones waited is over
            state = replace(state, empty_since=None, empty_syncs=0, empty_seconds=0.0)
        return state

    def _retry_at(self, failures: int) -> datetime:
        interval = self.settings.interval(self.reading.started_at)
        return self.now + pace.retry_delay("incomplete", failures, interval, None)

    async def _note_baseline(self, account: AccountState) -> AccountState:
        if account.first_baseline_at is not None or not self.reading.baseline:
            return account
        account = replace(account, first_baseline_at=self.now)
        await targets.save_account(self.tx, account)
        return account

    async def _announce_images(self, account: AccountState, reappeared: list[Happening], run_id: int) -> None:
        reading = self.reading
        last_known = (
            await images.stored(self.tx, reading.target, self.decision.gone) if self.decision.gone else {}
        )
        announcer = Announcer(
            Occasion(reading.target, self.now, reading.baseline, reading.rebaseline),
            await targets.read_targets(self.tx, account.account),
            account.scope,
            reading.state.last_success_at,
            self.answers,
            wait=not reading.rebaseline,
        )
        await self._add_images(announcer, run_id)
        await self._tell_all(announcer, of_plan(reading, self.decision, last_known), run_id)
        await self._tell_all(announcer, reappeared, run_id)

    async def _add_images(self, announcer: Announcer, run_id: int) -> None:
        """Rows and events of a few hundred images at a time: no more images than these exist at once."""
        last = self.reading.state.last_success_at
        async for additions in in_pieces(self.decision.plan.added, HAPPENINGS_PER_PIECE):
            shared = [Shared(a.image, a.fingerprint, last, reshared=a.before is not None) for a in additions]
            rows = [(s.image, a.payload, a.fingerprint) for s, a in zip(shared, additions, strict=True)]
            await images.add(self.tx, self.reading.target, rows, self.now)
            await self._append(await announcer.announce(self.tx, shared), run_id)

    async def _enter_scope(self) -> None:
        """In a new scope only what its targets list is known; the others' rows are known again when they enter it."""
        if not self.reading.rebaseline:
            return
        account = self.reading.target.account
        states = await targets.read_targets(self.tx, account)
        others = [state for state in states if state.target != self.reading.target]
        first = not any(state.active and state.scope == self.reading.scope for state in others)
        if first:
            await facts.drop_doubts(self.tx, account)
        await facts.recall_facts(self.tx, self.reading.target, self.now, first=first)
        await facts.forget_facts(self.tx, account)

    async def _tell_all(self, announcer: Announcer, happenings: Iterable[Happening], run_id: int) -> None:
        async for piece in in_pieces(happenings, HAPPENINGS_PER_PIECE):
            await self._append(await announcer.announce(self.tx, piece), run_id)

    async def _append(self, drafts: Sequence[Draft], run_id: int | None = None) -> None:
        if drafts:
            await outbox.append(self.tx, drafts, self.settings.routes, run_id=run_id)

    async def _announce(
        self, account: AccountState, state: TargetState, run_id: int, coming: Collection[str]
    ) -> None:
        """What is said about the sync itself."""
        await self._append(self._guard_news(state), run_id)
        if self.reading.baseline and not self.reading.rebaseline:
            await self._append(self._first_images(account), run_id)
        await self._announce_health(account, state, run_id, set(coming) - {state.target.region})

    async def _announce_health(
        self, account: AccountState, state: TargetState, run_id: int, coming: Collection[str] = ()
    ) -> None:
        if self.reading.listing.complete:
            await self._append(
                await announcements.announce_recovery(self.tx, account, self.settings.alerts, self.now),
                run_id,
            )
        else:
            await self._append(await self._complain(account, state), run_id)
        await self._append(await announcements.say_hello(self.tx, account.account, coming, self.now), run_id)

    def _first_images(self, account: AccountState) -> list[Draft]:
        """A region that was empty when its account said hello says with its first images what is watched there."""
        if account.hello_at is None or self.reading.state.empty_wait is None or not self.decision.plan.added:
            return []
        target, images_there = self.reading.target, len(self.decision.plan.added)
        return [event_drafts.hello(target.account, images_there, [target.region], [], self.now)]

    def _guard_news(self, state: TargetState) -> list[Draft]:
        before = {image_id for image_id, row in self.reading.lacking.items() if row.held}
        held, target = self.decision.held, self.reading.target
        if held and not before:
            assert self.decision.until is not None
            live = len(self.reading.known)
            return [
                event_drafts.held(target, held, len(self.decision.kept), live, self.decision.until, self.now)
            ]
        if before and not held:
            revoked = len(before & self.decision.gone.keys())
            reason = "revoked" if revoked else "returned"
            return [event_drafts.released(target, reason, len(before) - revoked, revoked, self.now)]
        return []

    async def _complain(self, account: AccountState, state: TargetState) -> list[Draft]:
        return await announcements.announce_failure(
            self.tx,
            account,
            announcements.trouble_of(state, self.now),
            state.last_error or "",
            self.settings.alerts,
            self.now,
        )

    async def _only_run(self, account: AccountState, state: TargetState) -> SyncReport:
        """An incomplete list is no baseline, and an empty one not yet."""
        state = self._incomplete(state) if self.decision.empty_wait is None else self._still_empty(state)
        await targets.save_target(self.tx, state)
        run = self._run(0)
        await self._announce_health(account, state, await runs.record(self.tx, run))
        return self._report(run, state)

    def _run(self, reappeared: int) -> Run:
        listing = self.reading.listing
        plan = Plan() if self.reading.baseline and not self._is_baseline() else self.decision.plan
        fields = [{change.field for change in update.changes} for update in plan.changed]
        outcome = "incomplete" if not listing.complete else "held" if self.decision.held else "complete"
        return Run(
            self.reading.target,
            outcome,  # type: ignore[arg-type]  # one of the three literals
            self.reading.started_at,
            self.now,
            pages=listing.pages,
            listed=len(listing.seen),
            shared=len(plan.added) + reappeared,
            revoked=len(self.decision.gone),
            status_changed=sum("status" in names for names in fields),
            updated=sum(bool(names - {"status"}) for names in fields),
            unreadable=sum(listing.unreadable.values()),
            error=listing.reason,
        )

    def _report(self, run: Run, state: TargetState) -> SyncReport:
        return SyncReport.of(
            run,
            live=state.live_count,
            missing=len(self.decision.kept),
            held=state.held_count,
            baseline=self.reading.baseline and self._is_baseline(),
            failure=state.failure_class,
            failures=state.failures,
            retry_at=state.next_attempt_at,
            look_at=self.decision.look_at,
        )
