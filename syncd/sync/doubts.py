"""Facts in doubt: an account was told one thing, and a region that showed it no longer does.

A region lost an image that another one may still have, or a region left the watch. Either way, what the account was
told is compared with what the remaining regions show once one of them has been read again: a state that no region shows
any more is told anew, and an image that no region has any more is told as gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from msgspec.structs import replace

from syncd.model import Draft, Image, Target, fingerprint
from syncd.store import facts, images, outbox, targets
from syncd.store.engine import Transaction
from syncd.store.images import LiveRow
from syncd.store.records import AccountState, Fact, TargetState
from syncd.sync import event_drafts
from syncd.sync.announcer import Changed, changed
from syncd.sync.confirm import ASKED_AT_ONCE
from syncd.sync.diff import compare
from syncd.sync.event_drafts import Occasion
from syncd.sync.facts import Telling, gone, settled
from syncd.sync.other_regions import Answers, elsewhere, questions
from syncd.sync.settings import Settings

ASKED_AGAIN_AFTER = timedelta(minutes=10)
"""An image that a lookup found where no list shows it is looked up again after so long."""

AWAITED_FOR = timedelta(minutes=10)
"""How long a loss waits for a region that could not be asked and is about to be synced: a round of cron takes less."""


@dataclass(frozen=True, slots=True)
class Shows:
    """What a region that counts shows of an image; ``lately``: read since the fact came into doubt."""

    region: str
    fingerprint: bytes
    lately: bool


Step = Literal["wait", "agrees", "differs", "ask"]


def next_step(fact: Fact, shows: Sequence[Shows], listed: bool, now: datetime) -> Step:
    """What to do about a fact in doubt; ``listed``: a region that counts has a live row, if only a missing one."""
    told = fact.digest + fact.status.encode()
    if any(row.lately for row in shows):
        agreeing = [row for row in shows if row.fingerprint == told]
        if not agreeing:
            return "differs"
        return "agrees" if any(row.lately for row in agreeing) else "wait"
    if listed or fact.lost_region is None or _within(fact.found_at, ASKED_AGAIN_AFTER, now):
        return "wait"
    return "ask"


class Settlement:
    """The facts of one account in doubt, in one transaction; ``answers`` are what lookups said before it."""

    def __init__(
        self, tx: Transaction, account: AccountState, settings: Settings, answers: Answers, now: datetime
    ) -> None:
        self.tx = tx
        self.account = account
        self.settings = settings
        self.answers = answers
        self.now = now
        self._states: list[TargetState] = []
        self._rows: Mapping[str, Sequence[LiveRow]] = {}

    async def write(self) -> None:
        """Raises `Unasked` if lookups must be made first; nothing is written then."""
        name = self.account.account
        stored = await facts.read_unsettled(self.tx, name)
        self._states = await targets.read_targets(self.tx, name)
        self._rows = await images.live_rows(self.tx, name, stored)
        doubtful = {image_id: _dated(fact, self.now) for image_id, fact in stored.items()}
        steps = {image_id: self._step(image_id, fact) for image_id, fact in doubtful.items()}
        asked = [image_id for image_id, step in steps.items() if step == "ask"][:ASKED_AT_ONCE]
        await self._require_answers(asked)
        after, drafts = dict(doubtful), list[Draft]()
        for image_id, step in steps.items():
            if step == "agrees":
                after[image_id] = settled(doubtful[image_id])
            elif step == "differs":
                after[image_id] = settled(await self._tell_state(image_id, doubtful[image_id], drafts))
            elif image_id in asked:
                after[image_id] = await self._tell_loss(image_id, doubtful[image_id], drafts)
        await facts.save_facts(self.tx, name, {i: fact for i, fact in after.items() if fact != stored[i]})
        if drafts:
            await outbox.append(self.tx, drafts, self.settings.routes)

    def _step(self, image_id: str, fact: Fact) -> Step:
        rows = self._rows.get(image_id, ())
        counting = {state.target.region: state for state in self._states if self._counts(state)}
        shows = [
            Shows(row.region, row.fingerprint, _lately(counting[row.region], fact, self.now))
            for row in rows
            if row.region in counting and not row.missing
        ]
        return next_step(fact, shows, any(row.region in counting for row in rows), self.now)

    def _counts(self, state: TargetState) -> bool:
        return state.counts(self.account.scope, self.now)

    async def _require_answers(self, ids: Sequence[str]) -> None:
        regions = [state.target.region for state in self._states if state.active]
        unasked = await questions(self.tx, self.account.account, ids, regions, self.answers)
        if unasked is not None:
            raise unasked

    async def _tell_state(self, image_id: str, fact: Fact, drafts: list[Draft]) -> Fact:
        """The account hears what the region shows that was read last."""
        showing = {row.region for row in self._rows[image_id] if not row.missing}
        state = max(
            (state for state in self._states if state.target.region in showing and self._counts(state)),
            key=lambda state: state.last_success_at or self.now,
        )
        image = (await images.stored(self.tx, state.target, [image_id]))[image_id]
        before = await self._told_image(image_id, fact) or image
        change = Changed(before, image, compare(before, image), fact.unsettled_at)
        for telling, draft in changed(Occasion(state.target, self.now), change, fact):
            fact = telling.fact
            drafts.append(draft)
        return fact

    async def _told_image(self, image_id: str, fact: Fact) -> Image | None:
        """The image as the account was told of it, from the row of any region that showed it so, live or not."""
        told = fact.digest + fact.status.encode()
        stored = [
            (await images.stored(self.tx, state.target, [image_id])).get(image_id) for state in self._states
        ]
        known = [image for image in stored if image is not None]
        exact = (image for image in known if fingerprint(image) == told)
        return next(exact, None) or (replace(known[0], status=fact.status or None) if known else None)

    async def _tell_loss(self, image_id: str, fact: Fact, drafts: list[Draft]) -> Fact:
        """The account hears that the image is gone, unless a region that does not count still has it."""
        others = elsewhere(
            image_id, self._states, self._regions(image_id), self.answers, self.account.scope, self.now
        )
        if others.has_it:
            return replace(fact, found_at=self.now)
        if others.awaited and _within(fact.unsettled_at, AWAITED_FOR, self.now):
            return fact
        assert fact.lost_region is not None
        target = Target(self.account.account, fact.lost_region)
        image = (await images.stored(self.tx, target, [image_id]))[image_id]
        missing = (await images.shown_and_missing(self.tx, target, [image_id]))[image_id]
        telling = Telling("account", gone(fact), others.unverified)
        drafts.append(event_drafts.revoked(Occasion(target, self.now), telling, image, missing))
        return telling.fact

    def _regions(self, image_id: str) -> set[str]:
        return {row.region for row in self._rows.get(image_id, ())}


def _dated(fact: Fact, now: datetime) -> Fact:
    """No time is trusted beyond now: a clock that ran ahead wrote it."""
    assert fact.unsettled_at is not None
    return replace(fact, unsettled_at=min(fact.unsettled_at, now))


def _lately(state: TargetState, fact: Fact, now: datetime) -> bool:
    assert fact.unsettled_at is not None
    return state.last_success_at is not None and fact.unsettled_at < state.last_success_at <= now


def _within(moment: datetime | None, time: timedelta, now: datetime) -> bool:
    return moment is not None and timedelta(0) <= now - moment < time
