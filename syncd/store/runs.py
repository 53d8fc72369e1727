"""The record of past syncs. Complete syncs without news share one row, so that months of quiet stay small."""

from __future__ import annotations

from datetime import datetime

from syncd.model import Target, to_text
from syncd.store.records import Run
from syncd.store.transaction import Transaction

_COUNTS = ("pages", "listed", "shared", "revoked", "status_changed", "updated", "unreadable", "error")


async def record(tx: Transaction, run: Run) -> int:
    """Write a run and return its id; if neither it nor the target's last one has news, they share a row."""
    quiet = run.outcome == "complete" and not run.has_news
    if quiet and (last := await _last_quiet(tx, run.target)) is not None:
        await tx.executemany(
            "UPDATE runs SET count = count + 1, finished_at = ?, pages = ?, listed = ?, unreadable = ? WHERE id = ?",
            [(to_text(run.finished_at), run.pages, run.listed, run.unreadable, last)],
        )
        return last
    await tx.executemany(
        "INSERT INTO runs (account, region, started_at, finished_at, outcome, "
        + ", ".join(_COUNTS)
        + f") VALUES ({', '.join('?' * (5 + len(_COUNTS)))})",
        [
            (
                *run.target,
                to_text(run.started_at),
                to_text(run.finished_at),
                run.outcome,
                *(getattr(run, name) for name in _COUNTS),
            )
        ],
    )
    return int((await tx.fetch("SELECT MAX(id) FROM runs"))[0][0])


async def prune(tx: Transaction, before: datetime) -> None:
    """Delete runs that finished before this time; the last run of each target stays."""
    await tx.executemany(
        "DELETE FROM runs WHERE finished_at < ?"
        " AND id NOT IN (SELECT MAX(id) FROM runs GROUP BY account, region)",
        [(to_text(before),)],
    )


async def _last_quiet(tx: Transaction, target: Target) -> int | None:
    rows = await tx.fetch(
        "SELECT id, outcome, shared + revoked + status_changed + updated FROM runs"
        " WHERE account = ? AND region = ? ORDER BY id DESC LIMIT 1",
        target,
    )
    return int(rows[0][0]) if rows and rows[0][1] == "complete" and not rows[0][2] else None
