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
    terms = {"account = ?": account, "region = ?": region, "outcome = ?": outcome}
    asked = {term: value for term, value in terms.items() if value is not None}
    rows = reader.all(
        f"SELECT {columns_of(RunRow)} FROM runs WHERE {' AND '.join(asked) or '1'} ORDER BY id DESC LIMIT ?",
        (*asked.values(), -1 if limit is None else limit),
    )
    return [RunRow(*row) for row in reversed(rows)]
