"""The values that a filter can name: for error messages and completion."""

from __future__ import annotations

from typing import Literal

from syncd.store.queries.reader import Reader

Column = Literal["account", "region", "status", "image_type", "source_gpu_type", "sink", "image_id"]

NEWEST = 500
"""Images, the newest first, of which the values that have no index are gathered."""

_NEWEST = f"(SELECT * FROM images ORDER BY shared_at DESC LIMIT {NEWEST})"
_STATEMENTS = {
    "account": "SELECT account FROM accounts",
    "region": "SELECT DISTINCT region FROM targets",
    "status": f"SELECT DISTINCT status FROM {_NEWEST}",
    "image_type": f"SELECT DISTINCT image_type FROM {_NEWEST}",
    "source_gpu_type": f"SELECT DISTINCT source_gpu_type FROM {_NEWEST}",
    "sink": "SELECT name FROM sinks",
    "image_id": f"SELECT DISTINCT image_id FROM {_NEWEST}",
}


def known_values(reader: Reader, column: Column) -> list[str]:
    """Sorted; of statuses, types, GPUs and ids only those of the newest images."""
    return sorted({value for (value,) in reader.all(_STATEMENTS[column]) if value})
