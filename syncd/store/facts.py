"""The account-level facts: what was last told about each image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from syncd.model import Target, from_text, to_text
from syncd.store.records import Fact
from syncd.store.transaction import Transaction

_COLUMNS = "image_id, live, status, digest, baseline_at, lost_region, doubted_at, found_at"
_OF_PRESENT_SCOPE = "t.scope IS (SELECT a.scope FROM accounts a WHERE a.account = t.account)"


async def read_facts(tx: Transaction, account: str, ids: Iterable[str]) -> dict[str, Fact]:
    facts: dict[str, Fact] = {}
    async for rows in tx.fetch_in(
        f"SELECT {_COLUMNS} FROM facts WHERE account = ? AND image_id IN (SELECT value FROM json_each(?))",
        ids,
        (account,),
    ):
        facts.update((row[0], _fact(row)) for row in rows)
    return facts


async def read_doubted(tx: Transaction, account: str) -> dict[str, Fact]:
    """The facts of which it is in doubt whether they agree with what the regions show."""
    rows = await tx.fetch(
        f"SELECT {_COLUMNS} FROM facts INDEXED BY facts_doubted"
        " WHERE account = ? AND doubted_at IS NOT NULL ORDER BY image_id",
        (account,),
    )
    return {row[0]: _fact(row) for row in rows}


async def any_doubted(tx: Transaction, account: str) -> bool:
    rows = await tx.fetch(
        "SELECT 1 FROM facts INDEXED BY facts_doubted WHERE account = ? AND doubted_at IS NOT NULL LIMIT 1",
        (account,),
    )
    return bool(rows)


async def save_facts(tx: Transaction, account: str, facts: Mapping[str, Fact]) -> None:
    await tx.executemany(
        f"INSERT OR REPLACE INTO facts (account, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                account, image_id, int(fact.live), fact.status, fact.digest, _text(fact.baseline_at),
                fact.lost_region, _text(fact.doubted_at), _text(fact.found_at),
            )
            for image_id, fact in facts.items()
        ),
    )  # fmt: skip


async def doubt_retired(tx: Transaction, target: Target, last_complete: datetime) -> None:
    """A target left the watch after ``last_complete``; what it showed otherwise than one that stays may be what the
    account was told.
    """
    await tx.executemany(
        "UPDATE facts SET doubted_at = ? WHERE account = ? AND live = 1 AND doubted_at IS NULL AND image_id IN ("
        " SELECT own.image_id FROM image_rows own INDEXED BY image_rows_live"
        " JOIN image_rows other INDEXED BY image_rows_facts ON other.account = own.account"
        "  AND other.image_id = own.image_id AND other.region <> own.region AND other.revoked_at IS NULL"
        " JOIN targets t ON t.account = other.account AND t.region = other.region AND t.active = 1"
        " WHERE own.account = ? AND own.region = ? AND own.revoked_at IS NULL"
        "  AND other.fingerprint <> own.fingerprint)",
        [(to_text(last_complete), target.account, *target)],
    )


async def drop_doubts(tx: Transaction, account: str) -> None:
    """In another scope, what was in doubt is no longer: its regions show other rows."""
    await tx.executemany(
        "UPDATE facts SET lost_region = NULL, doubted_at = NULL, found_at = NULL"
        " WHERE account = ? AND doubted_at IS NOT NULL",
        [(account,)],
    )


async def forget_facts(tx: Transaction, account: str) -> None:
    """What only retired targets, or rows of another scope, list is no longer known, silently: nobody was told that
    it is gone. Images whose loss is still to be told stay.
    """
    await tx.executemany(
        "DELETE FROM facts WHERE account = ? AND live = 1 AND lost_region IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM image_rows r JOIN targets t ON t.account = r.account AND t.region = r.region"
        "  WHERE r.account = facts.account AND r.image_id = facts.image_id AND r.revoked_at IS NULL AND t.active = 1"
        f"  AND {_OF_PRESENT_SCOPE})",
        [(account,)],
    )


async def recall_facts(tx: Transaction, target: Target, baseline_at: datetime | None = None) -> None:
    """The live rows of a target that came back, or entered a scope with ``baseline_at``, are known again, silently,
    unless they were told as gone meanwhile. Rows of another scope than the account's stay unknown.
    """
    await tx.executemany(
        "INSERT INTO facts (account, image_id, live, status, digest, baseline_at)"
        " SELECT r.account, r.image_id, 1, COALESCE(r.status, ''), substr(r.fingerprint, 1, 16), ?"
        " FROM image_rows r JOIN targets t ON t.account = r.account AND t.region = r.region"
        f" WHERE r.account = ? AND r.region = ? AND r.revoked_at IS NULL AND {_OF_PRESENT_SCOPE}"
        " ON CONFLICT (account, image_id) DO NOTHING",
        [(to_text(baseline_at) if baseline_at else None, *target)],
    )


def _fact(row: Sequence[Any]) -> Fact:
    _, live, status, digest, baseline_at, lost_region, doubted_at, found_at = row
    return Fact(
        bool(live),
        status or "",
        digest,
        _time(baseline_at),
        lost_region,
        _time(doubted_at),
        _time(found_at),
    )


def _time(text: str | None) -> datetime | None:
    return from_text(text) if text else None


def _text(moment: datetime | None) -> str | None:
    return to_text(moment) if moment else None
