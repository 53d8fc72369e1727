"""The image rows of a target: what a sync compares with, and what it writes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from syncd.model import Image, Missing, Target, fingerprint, from_text, to_text
from syncd.store import image_columns
from syncd.store.transaction import Transaction

_COLUMNS = (
    "account",
    "region",
    *image_columns.NAMES,
    "payload",
    "fingerprint",
    "first_seen_at",
    "shared_at",
    "changed_at",
)
_OF_TARGET = "account = ? AND region = ? AND image_id = ?"
KNOWN_ROWS_PER_QUERY = 5000
"""Rows of one statement of `known`, which are narrow."""

_KNOWN = (
    "SELECT image_id, fingerprint, missing_since, missing_syncs, held, shown_at, missing_seconds FROM image_rows"
    " INDEXED BY image_rows_live WHERE account = ? AND region = ? AND image_id > ? AND revoked_at IS NULL"
    " ORDER BY image_id LIMIT ?"
)
_LIVE_ROWS = (
    "SELECT image_id, region, fingerprint, missing_since IS NOT NULL FROM image_rows INDEXED BY image_rows_facts"
    " WHERE account = ? AND image_id IN (SELECT value FROM json_each(?)) AND revoked_at IS NULL"
    " ORDER BY image_id, region"
)
_SHOWN = (
    "SELECT image_id FROM image_rows INDEXED BY image_rows_live WHERE account = ?1 AND region = ?2"
    " AND revoked_at IS NULL AND missing_since IS NULL AND image_id NOT IN (SELECT value FROM json_each(?3))"
)
_SHOWN_AT_BOTH_ENDS = (
    f"SELECT image_id FROM ({_SHOWN} ORDER BY image_id LIMIT ?4)"
    f" UNION SELECT image_id FROM ({_SHOWN} ORDER BY image_id DESC LIMIT ?4)"
)

_ADD = (
    f"INSERT INTO image_rows ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
    " ON CONFLICT (account, region, image_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[3:] if name != "first_seen_at")
    + ", revoked_at = NULL, missing_since = NULL, missing_syncs = 0, missing_seconds = 0, shown_at = NULL, held = 0"
)
_UPDATE = (
    "UPDATE image_rows SET "
    + ", ".join(f"{name} = ?" for name in (*image_columns.NAMES[1:], "payload", "fingerprint", "changed_at"))
    + f" WHERE {_OF_TARGET}"
)


class LiveRow(NamedTuple):
    """One region's live row of an image; ``missing``: its last complete listings lacked it."""

    region: str
    fingerprint: bytes
    missing: bool


async def known(tx: Transaction, target: Target) -> tuple[dict[str, bytes], dict[str, Missing]]:
    """The live rows of a target as id → fingerprint, and those that complete listings lacked; reads the index only."""
    fingerprints: dict[str, bytes] = {}
    missing: dict[str, Missing] = {}
    last = ""
    while rows := await tx.fetch(_KNOWN, (*target, last, KNOWN_ROWS_PER_QUERY)):
        for image_id, print_, since, syncs, held, shown_at, seconds in rows:
            fingerprints[image_id] = print_
            if since is not None:
                shown = from_text(shown_at) if shown_at else None
                waited = timedelta(seconds=seconds)
                missing[image_id] = Missing(from_text(since), syncs, bool(held), shown, waited)
        last = rows[-1][0]
    return fingerprints, missing


async def stored(tx: Transaction, target: Target, ids: Iterable[str]) -> dict[str, Image]:
    """The last known images of these ids, live or revoked."""
    images: dict[str, Image] = {}
    async for rows in tx.fetch_in(
        f"SELECT {', '.join(image_columns.NAMES)} FROM image_rows WHERE account = ? AND region = ?"
        " AND image_id IN (SELECT value FROM json_each(?))",
        ids,
        target,
    ):
        images.update((row[0], image_columns.to_image(row)) for row in rows)
    return images


async def add(
    tx: Transaction, target: Target, images: Sequence[tuple[Image, str, bytes]], now: datetime
) -> None:
    """New rows, or revoked ones that came back, with payload and fingerprint; `first_seen_at` of a known id stays."""
    at = to_text(now)
    rows = (
        (*target, *image_columns.to_values(image), payload, mark, at, at, at)
        for image, payload, mark in images
    )
    await tx.executemany(_ADD, rows)


