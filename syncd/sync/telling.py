"""From what a commit did to rows to the events that tell it, scoped by the account-level facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from syncd.model import Change, Draft, Image, Missing, Target, fingerprint
from syncd.store import facts, images
from syncd.store.engine import Transaction
from syncd.store.records import Fact
from syncd.sync import news
from syncd.sync.diff import compare
from syncd.sync.facts import (
    Elsewhere,
    Heir,
    Telling,
    heir_of,
    tell_revoked,
    tell_shared,
    tell_status,
    tell_updated,
)
from syncd.sync.judgement import Judgement, Reading
from syncd.sync.news import Occasion


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
    """``counting`` are the account's other regions whose rows count."""

    occasion: Occasion
    counting: frozenset[str]
    last_complete: datetime | None

    async def tell(self, tx: Transaction, happenings: Sequence[Happening]) -> list[Draft]:
        """The events of at most a few hundred happenings to different images; facts are saved."""
        target = self.occasion.target
        told = await facts.read_facts(tx, target.account, [what.image.image_id for what in happenings])
        lost = [what.image.image_id for what in happenings if isinstance(what, Revoked)]
        rows = await images.elsewhere(tx, target, lost) if lost else {}
        after: dict[str, Fact] = {}
        drafts = [draft for what in happenings for draft in self._drafts(what, told, rows, after)]
        drafts += await self._inherited(tx, [what for what in happenings if isinstance(what, Revoked)], after)
        await facts.save_facts(
            tx,
            target.account,
            {image_id: fact for image_id, fact in after.items() if told.get(image_id) != fact},
        )
        return drafts

    def _drafts(
        self,
        what: Happening,
        told: Mapping[str, Fact],
        rows: Mapping[str, Sequence[str]],
        after: dict[str, Fact],
    ) -> Iterator[Draft]:
        image_id = what.image.image_id
        fact = told.get(image_id)
        if isinstance(what, Changed):
            for telling, draft in self._changed(what, fact):
                after[image_id] = telling.fact
                yield draft
            return
        if isinstance(what, Shared):
            telling = self._shared(what, fact)
            came_back = what.reshared or (fact is not None and not fact.live)
            draft = news.shared(self.occasion, telling, what.image, what.after, came_back)
        else:
            telling = self._revoked(what, fact, rows.get(image_id, ()))
            draft = news.revoked(self.occasion, telling, what.image, what.missing)
        after[image_id] = telling.fact
        yield draft

    async def _inherited(
        self, tx: Transaction, lost: Sequence[Revoked], after: dict[str, Fact]
    ) -> list[Draft]:
        """What other regions show of images whose told state went with the region that showed it."""
        target = self.occasion.target
        shared = {what.image.image_id: what for what in lost if after[what.image.image_id].live}
        rows = await images.heirs(tx, target, shared) if shared else {}
        drafts = []
        for image_id, others in rows.items():
            what = shared[image_id]
            counting = [Heir(*other) for other in others if other[0] in self.counting]
            region = heir_of(after[image_id], fingerprint(what.image), counting)
            if region is not None:
                where = target._replace(region=region)
                image = (await images.stored(tx, where, [image_id]))[image_id]
                change = Changed(what.image, image, compare(what.image, image), what.missing.shown_at)
                heir = replace(self, occasion=replace(self.occasion, target=where))
                for telling, draft in heir._changed(change, after[image_id]):
                    after[image_id] = telling.fact
                    drafts.append(draft)
        return drafts

    def _shared(self, what: Shared, fact: Fact | None) -> Telling:
        return tell_shared(
            fact,
            what.fingerprint,
            baseline=self.occasion.baseline,
            last_complete=self.last_complete,
            now=self.occasion.time,
        )

    def _changed(self, what: Changed, fact: Fact | None) -> Iterator[tuple[Telling, Draft]]:
        mark = fingerprint(what.image)
        parts = {change.field == "status" for change in what.changes}
        for is_status, tell, draft in (
            (True, tell_status, news.status_changed),
            (False, tell_updated, news.updated),
        ):
            if is_status in parts:
                telling = tell(fact, mark)
                fact = telling.fact
                yield (
                    telling,
                    draft(self.occasion, telling, what.before, what.image, what.changes, what.after),
                )

    def _revoked(self, what: Revoked, fact: Fact | None, regions: Iterable[str]) -> Telling:
        others = [Elsewhere(region, region in self.counting) for region in regions]
        return tell_revoked(fact, fingerprint(what.image), others)


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


async def late_happenings(
    tx: Transaction, account: str, late: Sequence[tuple[str, str]]
) -> dict[str, list[Happening]]:
    """By region, losses that the rest of the account hid until now."""
    by_region: dict[str, list[Happening]] = {}
    for region in sorted({region for _, region in late}):
        target = Target(account, region)
        ids = [image_id for image_id, where in late if where == region]
        last_known = await images.stored(tx, target, ids)
        lost = await images.shown_and_missing(tx, target, ids)
        by_region[region] = [Revoked(last_known[image_id], lost[image_id]) for image_id in ids]
    return by_region
