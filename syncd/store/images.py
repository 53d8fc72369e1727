"""The image rows of a target: a sync compares a new list with them, and writes to them what changed."""

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
"""How many rows `known` reads with one statement. They are narrow, so they may be more than elsewhere."""

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
_OTHER_REGIONS = (
    "SELECT e.seq, other.region FROM events e"
    " JOIN image_rows own ON own.account = e.account AND own.region = e.region AND own.image_id = e.image_id"
    " JOIN image_rows other INDEXED BY image_rows_by_image ON other.account = e.account AND other.image_id = e.image_id"
    "  AND other.region <> e.region"
    " JOIN targets t ON t.account = other.account AND t.region = other.region AND t.active = 1"
    # An event of scope region speaks of its own region only.
    " WHERE e.seq IN (SELECT value FROM json_each(?)) AND e.scope = 'account' AND CASE e.type"
    "  WHEN 'image.shared' THEN other.revoked_at IS NULL AND other.missing_since IS NULL"
    # What a region lost before this one listed the image belongs to an earlier time.
    "  WHEN 'image.revoked' THEN own.revoked_at IS NOT NULL AND other.revoked_at >= own.shared_at"
    "  WHEN 'image.status_changed' THEN other.revoked_at IS NULL"
    "   AND other.status IS json_extract(e.body, '$.data.image.status')"
    "  ELSE other.revoked_at IS NULL AND other.fingerprint = own.fingerprint END"
    " ORDER BY e.seq, other.region"
)

_ADD = (
    f"INSERT INTO image_rows ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
    " ON CONFLICT (account, region, image_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[3:] if name != "first_seen_at")
    # Whatever was noted while it was missing or revoked is over.
    + ", revoked_at = NULL, missing_since = NULL, missing_syncs = 0, missing_seconds = 0, shown_at = NULL, held = 0"
)
_UPDATE = (
    "UPDATE image_rows SET "
    + ", ".join(f"{name} = ?" for name in (*image_columns.NAMES[1:], "payload", "fingerprint", "changed_at"))
    + f" WHERE {_OF_TARGET}"
)


class LiveRow(NamedTuple):
    """One region's live row of an image; ``missing`` if the region's last complete listings lacked it."""

    region: str
    fingerprint: bytes
    missing: bool


async def known(tx: Transaction, target: Target) -> tuple[dict[str, bytes], dict[str, Missing]]:
    """The live rows of a target as id → fingerprint, and those of them that the last complete listings lacked.

    Everything that is read stands in one index, so that a sync without news never touches the table itself.
    """
    fingerprints: dict[str, bytes] = {}
    missing: dict[str, Missing] = {}
    last = ""
    while rows := await tx.fetch(_KNOWN, (*target, last, KNOWN_ROWS_PER_QUERY)):
        for image_id, mark, since, syncs, held, shown_at, seconds in rows:
            fingerprints[image_id] = mark
            if since is not None:
                shown = from_text(shown_at) if shown_at else None
                waited = timedelta(seconds=seconds)
                missing[image_id] = Missing(from_text(since), syncs, bool(held), shown, waited)
        last = rows[-1][0]
    return fingerprints, missing


async def stored(tx: Transaction, target: Target, ids: Iterable[str]) -> dict[str, Image]:
    """The images of these ids as they were last seen, live or revoked."""
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
    """Add images, each with its payload and fingerprint: new rows, or revoked ones that came back.

    A row that came back keeps its `first_seen_at`.
    """
    at = to_text(now)
    tx.changed.add(target)
    rows = (
        (*target, *image_columns.to_values(image), payload, mark, at, at, at)
        for image, payload, mark in images
    )
    await tx.executemany(_ADD, rows)


async def update(tx: Transaction, target: Target, images: Sequence[tuple[Image, str]], now: datetime) -> None:
    """Give known rows what their images say now, each with its payload."""
    at = to_text(now)
    tx.changed.add(target)
    rows = (
        (*image_columns.to_values(image)[1:], payload, fingerprint(image), at, *target, image.image_id)
        for image, payload in images
    )
    await tx.executemany(_UPDATE, rows)


async def mark_seen(tx: Transaction, target: Target, ids: Iterable[str]) -> None:
    """Note that rows that were missing are listed again."""
    tx.changed.add(target)
    await tx.executemany(
        "UPDATE image_rows SET missing_since = NULL, missing_syncs = 0, missing_seconds = 0, shown_at = NULL, held = 0"
        f" WHERE {_OF_TARGET}",
        ((*target, image_id) for image_id in ids),
    )


async def mark_missing(tx: Transaction, target: Target, missing: Mapping[str, Missing]) -> None:
    """Note since when, and for how many syncs, these live rows have been missing."""
    tx.changed.add(target)
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
    """Note that these images are gone. Their rows stay, for the view `all_images` and in case they come back."""
    tx.changed.add(target)
    await tx.executemany(
        f"UPDATE image_rows SET revoked_at = ?, missing_since = ?, shown_at = ?, held = 0 WHERE {_OF_TARGET}",
        (
            (to_text(now), to_text(row.since), row.shown_at and to_text(row.shown_at), *target, image_id)
            for image_id, row in missing.items()
        ),
    )


async def live_rows(tx: Transaction, account: str, ids: Iterable[str]) -> dict[str, list[LiveRow]]:
    """The live rows of these ids in all regions of the account, those of retired regions too."""
    live: dict[str, list[LiveRow]] = {}
    async for rows in tx.fetch_in(_LIVE_ROWS, ids, (account,)):
        for image_id, region, mark, missing in rows:
            live.setdefault(image_id, []).append(LiveRow(region, mark, bool(missing)))
    return live


async def some_shown(tx: Transaction, target: Target, without: Iterable[str], count: int) -> list[str]:
    """The first and the last ``count`` ids of the target's last complete listing, without those in ``without``."""
    rows = await tx.fetch(_SHOWN_AT_BOTH_ENDS, (*target, json.dumps(list(without)), count))
    return [row[0] for row in rows]


async def count_live_images(tx: Transaction, account: str) -> int:
    """How many different images the active targets of an account list; one in several regions counts once."""
    rows = await tx.fetch(
        "SELECT COUNT(DISTINCT image_id) FROM image_rows r JOIN targets t"
        " ON t.account = r.account AND t.region = r.region"
        " WHERE r.account = ? AND r.revoked_at IS NULL AND t.active = 1",
        (account,),
    )
    return int(rows[0][0])


async def shown_and_missing(tx: Transaction, target: Target, ids: Iterable[str]) -> dict[str, Missing]:
    """For the revoked rows among ``ids``: since when they were missing, and when they were last shown."""
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


async def other_regions(tx: Transaction, seqs: Iterable[int]) -> dict[int, tuple[str, ...]]:
    """The number of each image event of scope account → the other regions of which the same is true now.

    They list the image, have its new status, show the same, or have lost it as well. Events without any are left out.
    """
    regions: dict[int, tuple[str, ...]] = {}
    for seq, region in await tx.fetch(_OTHER_REGIONS, (json.dumps(list(seqs)),)):
        regions[seq] = (*regions.get(seq, ()), region)
    return regions