async def update(tx: Transaction, target: Target, images: Sequence[tuple[Image, str]], now: datetime) -> None:
    at = to_text(now)
    rows = (
        (*image_columns.to_values(image)[1:], payload, fingerprint(image), at, *target, image.image_id)
        for image, payload in images
    )
    await tx.executemany(_UPDATE, rows)


async def mark_seen(tx: Transaction, target: Target, ids: Iterable[str]) -> None:
    """Rows that were missing are listed again."""
    await tx.executemany(
        "UPDATE image_rows SET missing_since = NULL, missing_syncs = 0, missing_seconds = 0, shown_at = NULL, held = 0"
        f" WHERE {_OF_TARGET}",
        ((*target, image_id) for image_id in ids),
    )


async def mark_missing(tx: Transaction, target: Target, missing: Mapping[str, Missing]) -> None:
    await tx.executemany(
        "UPDATE image_rows SET missing_since = ?, missing_syncs = ?, missing_seconds = ?, held = ?, shown_at = ?"
        f" WHERE {_OF_TARGET}",
        (
            (
                to_text(row.since),
                row.syncs,
                row.waited.total_seconds(),
                int(row.held),
                row.shown_at and to_text(row.shown_at),
                *target,
                image_id,
            )
            for image_id, row in missing.items()
        ),
    )


async def revoke(tx: Transaction, target: Target, missing: Mapping[str, Missing], now: datetime) -> None:
    """These rows are gone; they stay as `all_images` shows them."""
    await tx.executemany(
        f"UPDATE image_rows SET revoked_at = ?, missing_since = ?, shown_at = ?, held = 0 WHERE {_OF_TARGET}",
        (
            (to_text(now), to_text(row.since), row.shown_at and to_text(row.shown_at), *target, image_id)
            for image_id, row in missing.items()
        ),
    )


async def live_rows(tx: Transaction, account: str, ids: Iterable[str]) -> dict[str, list[LiveRow]]:
    """The live rows of these ids in all regions of the account, retired ones too."""
    found: dict[str, list[LiveRow]] = {}
    async for rows in tx.fetch_in(_LIVE_ROWS, ids, (account,)):
        for image_id, region, mark, missing in rows:
            found.setdefault(image_id, []).append(LiveRow(region, mark, bool(missing)))
    return found


async def some_shown(tx: Transaction, target: Target, without: Iterable[str], count: int) -> list[str]:
    """Ids, not among ``without``, that the target's last complete listing showed: the first and the last so many."""
    rows = await tx.fetch(_SHOWN_AT_BOTH_ENDS, (*target, json.dumps(list(without)), count))
    return [row[0] for row in rows]


async def gone_but_listed(tx: Transaction, target: Target) -> list[str]:
    """Ids that the account was told are gone, while this target has them live and not missing."""
    rows = await tx.fetch(
        "SELECT f.image_id FROM facts f INDEXED BY facts_gone JOIN image_rows r INDEXED BY image_rows_live"
        " ON r.account = f.account AND r.region = ? AND r.image_id = f.image_id"
        " WHERE f.account = ? AND f.live = 0 AND r.revoked_at IS NULL AND r.missing_since IS NULL",
        (target.region, target.account),
    )
    return [row[0] for row in rows]


async def live_images(tx: Transaction, account: str) -> int:
    """How many different images the active targets of an account list."""
    rows = await tx.fetch(
        "SELECT COUNT(DISTINCT image_id) FROM image_rows r JOIN targets t"
        " ON t.account = r.account AND t.region = r.region"
        " WHERE r.account = ? AND r.revoked_at IS NULL AND t.active = 1",
        (account,),
    )
    return int(rows[0][0])


async def shown_and_missing(tx: Transaction, target: Target, ids: Iterable[str]) -> dict[str, Missing]:
    """Of revoked rows: since when they were missing, and when they were last shown."""
    missing: dict[str, Missing] = {}
    async for rows in tx.fetch_in(
        "SELECT image_id, missing_since, missing_syncs, shown_at FROM image_rows WHERE account = ? AND region = ?"
        " AND missing_since IS NOT NULL AND image_id IN (SELECT value FROM json_each(?))",
        ids,
        target,
    ):
        for image_id, since, syncs, shown_at in rows:
            missing[image_id] = Missing(
                from_text(since), syncs, False, from_text(shown_at) if shown_at else None
            )
    return missing
