"""What the account's other regions say of an image that one region lost: looked up before the account hears of it.

Only inside the commit is it known which losses the account would be told of. A commit that finds one unasked raises
`Unasked`; the sync asks, outside of any transaction, and commits again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from syncd.compshare.client import Lookup
from syncd.model import Target
from syncd.store import facts, images
from syncd.store.engine import Transaction
from syncd.store.records import TargetState
from syncd.sync.concurrency import together
from syncd.sync.confirm import CONTROLS, Asks, answers_well

Answers = Mapping[tuple[str, str], Lookup]
"""(region, image id) → what its lookup proved; UNDECIDED for a region that could not answer."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What is known of an image outside the region that lost it."""

    listed: bool = False
    """A region that counts lists it."""
    found: bool = False
    """A lookup finds it in another region."""
    awaited: bool = False
    """A region that could not answer has not been synced lately, and is not failing: its list may show it soon."""
    unverified: tuple[str, ...] = ()
    """Regions that could not be asked."""

    @property
    def has_it(self) -> bool:
        return self.listed or self.found


class Unasked(Exception):  # noqa: N818  # no error: a question to be answered before the commit
    """These images are to be looked up in these regions first; each region comes with ids that it should find."""

    def __init__(
        self, questions: Mapping[str, Collection[str]], controls: Mapping[str, Sequence[str]]
    ) -> None:
        super().__init__(f"{len(questions)} regions to ask")
        self.questions = questions
        self.controls = controls


async def ask(cloud: Asks, unasked: Unasked) -> dict[tuple[str, str], Lookup]:
    """One lookup an image and region. A region whose control is not found proves nothing and counts as silent."""
    answers: dict[tuple[str, str], Lookup] = {}
    for region, ids in unasked.questions.items():
        proving = await answers_well(cloud, region, unasked.controls[region])
        found = await together(cloud.lookup(region, image_id) for image_id in ids)
        for image_id, answer in zip(ids, found, strict=True):
            proved = answer if proving or answer is Lookup.FOUND else Lookup.UNDECIDED
            answers[region, image_id] = proved
    return answers


def elsewhere(
    image_id: str,
    others: Iterable[TargetState],
    listing: Collection[str],
    answers: Answers,
    scope: str,
    now: datetime,
) -> Elsewhere:
    """``others`` are the account's other targets, ``listing`` the regions among them that have a live row of it."""
    listed = found = awaited = False
    unverified = []
    for state in others:
        region = state.target.region
        counts = state.counts(scope, now)
        listed |= counts and region in listing
        answer = answers.get((region, image_id), Lookup.UNDECIDED)
        found |= answer is Lookup.FOUND
        if answer is Lookup.UNDECIDED and (state.active or region in listing):
            unverified.append(region)
            awaited |= state.active and not counts and not state.failures
    return Elsewhere(listed, found, awaited, tuple(sorted(unverified)))


async def account_losses(
    tx: Transaction, target: Target, ids: Sequence[str], counting: Collection[str]
) -> list[str]:
    """Of images that a target lost, those that the account knows as live and no other region that counts lists."""
    told = await facts.read_facts(tx, target.account, ids)
    rows = await images.live_rows(tx, target.account, ids)

    def lost(image_id: str) -> bool:
        fact = told.get(image_id)
        listing = {row.region for row in rows.get(image_id, ())} - {target.region}
        return (fact is None or fact.live) and listing.isdisjoint(counting)

    return [image_id for image_id in ids if lost(image_id)]


async def questions(
    tx: Transaction, account: str, ids: Sequence[str], regions: Sequence[str], answers: Answers
) -> Unasked | None:
    """The lookups of these images in these regions that are not answered yet; None if all are."""
    asked = {
        region: missing
        for region in regions
        if (missing := [image_id for image_id in ids if (region, image_id) not in answers])
    }
    if not asked:
        return None
    controls = {
        region: await images.some_shown(tx, Target(account, region), ids, CONTROLS) for region in asked
    }
    return Unasked(asked, controls)
