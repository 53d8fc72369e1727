"""Reads and writes the state of accounts and targets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, cast

from syncd.model import CLOCK_IS_RIGHT_WITHIN, Target, from_text, to_text
from syncd.store.records import AccountState, Alert, TargetState
from syncd.store.transaction import Transaction

_TARGET_FIELDS = tuple(f.name for f in fields(TargetState) if f.name != "target")
_ACCOUNT_FIELDS = tuple(f.name for f in fields(AccountState) if f.name != "alert")
_ALERT_COLUMNS = ("alert_class", "alert_since", "alert_opened_at", "alert_said_at", "alert_told")
_TIMES = frozenset(
    name for name in (*_TARGET_FIELDS, *_ACCOUNT_FIELDS) if name.endswith(("_at", "_until", "_since"))
)


async def read_account(tx: Transaction, account: str) -> AccountState | None:
    rows = await tx.fetch(
        f"SELECT {', '.join((*_ACCOUNT_FIELDS, *_ALERT_COLUMNS))} FROM accounts WHERE account = ?", (account,)
    )
    return _account(rows[0]) if rows else None


async def read_accounts(tx: Transaction) -> list[AccountState]:
    rows = await tx.fetch(
        f"SELECT {', '.join((*_ACCOUNT_FIELDS, *_ALERT_COLUMNS))} FROM accounts ORDER BY account"
    )
    return [_account(row) for row in rows]


async def save_account(tx: Transaction, state: AccountState) -> None:
    tx.changed.add(state.account)
    values = _stored({name: getattr(state, name) for name in _ACCOUNT_FIELDS})
    alert = state.alert
    values |= dict(
        zip(
            _ALERT_COLUMNS,
            (
                alert.failure,
                to_text(alert.since),
                to_text(alert.opened_at),
                to_text(alert.said_at),
                json.dumps({"classes": alert.told, "named": alert.named, "failed": alert.failed}),
            )
            if alert
            else (None,) * len(_ALERT_COLUMNS),
            strict=True,
        )
    )
    await _save(tx, "accounts", values)


async def read_target(tx: Transaction, target: Target) -> TargetState | None:
    rows = await tx.fetch(
        f"SELECT account, region, {', '.join(_TARGET_FIELDS)} FROM targets WHERE account = ? AND region = ?",
        target,
    )
    return _target(rows[0]) if rows else None


async def read_targets(tx: Transaction, account: str | None = None) -> list[TargetState]:
    """All targets, or those of one account; retired ones too."""
    rows = await tx.fetch(
        f"SELECT account, region, {', '.join(_TARGET_FIELDS)} FROM targets"
        " WHERE ?1 IS NULL OR account = ?1 ORDER BY account, region",
        (account,),
    )
    return [_target(row) for row in rows]


async def save_target(tx: Transaction, state: TargetState) -> None:
    tx.changed.add(state.target)
    values = _stored({name: getattr(state, name) for name in _TARGET_FIELDS})
    await _save(tx, "targets", {"account": state.target.account, "region": state.target.region} | values)


async def distrust_times_ahead(tx: Transaction, now: datetime) -> None:
    """A target that was read while the clock ran ahead is not fresh, also not once the clock gets to that time.

    Only while the time lies beyond now does it show that it is false.
    """
    sql = "UPDATE targets SET fresh_until = ?1 WHERE fresh_until > ?1 AND last_success_at > ?2"
    await tx.executemany(sql, [(to_text(now), to_text(now + CLOCK_IS_RIGHT_WITHIN))])


async def _save(tx: Transaction, table: str, values: dict[str, Any]) -> None:
    await tx.executemany(
        f"INSERT OR REPLACE INTO {table} ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",
        [tuple(values.values())],
    )


def _stored(values: dict[str, Any]) -> dict[str, Any]:
    def stored(value: Any) -> Any:
        if isinstance(value, datetime):
            return to_text(value)
        if isinstance(value, tuple):
            return json.dumps(value)
        return int(value) if isinstance(value, bool) else value

    return {name: stored(value) for name, value in values.items()}


def _loaded(names: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    values = dict(zip(names, row, strict=True))
    for name in _TIMES & values.keys():
        values[name] = from_text(values[name]) if values[name] else None
    values["active"] = bool(values["active"])
    return values


def _target(row: Sequence[Any]) -> TargetState:
    return TargetState(target=Target(row[0], row[1]), **_loaded(_TARGET_FIELDS, row[2:]))


def _account(row: Sequence[Any]) -> AccountState:
    values = _loaded(_ACCOUNT_FIELDS, row[: len(_ACCOUNT_FIELDS)])
    values["projects"] = tuple(json.loads(values["projects"])) if values["projects"] else None
    return AccountState(alert=_alert(row[len(_ACCOUNT_FIELDS) :]), **values)


def _alert(row: Sequence[Any]) -> Alert | None:
    failure, since, opened_at, said_at, told = row
    if failure is None:
        return None
    return Alert(
        cast(Any, failure),
        from_text(since),
        from_text(opened_at),
        from_text(said_at),
        *_announced(json.loads(told)),
    )


def _announced(told: Any) -> tuple[tuple[Any, ...], ...]:
    """The classes, the regions named, the regions failed. Earlier versions wrote a list of the classes alone."""
    if isinstance(told, list):
        return (tuple(told),)
    return tuple(tuple(told[name]) for name in ("classes", "named", "failed"))
