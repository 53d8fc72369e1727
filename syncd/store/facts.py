"""The facts: what each account was last told about each image. All SQL on the table `facts` is here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from syncd.model import DIGEST_SIZE, Target, from_text, to_text
from syncd.store.records import Fact
from syncd.store.transaction import Transaction

_COLUMNS = "image_id, live, status, digest, baseline_at, lost_region, doubted_at, found_at"

# The rows of a region belong to the account's present scope, and not to a project or owner that it had before.
# `IS`, because a region without a baseline has no scope.
_OF_PRESENT_SCOPE = "t.scope IS (SELECT a.scope FROM accounts a WHERE a.account = t.account)"

_DOUBT_RETIRED = (
    # The doubt begins at the last complete sync of the retired region, not now: a region that was read after that
    # moment can settle it at once.
    "UPDATE facts SET doubted_at = ? WHERE account = ?"
    # The account believes that it has the image, and an older doubt keeps its time.
    " AND live = 1 AND doubted_at IS NULL AND image_id IN ("
    # The image is a live row of the retired region,
    " SELECT own.image_id FROM image_rows own INDEXED BY image_rows_live"
    # and of another region that stays active;
    " JOIN image_rows other INDEXED BY image_rows_facts ON other.account = own.account"
    "  AND other.image_id = own.image_id AND other.region <> own.region AND other.revoked_at IS NULL"
    " JOIN targets t ON t.account = other.account AND t.region = other.region AND t.active = 1"
    " WHERE own.account = ? AND own.region = ? AND own.revoked_at IS NULL"
    # the two show different things, and the account may have been told what the retired one showed.
    "  AND other.fingerprint <> own.fingerprint)"
)
_FORGET = (
    # Only live images: that an image is gone stays true.
    "DELETE FROM facts WHERE account = ? AND live = 1"
    # A loss that is still to be told must not be forgotten before it is told.
    " AND lost_region IS NULL"
    # No active region of the present scope lists the image any more.
    " AND NOT EXISTS (SELECT 1 FROM image_rows r JOIN targets t ON t.account = r.account AND t.region = r.region"
    "  WHERE r.account = facts.account AND r.image_id = facts.image_id AND r.revoked_at IS NULL AND t.active = 1"
    f"  AND {_OF_PRESENT_SCOPE})"
)
_GONE_BUT_LISTED = (
    # Facts that are not live are few, and have an index of their own: the search begins there.
    "SELECT f.image_id FROM facts f INDEXED BY facts_gone JOIN image_rows r INDEXED BY image_rows_live"
    " ON r.account = f.account AND r.region = ? AND r.image_id = f.image_id WHERE f.account = ? AND f.live = 0"
    # A row that complete syncs lack is live in name only: it does not contradict that the image is gone.
    " AND r.revoked_at IS NULL AND r.missing_since IS NULL"
)
_RECALL = (
    # The digest is the first part of a row's fingerprint, see `model.fingerprint`.
    "INSERT INTO facts (account, image_id, live, status, digest, baseline_at)"
    f" SELECT r.account, r.image_id, 1, COALESCE(r.status, ''), substr(r.fingerprint, 1, {DIGEST_SIZE}), ?"
    " FROM image_rows r JOIN targets t ON t.account = r.account AND t.region = r.region"
    # Rows that the region kept from another scope say nothing about what the account has now.
    f" WHERE r.account = ? AND r.region = ? AND r.revoked_at IS NULL AND {_OF_PRESENT_SCOPE}"
    # What the account was told meanwhile, also that an image is gone, stands until a sync finds otherwise.
    " ON CONFLICT (account, image_id) DO "
)
_KEEP = "NOTHING"
# The first region of a scope says what is known there: what another scope showed is known no longer.
_CORRECT = "UPDATE SET status = excluded.status, digest = excluded.digest WHERE facts.live = 1"


NEW_DIGEST = "UPDATE facts SET digest = ? WHERE account = ? AND image_id = ? AND digest = ?"
"""For a row whose fingerprint was made anew: the fact that agreed with it goes on agreeing with it."""


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
    if facts:
        tx.changed.add(account)
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
    """Put in doubt what the account may have been told of a target that was retired after ``last_complete``.

    These are the images that the target showed differently from a region that stays active.
    """
    tx.changed.add(target.account)
    params = (to_text(last_complete), target.account, *target)
    await tx.executemany(_DOUBT_RETIRED, [params])


async def gone_but_listed(tx: Transaction, target: Target) -> list[str]:
    """The images that the account was told are gone, while this target's last complete sync listed them."""
    rows = await tx.fetch(_GONE_BUT_LISTED, (target.region, target.account))
    return [row[0] for row in rows]


async def drop_doubts(tx: Transaction, account: str) -> None:
    """End all doubts of an account that entered another scope: from now on its regions show other rows."""
    tx.changed.add(account)
    await tx.executemany(
        "UPDATE facts SET lost_region = NULL, doubted_at = NULL, found_at = NULL"
        " WHERE account = ? AND doubted_at IS NOT NULL",
        [(account,)],
    )


async def forget_facts(tx: Transaction, account: str) -> None:
    """Forget the images that only retired targets, or rows of another scope, still list.

    This is silent, because the images are not known to be gone; losses that are still to be told stay.
    """
    tx.changed.add(account)
    await tx.executemany(_FORGET, [(account,)])


async def recall_facts(
    tx: Transaction, target: Target, baseline_at: datetime | None = None, *, first: bool = False
) -> None:
    """Know again, silently, the live rows of a target that came back, or that entered a scope at ``baseline_at``.

    Images that were told as gone meanwhile stay gone, and rows of another scope than the account's stay unknown.
    ``first``: no other target is of the scope yet, so what is known of these images is what this one shows.
    """
    tx.changed.add(target.account)
    await tx.executemany(_RECALL + (_CORRECT if first else _KEEP), [(_text(baseline_at), *target)])


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
