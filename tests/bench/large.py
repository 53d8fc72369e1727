"""A database of years in a large organisation: 100,000 images, a million events and their deliveries."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from syncd.compshare.decode import decode_page
from syncd.model import Change, Draft, Image, Missing, Route, SinkFilter, Target, fingerprint, to_text
from syncd.simulator import Gateway, World
from syncd.store import images, migrate, outbox, targets
from syncd.store.engine import Database
from syncd.store.records import AccountState, TargetState
from syncd.store.transaction import Transaction

IMAGES = 100_000
EVENTS = 1_000_000
STEPS = 200
"""Moments in a year at which something happened."""
RUNS = 100_000
ACCOUNTS = ("lab", "team-2", "team-3", "team-4")
REGIONS = ("cn-1", "cn-2", "cn-3")
TARGETS = [Target(account, region) for account in ACCOUNTS for region in REGIONS]
SINKS = ("hook", "team")
ROUTES = (
    Route("hook", SinkFilter(events=("*",), scope="region", baseline=True)),
    Route("team", SinkFilter()),
)
WAITING, DEAD, HELD = 20_000, 500, 200

Placed = tuple[Target, Image, str]


async def write(path: Path, now: datetime) -> None:
    """By the store's own verbs; takes a minute or two, and two gigabytes."""
    await migrate.upgrade(path)
    db = await Database.open(path)
    rng = random.Random(1)
    coming = placed(rng)
    shown: list[Placed] = []
    for step in range(STEPS):
        moment = now - timedelta(days=365) * (1 - step / STEPS)
        async with db.write() as tx:
            fresh = [row for _ in range(IMAGES // STEPS) for row in next(coming)]
            gone = [shown.pop(rng.randrange(len(shown))) for _ in range(100)] if shown else []
            shown += fresh
            await _share_and_revoke(tx, fresh, gone, moment)
            await outbox.append(tx, list(_drafts(rng, fresh, gone, shown, moment)), ROUTES)
    async with db.write() as tx:
        await _hold(tx, shown[-HELD:], now)
        await _rest(tx, now)
    await db.close()


def placed(rng: random.Random) -> Iterator[Sequence[Placed]]:
    """Image after image, each with its places: every tenth is in all regions of its account."""
    samples = _samples()
    while True:
        image, payload = rng.choice(samples)
        image_id = f"compshareImage-{rng.getrandbits(48):012x}"
        row = (msgspec.structs.replace(image, image_id=image_id), payload.replace(image.image_id, image_id))
        account = rng.choice(ACCOUNTS)
        regions = REGIONS if rng.random() < 0.1 else [rng.choice(REGIONS)]
        yield [(Target(account, region), *row) for region in regions]


def _samples() -> list[tuple[Image, str]]:
    """Rows as the API sends them."""
    world = World.sample(1, ("cn-1",), 1000, 1)
    gateway = Gateway(world)
    pages = (
        decode_page(gateway.page(world.accounts[0].name, "cn-1", limit=100, offset=offset).body, {})
        for offset in range(0, 1000, 100)
    )
    return [
        (seen.image, seen.payload)
        for page in pages
        for _, seen in page.rows
        if seen and seen.image and seen.payload
    ]


async def _share_and_revoke(
    tx: Transaction, fresh: Sequence[Placed], gone: Sequence[Placed], moment: datetime
) -> None:
    for target in TARGETS:
        new = [(image, payload, fingerprint(image)) for place, image, payload in fresh if place == target]
        await images.add(tx, target, new, moment)
        lost = {
            image.image_id: Missing(moment, 1, shown_at=moment) for place, image, _ in gone if place == target
        }
        await images.revoke(tx, target, lost, moment)


def _drafts(
    rng: random.Random,
    fresh: Sequence[Placed],
    gone: Sequence[Placed],
    shown: Sequence[Placed],
    moment: datetime,
) -> Iterator[Draft]:
    for target, image, _ in fresh:
        yield _draft("image.shared", target, image, moment, reshared=False)
    for target, image, _ in gone:
        yield _draft(
            "image.revoked", target, image, moment, missing_since=to_text(moment), unverified_regions=[]
        )
    yield _trouble(rng.choice(TARGETS), moment)
    for number in range(EVENTS // STEPS - len(fresh) - len(gone) - 1):
        target, image, _ = rng.choice(shown)
        if number % 3:
            yield changed(
                "image.status_changed", target, image, moment, Change("status", "Making", image.status)
            )
        else:
            yield changed("image.updated", target, image, moment, Change("price_yuan_per_hour", 1.5, 2.0))


def changed(kind: str, target: Target, image: Image, moment: datetime, change: Change) -> Draft:
    return _draft(kind, target, image, moment, previous={change.field: change.before}, changes=[change])


def _draft(kind: str, target: Target, image: Image, moment: datetime, **more: Any) -> Draft:
    data = {
        "account": target.account, "region": target.region, "scope": "account", "baseline": False,
        "observed_after": to_text(moment), "image": image, "previous": None, "changes": [], **more,
    }  # fmt: skip
    return Draft(kind, moment, data, *target, image.image_id, "account", names=(image.name or "",))


def _trouble(target: Target, moment: datetime) -> Draft:
    data = {
        "account": target.account, "region": None, "baseline": False, "class": "unreachable",
        "regions": [target.region], "since": to_text(moment), "message": "HTTP 502", "hint": "", "reminder": False,
    }  # fmt: skip
    return Draft("sync.failed", moment, data, target.account)


async def _hold(tx: Transaction, rows: Sequence[Placed], now: datetime) -> None:
    held = Missing(now, 1, held=True, shown_at=now)
    for target, image, _ in rows:
        await images.mark_missing(tx, target, {image.image_id: held})
    until = to_text(now + timedelta(hours=1))
    for target in {target for target, _, _ in rows}:
        data = {
            "account": target.account, "region": target.region, "baseline": False, "missing": HELD, "live": IMAGES,
            "until": until, "image_ids": [],
        }  # fmt: skip
        await outbox.append(tx, [Draft("sync.held", now, data, *target)], ROUTES)


async def _rest(tx: Transaction, now: datetime) -> None:
    """Accounts, targets, sinks, runs; all but the last events were delivered."""
    fresh_until = now + timedelta(days=1)
    for account in ACCOUNTS:
        await targets.save_account(
            tx, AccountState(account, "s", "k", first_baseline_at=now, discovered_at=now)
        )
    for target in TARGETS:
        await targets.save_target(
            tx,
            TargetState(
                target, scope="s", baseline_at=now, last_attempt_at=now, last_success_at=now,
                fresh_until=fresh_until, live_count=IMAGES // len(TARGETS),
            ),
        )  # fmt: skip
    await tx.executemany(
        "INSERT INTO sinks (name, since) VALUES (?, ?)", [(name, to_text(now)) for name in SINKS]
    )
    await tx.executemany(
        "INSERT INTO runs (account, region, started_at, finished_at, outcome, pages, listed, shared)"
        " VALUES (?, ?, ?, ?, 'complete', 100, 10000, 1)",
        [(*TARGETS[number % len(TARGETS)], to_text(now), to_text(now)) for number in range(RUNS)],
    )
    for state, error, keeps in (("delivered", None, WAITING + DEAD), ("dead", "HTTP 400", WAITING)):
        await tx.execute_raw(
            "UPDATE deliveries SET state = ?, last_error = ?, attempts = 1, finished_at = ?"
            " WHERE state = 'pending' AND event_seq <= (SELECT MAX(seq) FROM events) - ?",
            (state, error, to_text(now), keeps),
        )
