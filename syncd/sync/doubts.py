"""Facts in doubt: an account was told one thing, and a region that showed it no longer does.

A region lost an image that another one may still have, or a region left the watch. Either way, what the account was
told is compared with what the remaining regions show once one of them has been read again: a status (or anything else)
that no region shows any more is told anew, and an image that no region has any more is told as gone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from msgspec.structs import replace

from syncd.model import DIGEST_SIZE, Draft, Image, Target, fingerprint
from syncd.store import facts, images, outbox, targets
from syncd.store.images import LiveRow
from syncd.store.records import AccountState, Fact, TargetState
from syncd.store.transaction import Transaction
from syncd.sync import event_drafts
from syncd.sync.announcer import Changed, changed
from syncd.sync.confirm import LOOKUPS_PER_SYNC
from syncd.sync.diff import compare
from syncd.sync.event_drafts import Occasion
from syncd.sync.facts import Telling, gone, without_doubt
from syncd.sync.other_regions import Answers, counting_regions, other_regions, require_answers
from syncd.sync.settings import Settings

ASKED_AGAIN_AFTER = timedelta(minutes=10)
"""An image that a lookup found where no list shows it is looked up again after so long."""

FOUND_HOLDS_FOR = timedelta(minutes=30)
"""For so long after a lookup found it, a region that cannot answer is taken to have it still."""

AWAITED_FOR = timedelta(minutes=10)
"""How long a loss waits for a region that could not be asked and is to be read soon: a round of cron takes less."""


class Shown(NamedTuple):
    """What a region that counts shows of an image; ``read_since``: its list was read after the doubt arose."""

    region: str
    fingerprint: bytes
    read_since: bool

    @property
    def status(self) -> str:
        return self.fingerprint[DIGEST_SIZE:].decode()

    @property
    def digest(self) -> bytes:
        return self.fingerprint[:DIGEST_SIZE]


Agreement = Literal["agrees", "differs", "unknown"]
"""Whether a part of what was told is still shown; unknown while only regions show it that were not read since."""


def agreement(told: str | bytes, shown: Sequence[tuple[str | bytes, bool]]) -> Agreement:
    """``shown`` are what the regions show of the part, each with whether it was read since; one of them was."""
    agreeing = [read_since for part, read_since in shown if part == told]
    if not agreeing:
        return "differs"
    return "agrees" if any(agreeing) else "unknown"


class Doubts:
    """The facts of one account that are in doubt, in one transaction; ``answers`` are what lookups said before it."""

    def __init__(
        self, tx: Transaction, account: AccountState, settings: Settings, answers: Answers, now: datetime
    ) -> None:
        self.tx = tx
        self.account = account
        self.settings = settings
        self.answers = answers
        self.now = now
        self._states: Mapping[str, TargetState] = {}
        self._rows: Mapping[str, Sequence[LiveRow]] = {}
        self._counting: Collection[str] = ()
        self._drafts: list[Draft] = []

    async def resolve(self) -> None:
        """Raises `Unasked` if lookups must be made first; nothing is written then."""
        name = self.account.account
        stored = await facts.read_doubted(self.tx, name)
        states = await targets.read_targets(self.tx, name)
        self._states = {state.target.region: state for state in states}
        self._rows = await images.live_rows(self.tx, name, stored)
        self._counting = counting_regions(states, self.account.scope, self.now)
        # A clock that ran ahead may have dated a doubt beyond now.
        doubted = {
            image_id: replace(fact, doubted_at=min(fact.doubted_at or self.now, self.now))
            for image_id, fact in stored.items()
        }
        lost = [image_id for image_id, fact in doubted.items() if self._is_lost(image_id, fact)]
        asked = lost[:LOOKUPS_PER_SYNC]
        await require_answers(self.tx, name, asked, states, self.answers, self._counting)
        after = {
            image_id: await (
                self._resolve_loss(image_id, fact)
                if image_id in asked
                else self._resolve_state(image_id, fact)
            )
            for image_id, fact in doubted.items()
        }
        await facts.save_facts(self.tx, name, {i: fact for i, fact in after.items() if fact != stored[i]})
        await outbox.append(self.tx, self._drafts, self.settings.routes)

    def _is_lost(self, image_id: str, fact: Fact) -> bool:
        """Whether no region that speaks for the account has the image, nor the one that lost it again."""
        with_row = self._with_row(image_id)
        return (
            fact.lost_region is not None
            and fact.lost_region not in with_row
            and with_row.isdisjoint(self._counting)
            and not _within(fact.found_at, ASKED_AGAIN_AFTER, self.now)
        )

    async def _resolve_state(self, image_id: str, fact: Fact) -> Fact:
        """Tell what no region shows any more of what was told, once one of them was read since."""
        shown = self._shown(image_id, fact)
        if not any(row.read_since for row in shown):
            return fact
        status = agreement(fact.status, [(row.status, row.read_since) for row in shown])
        rest = agreement(fact.digest, [(row.digest, row.read_since) for row in shown])
        if "differs" in (status, rest):
            fact = await self._tell_state(image_id, fact, status == "differs", rest == "differs", shown)
        return fact if "unknown" in (status, rest) else without_doubt(fact)

    def _shown(self, image_id: str, fact: Fact) -> list[Shown]:
        return [
            Shown(row.region, row.fingerprint, self._read_since(row.region, fact))
            for row in self._rows.get(image_id, ())
            if row.region in self._counting and not row.missing
        ]

    def _read_since(self, region: str, fact: Fact) -> bool:
        read_at = self._states[region].last_success_at
        assert fact.doubted_at is not None
        return read_at is not None and fact.doubted_at < read_at <= self.now

    async def _tell_state(
        self, image_id: str, fact: Fact, status: bool, rest: bool, shown: Sequence[Shown]
    ) -> Fact:
        """The account hears what the region shows that was read last: the status, everything else, or both."""
        region = max(
            (row.region for row in shown if row.read_since),
            key=lambda region: self._states[region].last_success_at or self.now,
        )
        target = self._states[region].target
        image = (await images.stored(self.tx, target, [image_id]))[image_id]
        told = await self._told(image_id, fact.digest)
        if told is None:
            # Nobody knows any more what exactly was told: from now on it is what is shown.
            return replace(fact, status=image.status or "", digest=fingerprint(image)[:DIGEST_SIZE])
        before = replace(told, status=fact.status or None)
        changes = [
            change for change in compare(before, image) if (status if change.field == "status" else rest)
        ]
        change = Changed(before, image, tuple(changes), fact.doubted_at)
        for telling, draft in changed(Occasion(target, self.now), change, fact):
            fact = telling.fact
            self._drafts.append(draft)
        return fact

    async def _told(self, image_id: str, digest: bytes) -> Image | None:
        """An image with the fields that the account was told: as a row of any region still has it, live or not, or
        as an event told it.
        """
        for state in self._states.values():
            row = (await images.stored(self.tx, state.target, [image_id])).get(image_id)
            if row is not None and fingerprint(row)[:DIGEST_SIZE] == digest:
                return row
        for image in await outbox.images_told(self.tx, self.account.account, image_id):
            if fingerprint(image)[:DIGEST_SIZE] == digest:
                return image
        return None

    async def _resolve_loss(self, image_id: str, fact: Fact) -> Fact:
        """The account hears that the image is gone, unless a region that does not count still has it."""
        others = other_regions(
            image_id,
            self._states.values(),
            self._with_row(image_id),
            self.answers,
            self.account.scope,
            self.now,
            fact.doubted_at,
        )
        if others.found:
            return replace(fact, found_at=self.now)
        if others.awaited and _within(fact.doubted_at, AWAITED_FOR, self.now):
            return fact
        if others.unverified and _within(fact.found_at, FOUND_HOLDS_FOR, self.now):
            return fact
        assert fact.lost_region is not None
        target = Target(self.account.account, fact.lost_region)
        image = (await images.stored(self.tx, target, [image_id]))[image_id]
        missing = (await images.shown_and_missing(self.tx, target, [image_id]))[image_id]
        telling = Telling("account", gone(fact), others.unverified)
        self._drafts.append(event_drafts.revoked(Occasion(target, self.now), telling, image, missing))
        return telling.fact

    def _with_row(self, image_id: str) -> set[str]:
        return {row.region for row in self._rows.get(image_id, ())}


def _within(moment: datetime | None, time: timedelta, now: datetime) -> bool:
    return moment is not None and timedelta(0) <= now - moment < time
