"""``syncd held release``: what the guard keeps back is called revoked now, on the word of a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from syncd.errors import UsageError
from syncd.model import Missing, Target
from syncd.store import images, outbox, targets
from syncd.store.records import AccountState, TargetState
from syncd.store.transaction import Transaction
from syncd.sync import event_drafts
from syncd.sync.announcer import Announcer, Revoked
from syncd.sync.event_drafts import Occasion
from syncd.sync.syncer import Syncer


@dataclass(frozen=True, slots=True)
class Released:
    target: Target
    revoked: int


async def release(syncer: Syncer, account: str | None = None, region: str | None = None) -> list[Released]:
    """Revoke the held rows of the matching targets without asking; a running sync of theirs is cancelled.

    Raises UsageError if no target matches.
    """
    async with syncer.db.read() as tx:
        states = await targets.read_targets(tx)
    matching = [
        state
        for state in states
        if state.active and account in (None, state.target.account) and region in (None, state.target.region)
    ]
    if not matching and (account or region):
        asked = "/".join(part for part in (account, region) if part)
        raise UsageError(f"{asked} is not watched", "`syncd status` lists the targets")
    released = []
    for target in [state.target for state in matching if state.held_count]:
        async with syncer.preempt(target):
            released.append(Released(target, await _release(syncer, target)))
    return [target for target in released if target.revoked]


async def _release(syncer: Syncer, target: Target) -> int:
    async with syncer.db.write() as tx:
        account = await targets.read_account(tx, target.account)
        state = await targets.read_target(tx, target)
        _, lacking = await images.known(tx, target)
        held = {image_id: row for image_id, row in lacking.items() if row.held}
        if account is None or state is None or not held:
            return 0
        await _revoke(syncer, tx, account, state, held)
        await targets.save_target(
            tx,
            replace(
                state,
                live_count=state.live_count - len(held),
                held_count=0,
                episode_at=state.episode_at if len(lacking) > len(held) else None,
            ),
        )
    return len(held)


async def _revoke(
    syncer: Syncer, tx: Transaction, account: AccountState, state: TargetState, held: Mapping[str, Missing]
) -> None:
    now = syncer.clock.now()
    last_known = await images.stored(tx, state.target, held)
    await images.revoke(tx, state.target, held, now)
    states = await targets.read_targets(tx, account.account)
    announcer = Announcer(
        Occasion(state.target, now), states, account.scope, state.last_success_at, wait=False
    )
    drafts = await announcer.announce(
        tx, [Revoked(last_known[image_id], row) for image_id, row in held.items()]
    )
    drafts.append(event_drafts.released(state.target, "released_by_hand", 0, len(held), now))
    await outbox.append(tx, drafts, syncer.settings.routes)
