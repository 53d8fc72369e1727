"""From what a commit did to rows to the events that tell it, scoped by the account-level facts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

import msgspec

from syncd.model import Change, Draft, Image, Missing, fingerprint
from syncd.store import facts, images
from syncd.store.records import Fact, TargetState
from syncd.store.transaction import Transaction
from syncd.sync import event_drafts
from syncd.sync.decision import Decision, Reading
from syncd.sync.event_drafts import Occasion
from syncd.sync.facts import Telling, tell_revoked, tell_shared, tell_status, tell_updated
from syncd.sync.other_regions import Answers, other_regions


class Shared(msgspec.Struct, frozen=True):
    image: Image
    fingerprint: bytes
    after: datetime | None
    """The last complete sync that showed the old state."""
    reshared: bool = False


class Changed(msgspec.Struct, frozen=True):
    before: Image
    image: Image
    changes: tuple[Change, ...]
    after: datetime | None


class Revoked(msgspec.Struct, frozen=True):
    image: Image
    missing: Missing


Happening = Shared | Changed | Revoked


@dataclass(frozen=True, slots=True)
class Announcer:
    """Tells what happened in one target; the facts of the account say what of it the account hears."""

    occasion: Occasion
    states: Sequence[TargetState]
    """All targets of the account."""
    scope: str
    """The account's."""
    last_complete: datetime | None = None
    """Start of the target's last complete sync before this one."""
    answers: Answers = field(default_factory=dict)
    """What lookups said of lost images in the account's other regions."""
    wait: bool = True
    """Whether a loss waits for a region that could not be asked and is soon to be read."""

    async def announce(self, tx: Transaction, happenings: Sequence[Happening]) -> list[Draft]:
        """The events of at most a few hundred happenings to different images; facts are saved."""
        account = self.occasion.target.account
        before = await facts.read_facts(tx, account, [happening.image.image_id for happening in happenings])
        lost = [happening.image.image_id for happening in happenings if isinstance(happening, Revoked)]
        rows = await images.live_rows(tx, account, lost) if lost else {}
        after: dict[str, Fact] = {}
        drafts = []
        for happening in happenings:
            image_id = happening.image.image_id
            with_row = {row.region for row in rows.get(image_id, ())}
            for telling, draft in self._events(happening, before.get(image_id), with_row):
                after[image_id] = telling.fact
                drafts.append(draft)
        changed_facts = {image_id: fact for image_id, fact in after.items() if before.get(image_id) != fact}
        await facts.save_facts(tx, account, changed_facts)
        return drafts

    def _events(
        self, happening: Happening, fact: Fact | None, with_row: Collection[str]
    ) -> Iterator[tuple[Telling, Draft]]:
        match happening:
            case Changed():
                yield from changed(self.occasion, happening, fact)
            case Shared():
                yield self._shared(happening, fact)
            case Revoked():
                yield self._revoked(happening, fact, with_row)
            case _:
                assert_never(happening)

    def _shared(self, shared: Shared, fact: Fact | None) -> tuple[Telling, Draft]:
        is_back = fact is not None and not fact.live
        # Where the account was told that the image is gone, that it is back is news, also in a region's first list.
        told_gone = is_back and fact is not None and fact.baseline_at is None
        silent = self.occasion.baseline and (self.occasion.rebaseline or not told_gone)
        occasion = self.occasion
        if occasion.baseline != silent:
            occasion = replace(occasion, baseline=silent)
        telling = tell_shared(
            fact,
            shared.fingerprint,
            baseline=silent,
            last_complete=self.last_complete,
            now=occasion.time,
        )
        reshared = shared.reshared or is_back
        return telling, event_drafts.shared(occasion, telling, shared.image, shared.after, reshared)

    def _revoked(
        self, revoked: Revoked, fact: Fact | None, with_row: Collection[str]
    ) -> tuple[Telling, Draft]:
        target, now = self.occasion.target, self.occasion.time
        image_id = revoked.image.image_id
        others = [state for state in self.states if state.target != target]
        telling = tell_revoked(
            fact,
            fingerprint(revoked.image),
            target.region,
            other_regions(image_id, others, with_row, self.answers, self.scope, now),
            baseline=self.occasion.baseline,
            wait=self.wait,
            now=now,
        )
        return telling, event_drafts.revoked(self.occasion, telling, revoked.image, revoked.missing)


def changed(occasion: Occasion, change: Changed, fact: Fact | None) -> Iterator[tuple[Telling, Draft]]:
    """The status first, then everything else, each if it changed."""
    mark = fingerprint(change.image)
    parts = {field.field == "status" for field in change.changes}
    for is_status, tell, draft in (
        (True, tell_status, event_drafts.status_changed),
        (False, tell_updated, event_drafts.updated),
    ):
        if is_status in parts:
            telling = tell(fact, mark)
            fact = telling.fact
            yield telling, draft(occasion, telling, change.before, change.image, change.changes, change.after)


def of_plan(reading: Reading, decision: Decision, last_known: Mapping[str, Image]) -> Iterator[Happening]:
    """What rows tell that are gone or changed; ``last_known`` are the images of those that are gone."""
    last = reading.state.last_success_at
    for image_id, missing in decision.gone.items():
        yield Revoked(last_known[image_id], missing)
    for update in decision.plan.changed:
        lacked = reading.lacking.get(update.after.image_id)
        yield Changed(update.before, update.after, update.changes, lacked.shown_at if lacked else last)


async def listed_again(tx: Transaction, reading: Reading, decision: Decision) -> list[Happening]:
    """Images that this listing shows although the account was told that they are gone; not those told anyway."""
    if not reading.listing.complete:
        return []
    ids = await facts.gone_but_listed(
        tx, reading.target
    )  # the added rows are not written yet, and are not among them
    shown = await images.stored(tx, reading.target, ids) if ids else {}
    last = reading.state.last_success_at
    return [Shared(image, fingerprint(image), last, reshared=True) for image in shown.values()]
