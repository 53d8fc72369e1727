"""A database with a little of everything in it, written by the store's own verbs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from syncd.model import (
    Change,
    Draft,
    Image,
    Missing,
    Route,
    SinkFilter,
    Softwares,
    Target,
    fingerprint,
    to_text,
)
from syncd.store import images, migrate, outbox, runs, targets
from syncd.store.engine import Database
from syncd.store.records import AccountState, Alert, Run, TargetState
from syncd.store.transaction import Transaction

START = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
WLCB, SH, RETIRED = Target("lab", "cn-wlcb"), Target("lab", "cn-sh2"), Target("lab", "hk")
ALICE = Target("alice", "cn-wlcb")
ROUTES = (
    Route("feishu", SinkFilter()),
    Route("log", SinkFilter(events=("*",), scope="region", baseline=True)),
)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def image(image_id: str, **fields: Any) -> Image:
    given = {
        "name": f"name of {image_id}",
        "status": "Available",
        "owner_id": "o-1",
        "owner_name": "阿丽丝",
        "tags": ("cuda", "torch"),
        "softwares": Softwares(framework="PyTorch", framework_version="2.9", applications=("jupyter",)),
        "size_mb": 51200,
        "price_yuan_per_hour": 1.5,
    } | fields
    return Image(image_id=image_id, **given)


async def share(
    tx: Transaction, target: Target, what: Image, minutes: float, *, baseline: bool = False
) -> None:
    row = (what, f'{{"CompShareImageId":"{what.image_id}"}}', fingerprint(what))
    await images.add(tx, target, [row], at(minutes))
    await _tell(tx, "image.shared", target, what, minutes, baseline=baseline, reshared=False)


async def change(tx: Transaction, target: Target, before: Image, minutes: float, **fields: Any) -> None:
    after = msgspec.structs.replace(before, **fields)
    await images.update(tx, target, [(after, "{}")], at(minutes))
    changes = [Change(name, getattr(before, name), value) for name, value in fields.items()]
    kind = "image.status_changed" if "status" in fields else "image.updated"
    previous = {each.field: each.before for each in changes}
    await _tell(tx, kind, target, after, minutes, changes=changes, previous=previous)


async def revoke(tx: Transaction, target: Target, what: Image, minutes: float) -> None:
    gone = Missing(at(minutes - 1), 1, shown_at=at(minutes - 2))
    await images.revoke(tx, target, {what.image_id: gone}, at(minutes))
    await _tell(
        tx, "image.revoked", target, what, minutes, missing_since=to_text(gone.since), unverified_regions=[]
    )


async def say(
    tx: Transaction, kind: str, minutes: float, account: str, region: str | None = None, **data: Any
) -> None:
    data = {"account": account, "region": region, "baseline": False} | data
    await outbox.append(tx, [Draft(kind, at(minutes), data, account, region)], ROUTES)


async def fill(path: Path) -> None:
    """lab in two regions and a retired one, alice in one; see each line."""
    await migrate.upgrade(path)
    db = await Database.open(path)
    async with db.write() as tx:
        await _sinks(tx)
        await _accounts(tx)
        await _images(tx)
        await _runs(tx)
        await _deliveries(tx)
    await db.close()


async def _sinks(tx: Transaction) -> None:
    await tx.executemany(
        "INSERT INTO sinks (name, state, since, next_attempt_at, last_error, failures) VALUES (?, ?, ?, ?, ?, ?)",
        [
            ("feishu", "backing_off", to_text(at(30)), to_text(at(40)), "HTTP 502", 4),
            ("log", "ok", to_text(START), None, None, 0),
        ],
    )


async def _accounts(tx: Transaction) -> None:
    alert = Alert("auth", at(10), at(12), at(12), ("auth",))
    await targets.save_account(
        tx, AccountState("lab", "s", "k", first_baseline_at=START, discovered_at=at(5))
    )
    await targets.save_account(
        tx, AccountState("alice", "s", "k", alert=alert, discovery_error="RetCode 171")
    )
    good = TargetState(
        WLCB, scope="s", baseline_at=START, last_attempt_at=at(59), last_success_at=at(59), fresh_until=at(89),
        live_count=4, held_count=1,
    )  # fmt: skip
    await targets.save_target(tx, good)
    await targets.save_target(tx, replace(good, target=SH, live_count=2, held_count=0))
    await targets.save_target(tx, replace(good, target=RETIRED, active=False, live_count=1, held_count=0))
    await targets.save_target(
        tx,
        replace(
            good, target=ALICE, last_success_at=at(9), fresh_until=at(39), failures=12, failure_class="auth",
            failing_since=at(10), last_error="RetCode 171: signature", live_count=1, held_count=0,
        ),
    )  # fmt: skip


async def _images(tx: Transaction) -> None:
    everywhere, old, making = (
        image("img-global"),
        image("img-old"),
        image("img-making", status="Making", size_mb=0),
    )
    undecided, held = image("img-undecided", name=None), image("img-held", name="held 镜像")
    for target in (WLCB, SH):
        await share(tx, target, everywhere, 1, baseline=True)
    await share(tx, WLCB, old, 2, baseline=True)
    await say(tx, "sync.baseline", 2, "lab", images=2, regions=["cn-wlcb", "cn-sh2"], pending_regions=[])
    await share(tx, RETIRED, image("img-retired"), 3)
    await share(tx, ALICE, everywhere, 4)
    await say(tx, "sync.failed", 12, "alice", regions=["cn-wlcb"], **{"class": "auth"}, since=to_text(at(10)))
    await share(tx, WLCB, making, 20)
    await change(tx, WLCB, making, 25, status="Available")
    await change(tx, SH, everywhere, 26, name='renamed; "quoted"\nname', tags=())
    await revoke(tx, WLCB, old, 30)
    await share(tx, SH, image("img-newest", owner_id="o-2", owner_name="bob", softwares=None, tags=()), 50)
    for what, is_held in ((undecided, False), (held, True)):
        await share(tx, WLCB, what, 40)
        await images.mark_missing(tx, WLCB, {what.image_id: Missing(at(55), 2, is_held, at(54))})
    await say(
        tx,
        "sync.held",
        55,
        "lab",
        "cn-wlcb",
        missing=1,
        live=4,
        until=to_text(at(115)),
        image_ids=["img-held"],
    )


async def _runs(tx: Transaction) -> None:
    for target, minutes, outcome, extra in (
        (WLCB, 1, "complete", {"shared": 2}),
        (WLCB, 2, "complete", {}),
        (WLCB, 3, "complete", {}),
        (ALICE, 12, "failed", {"error": "RetCode 171: signature"}),
        (WLCB, 55, "held", {"listed": 3}),
        (SH, 58, "incomplete", {"error": "counts disagree"}),
    ):
        await runs.record(tx, Run(target, outcome, at(minutes), at(minutes + 0.1), **extra))  # type: ignore[arg-type]  # a table of cases


async def _deliveries(tx: Transaction) -> None:
    await tx.execute_raw(
        "UPDATE deliveries SET state = 'delivered', attempts = 1, finished_at = ? WHERE sink = 'log' OR event_seq < 8",
        (to_text(at(56)),),
    )
    await tx.execute_raw(
        "UPDATE deliveries SET state = 'dead', attempts = 9, finished_at = ?, last_error = 'HTTP 400'"
        " WHERE sink = 'feishu' AND event_seq = (SELECT MIN(event_seq) FROM deliveries WHERE sink = 'feishu')",
        (to_text(at(57)),),
    )


async def _tell(
    tx: Transaction,
    kind: str,
    target: Target,
    what: Image,
    minutes: float,
    *,
    baseline: bool = False,
    changes: Sequence[Change] = (),
    previous: Any = None,
    **extra: Any,
) -> None:
    data = {
        "account": target.account, "region": target.region, "scope": "account", "baseline": baseline,
        "observed_after": to_text(at(minutes - 1)), "image": what, "previous": previous, "changes": changes,
    } | extra  # fmt: skip
    draft = Draft(
        kind,
        at(minutes),
        data,
        *target,
        what.image_id,
        "account",
        baseline,
        names=(what.name,) if what.name else (),
    )
    await outbox.append(tx, [draft], ROUTES)
