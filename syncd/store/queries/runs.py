"""The past syncs of each target."""

from __future__ import annotations

from syncd.store.queries.reader import Reader
from syncd.store.queries.row_types import RunRow, columns_of


def runs(
    reader: Reader,
    account: str | None = None,
    region: str | None = None,
    outcome: str | None = None,
    limit: int | None = None,
) -> list[RunRow]:
    """The newest ``limit`` runs asked for; the oldest comes first."""
    where, values = _where(account, region, outcome)
    rows = reader.all(
        f"SELECT {columns_of(RunRow)} FROM runs WHERE {where} ORDER BY id DESC LIMIT ?",
        (*values, -1 if limit is None else limit),
    )
    return [RunRow(*row) for row in reversed(rows)]


def count_runs(
    reader: Reader, account: str | None = None, region: str | None = None, outcome: str | None = None
) -> int:
    """How many rows `runs` has without a limit."""
    where, values = _where(account, region, outcome)
    return int(reader.value(f"SELECT COUNT(*) FROM runs WHERE {where}", values))


def _where(account: str | None, region: str | None, outcome: str | None) -> tuple[str, list[str]]:
    terms = {"account = ?": account, "region = ?": region, "outcome = ?": outcome}
    asked = {term: value for term, value in terms.items() if value is not None}
    return " AND ".join(asked) or "1", list(asked.values())
