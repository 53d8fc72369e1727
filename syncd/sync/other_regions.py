"""What the account's other regions say of an image that one region lost: looked up before the account hears of it.

Only inside the commit is it known which losses the account would be told of. A commit that finds one that was not
looked up raises `Unasked`; the sync asks, outside of any transaction, and commits again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from syncd.compshare.client import Lookup
from syncd.model import Target
from syncd.store import facts, images
from syncd.store.records import TargetState
from syncd.store.transaction import Transaction
from syncd.sync.concurrency import together
from syncd.sync.confirm import CONTROLS, Asks, control

CONTROL_TIMEOUT = 30.0
"""Seconds in which a region must answer a lookup; one that hangs is not asked further."""

ANSWERS_TIMEOUT = 300.0
"""Seconds for all lookups of one region."""

Answers = Mapping[tuple[str, str], Lookup]
"""(region, image id) → what its lookup proved; UNDECIDED for a region that could not answer."""


@dataclass(frozen=True, slots=True)
class OtherRegions:
    """What is known of an image outside the region that lost it."""

    listed: bool = False
    """A region that counts lists it."""
    stale: bool = False
    """A region that would count if it were fresh listed it last."""
    found: bool = False
    """A lookup finds it in a region."""
    awaited: bool = False
    """A region that could not answer is not failing, and has not been read since: its list may show the image soon."""
    unverified: tuple[str, ...] = ()
    """Regions that could not be asked."""

    @property
    def have_it(self) -> bool:
        return self.listed or self.found


class Unasked(Exception):  # noqa: N818  # no error: questions to be answered before the commit
    """These images are to be looked up in these regions first.

    ``controls`` are ids that each region should find; ``counting`` the regions whose lists are fresh.
    """

    def __init__(
        self,
        questions: Mapping[str, Collection[str]],
        controls: Mapping[str, Sequence[str]],
        counting: Collection[str],
    ) -> None:
        super().__init__(f"{len(questions)} regions to ask")
        self.questions = questions
        self.controls = controls
        self.counting = counting


async def ask(cloud: Asks, unasked: Unasked) -> dict[tuple[str, str], Lookup]:
    """One lookup an image and region, the regions side by side.

    A region whose lookups find nothing at all, not even its control, proves nothing; one that does not answer is not
    asked further. Where there is nothing to try as a control, a fresh list, an empty one, is proof enough.
    """
    answers: dict[tuple[str, str], Lookup] = {}
    await together(_ask_region(cloud, unasked, region, answers) for region in unasked.questions)
    return answers


async def _ask_region(
    cloud: Asks, unasked: Unasked, region: str, answers: dict[tuple[str, str], Lookup]
) -> None:
    ids = unasked.questions[region]
    answers.update(((region, image_id), Lookup.UNDECIDED) for image_id in ids)
    known: Lookup | None = Lookup.UNDECIDED
    with suppress(TimeoutError):
        async with asyncio.timeout(CONTROL_TIMEOUT):
            known = await control(cloud, region, unasked.controls[region])
    if known is Lookup.UNDECIDED:
        return
    found: dict[str, Lookup] = {}

    async def look_up(image_id: str) -> None:
        found[image_id] = await cloud.lookup(region, image_id)

    with suppress(TimeoutError):
        async with asyncio.timeout(ANSWERS_TIMEOUT):
            await together(map(look_up, ids))
    proving = Lookup.FOUND in (known, *found.values()) or (known is None and region in unasked.counting)
    for image_id, answer in found.items():
        if proving:
            answers[region, image_id] = answer


def other_regions(
    image_id: str,
    others: Iterable[TargetState],
    with_row: Collection[str],
    answers: Answers,
    scope: str,
    now: datetime,
    since: datetime | None = None,
) -> OtherRegions:
    """``others`` are the account's targets that are asked, ``with_row`` the regions that have a live row of the image.

    ``since`` is when it was lost, if that is some time ago: a region that was read since then is not awaited.
    """
    listed = stale = found = awaited = False
    unverified = []
    for state in others:
        region = state.target.region
        if region in with_row and state.counts(scope, now):
            listed = True
            continue
        stale |= region in with_row and state.active and state.scope == scope
        answer = answers.get((region, image_id), Lookup.UNDECIDED)
        found |= answer is Lookup.FOUND
        if answer is Lookup.UNDECIDED and (state.active or region in with_row):
            unverified.append(region)
            awaited |= state.active and not state.failures and not _read_since(state, since, now)
    return OtherRegions(listed, stale, found, awaited, tuple(sorted(unverified)))


def _read_since(state: TargetState, since: datetime | None, now: datetime) -> bool:
    return since is not None and state.last_success_at is not None and since < state.last_success_at <= now


def counting_regions(states: Iterable[TargetState], scope: str, now: datetime) -> frozenset[str]:
    """The regions whose rows speak for the account."""
    return frozenset(state.target.region for state in states if state.counts(scope, now))


async def account_losses(
    tx: Transaction, target: Target, ids: Sequence[str], counting: Collection[str]
) -> list[str]:
    """Of images that a target lost, those that the account knows as live and no other region that counts lists.

    The announcer decides the same once the rows are written: what it would tell the account was asked for here.
    """
    known = await facts.read_facts(tx, target.account, ids)
    rows = await images.live_rows(tx, target.account, ids)

    def is_lost(image_id: str) -> bool:
        fact = known.get(image_id)
        with_row = {row.region for row in rows.get(image_id, ())} - {target.region}
        return (fact is None or fact.live) and with_row.isdisjoint(counting)

    return [image_id for image_id in ids if is_lost(image_id)]


async def require_answers(
    tx: Transaction,
    account: str,
    ids: Sequence[str],
    states: Sequence[TargetState],
    answers: Answers,
    counting: Collection[str],
) -> None:
    """Raise `Unasked` unless each of these images was looked up in each active target of ``states``."""
    questions = {
        state.target.region: missing
        for state in states
        if state.active
        and (missing := [image_id for image_id in ids if (state.target.region, image_id) not in answers])
    }
    if questions:
        controls = {
            region: await images.some_shown(tx, Target(account, region), ids, CONTROLS)
            for region in questions
        }
        raise Unasked(questions, controls, counting)
