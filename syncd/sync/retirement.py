"""Targets leave the watch: their account or region is configured no more, or the API names the region no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from msgspec import structs

from syncd.model import Draft
from syncd.store import facts, images, targets
from syncd.store.records import AccountState, TargetState
from syncd.store.transaction import Transaction
from syncd.sync import event_drafts


async def retire(
    tx: Transaction, account: AccountState, leaving: Sequence[TargetState], now: datetime
) -> list[Draft]:
    """Targets leave the watch: nothing is revoked, and what only they list is forgotten silently.

    What they showed otherwise than the targets that stay is compared with those (`sync.doubts`). The events say that
    nothing is held any more; a target that returns is judged anew.
    """
    for state in leaving:
        await _let_go(tx, state)
        await targets.save_target(tx, replace(state, active=False, unlisted_since=None, held_count=0))
    for state in leaving:
        if state.last_success_at is not None:
            await facts.doubt_retired(tx, state.target, state.last_success_at)
    await facts.forget_facts(tx, account.account)
    return [
        event_drafts.released(state.target, "retired", 0, 0, now) for state in leaving if state.held_count
    ]


async def _let_go(tx: Transaction, state: TargetState) -> None:
    """Its held rows stay missing, and are held no longer."""
    if state.held_count:
        _, lacking = await images.known(tx, state.target)
        held = {image_id: structs.replace(row, held=False) for image_id, row in lacking.items() if row.held}
        await images.mark_missing(tx, state.target, held)
