"""The account-level facts: what was last told about each image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from syncd.model import from_text, to_text
from syncd.store.engine import Transaction
from syncd.store.records import Fact


async def read_facts(tx: Transaction, account: str, ids: Iterable[str]) -> dict[str, Fact]:
    facts: dict[str, Fact] = {}
    async for rows in tx.fetch_in(
        "SELECT image_id, live, status, digest, baseline_at FROM facts"
        " WHERE account = ? AND image_id IN (SELECT value FROM json_each(?))",
        ids,
        (account,),
    ):
        for image_id, live, status, digest, baseline_at in rows:
            facts[image_id] = Fact(
                bool(live), status or "", digest, from_text(baseline_at) if baseline_at else None
            )
    return facts


async def save_facts(tx: Transaction, account: str, facts: Mapping[str, Fact]) -> None:
    await tx.executemany(
        "INSERT OR REPLACE INTO facts (account, image_id, live, status, digest, baseline_at) VALUES (?, ?, ?, ?, ?, ?)",
        (
            (
                account,
                image_id,
                int(fact.live),
                fact.status,
                fact.digest,
                to_text(fact.baseline_at) if fact.baseline_at else None,
            )
            for image_id, fact in facts.items()
        ),
    )
