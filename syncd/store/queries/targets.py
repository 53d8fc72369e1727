"""Accounts and targets, as the syncs left them."""

from __future__ import annotations

from syncd.store.queries.reader import Reader
from syncd.store.queries.row_types import AccountRow, TargetRow, columns_of


def accounts(reader: Reader) -> list[AccountRow]:
    rows = reader.all(f"SELECT {columns_of(AccountRow)} FROM accounts ORDER BY account")
    return [AccountRow(account, bool(active), *others) for account, active, *others in rows]


def targets(reader: Reader, account: str | None = None) -> list[TargetRow]:
    """All targets, or those of one account; retired ones too, in the order of account and region."""
    rows = reader.all(
        f"SELECT {columns_of(TargetRow)} FROM targets WHERE ?1 IS NULL OR account = ?1 ORDER BY account, region",
        (account,),
    )
    return [TargetRow(name, region, bool(active), *others) for name, region, active, *others in rows]
