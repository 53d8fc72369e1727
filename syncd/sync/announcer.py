"""From what a commit did to rows to the events that tell it, scoped by the account-level facts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from syncd.model import Change, Draft, Image, Missing, fingerprint
from syncd.store import facts, images
from syncd.store.engine import Transaction
from syncd.store.records import Fact, TargetState
from syncd.sync import event_drafts
from syncd.sync.decision import Judgement, Reading
from syncd.sync.event_drafts import Occasion
from syncd.sync.facts import Telling, tell_revoked, tell_shared, tell_status, tell_updated
from syncd.sync.other_regions import Answers, Elsewhere, elsewhere


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
class Teller:
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
    """Whether a loss waits for a region that is about to be synced and could not be asked."""

    @property
    def others(self) -> list[TargetState]:
        return [state for state in self.states if state.target != self.occasion.target]

    async def tell(self, tx: Transaction, happenings: Sequence[Happening]) -> list[Draft]:
        """The events of at most a few hundred happenings to different images; facts are saved."""
        account = self.occasion.target.account
        told = await facts.read_facts(tx, account, [what.image.image_id for what in happenings])
        lost = [what.image.image_id for what in happenings if isinstance(what, Revoked)]
        rows = await images.live_rows(tx, account, lost) if lost else {}
        after: dict[str, Fact] = {}
        drafts = []
        for what in happenings:
            image_id = what.image.image_id
            listing = {row.region for row in rows.get(image_id, ())}
            for telling, draft in self._tell(what, told.get(image_id), listing):
                after[image_id] = telling.fact
                drafts.append(draft)
        await facts.save_facts(
            tx, account, {image_id: fact for image_id, fact in after.items() if told.get(image_id) != fact}
        )
        return drafts

    def _tell(
        self, what: Happening, fact: Fact | None, listing: Collection[str]
    ) -> Iterator[tuple[Telling, Draft]]:
        match what:
            case Changed():
                yield from changed(self.occasion, what, fact)
            case Shared():
                telling = self._shared(what, fact)
                came_back = what.reshared or (fact is not None and not fact.live)
                yield telling, event_drafts.shared(self.occasion, telling, what.image, what.after, came_back)
            case Revoked():
                telling = self._revoked(what, fact, self._elsewhere(what, listing))
                yield telling, event_drafts.revoked(self.occasion, telling, what.image, what.missing)

    def _shared(self, what: Shared, fact: Fact | None) -> Telling:
        return tell_shared(
            fact,
            what.fingerprint,
            baseline=self.occasion.baseline,
            last_complete=self.last_complete,
            now=self.occasion.time,
        )

    def _revoked(self, what: Revoked, fact: Fact | None, others: Elsewhere) -> Telling:
        return tell_revoked(
            fact,
            fingerprint(what.image),
            self.occasion.target.region,
            others,
            baseline=self.occasion.baseline,
            wait=self.wait,
            now=self.occasion.time,
        )

    def _elsewhere(self, what: Revoked, listing: Collection[str]) -> Elsewhere:
        return elsewhere(
            what.image.image_id, self.others, listing, self.answers, self.scope, self.occasion.time
        )


def changed(occasion: Occasion, what: Changed, fact: Fact | None) -> Iterator[tuple[Telling, Draft]]:
    """The status first, then everything else, each if it changed."""
    mark = fingerprint(what.image)
    parts = {change.field == "status" for change in what.changes}
    for is_status, tell, draft in (
        (True, tell_status, event_drafts.status_changed),
        (False, tell_updated, event_drafts.updated),
    ):
        if is_status in parts:
            telling = tell(fact, mark)
            fact = telling.fact
            yield telling, draft(occasion, telling, what.before, what.image, what.changes, what.after)


def of_plan(reading: Reading, judgement: Judgement, last_known: Mapping[str, Image]) -> Iterator[Happening]:
    """What the sync's own rows tell; ``last_known`` are the images of the rows that are gone."""
    last = reading.state.last_success_at
    for addition in judgement.plan.added:
        yield Shared(addition.image, addition.fingerprint, last, reshared=addition.before is not None)
    for image_id, missing in judgement.gone.items():
        yield Revoked(last_known[image_id], missing)
    for update in judgement.plan.changed:
        lacked = reading.lacking.get(update.after.image_id)
        yield Changed(update.before, update.after, update.changes, lacked.shown_at if lacked else last)


async def told_gone(tx: Transaction, reading: Reading, judgement: Judgement) -> list[Happening]:
    """Images that this listing shows although the account was told that they are gone; not those told anyway."""
    if not reading.listing.complete:
        return []
    new = {addition.image.image_id for addition in judgement.plan.added}
    ids = [image_id for image_id in await images.told_gone(tx, reading.target) if image_id not in new]
    shown = await images.stored(tx, reading.target, ids) if ids else {}
    last = reading.state.last_success_at
    return [Shared(image, fingerprint(image), last, reshared=True) for image in shown.values()]
