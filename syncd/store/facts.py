"""The account-level facts: what was last told about each image."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from syncd.model import from_text, to_text
from syncd.store.engine import Transaction
from syncd.store.records import Fact


async def read_facts(tx: Transaction, account: str, ids: Iterable[str]) -> dict[str, Fact]:
    rows = await tx.fetch(
        "SELECT image_id, live, status, digest, baseline_at FROM facts"
        " WHERE account = ? AND image_id IN (SELECT value FROM json_each(?))",
        (account, json.dumps(list(ids))),
    )
    return {
        row[0]: Fact(bool(row[1]), row[2] or "", row[3], from_text(row[4]) if row[4] else None)
        for row in rows
    }


async def save_facts(tx: Transaction, account: str, facts: Mapping[str, Fact]) -> None:
    await tx.executemany(
        "INSERT OR REPLACE INTO facts (account, image_id, live, status, digest, baseline_at) VALUES (?, ?, ?, ?, ?, ?)",
        [
            (
                account,
                image_id,
                int(f.live),
                f.status,
                f.digest,
                to_text(f.baseline_at) if f.baseline_at else None,
            )
            for image_id, f in facts.items()
        ],
    )
