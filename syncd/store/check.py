"""Whether a database file is sound: SQLite's own check, the schema, and whether the history gives the live rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from syncd.errors import DatabaseCorrupt
from syncd.model import COMPARED
from syncd.store import image_columns, schema
from syncd.store.queries.reader import Reader

MOST_PROBLEMS = 100

ProblemKind = Literal["damage", "schema", "event", "delivery", "fold"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong; ``subject`` names the table, the event or the image."""

    kind: ProblemKind
    subject: str
    message: str


def check_file(path: Path, limit: int = MOST_PROBLEMS) -> list[Problem]:
    """The first ``limit`` problems of a file, which may be in use. Raises the DatabaseError tree if it cannot be read.

    The check covers SQLite's own integrity, the schema, the body of each event, the deliveries, and whether the
    events, applied in order, give exactly the live rows.
    """
    with Reader.open(path) as reader:
        return list(islice(_problems(reader), limit))


def _problems(reader: Reader) -> Iterator[Problem]:
    try:
        yield from _damage(reader)
        yield from _schema(reader)
        yield from _events(reader)
        yield from _deliveries(reader)
        yield from _live_rows_without_history(reader)
        yield from _history_without_live_row(reader)
    except DatabaseCorrupt as error:
        yield Problem("damage", str(reader.path), error.message)


def _damage(reader: Reader) -> Iterator[Problem]:
    for (message,) in reader.rows("PRAGMA integrity_check"):
        if message != "ok":
            yield Problem("damage", str(reader.path), message)


def _schema(reader: Reader) -> Iterator[Problem]:
    actual, declared = reader.schema(), schema.declared()
    for name in sorted(actual.keys() | declared.keys()):
        if name not in actual:
            yield Problem("schema", name, "is missing")
        elif name not in declared:
            yield Problem("schema", name, "is not of syncd")
        elif actual[name] != declared[name]:
            yield Problem("schema", name, "is not as this syncd made it")


def _events(reader: Reader) -> Iterator[Problem]:
    for seq, event_id, kind, image_id, body in reader.rows(
        "SELECT seq, id, type, image_id, body FROM events ORDER BY seq"
    ):
        event = _parsed(body)
        if event is None:
            yield Problem("event", f"event {seq}", "its body is not a JSON object with `data`")
            continue
        expected = {"id": event_id, "type": kind, "subject": image_id, "sequence": f"{seq:020d}"}
        for name, value in expected.items():
            if event.get(name) != value:
                yield Problem(
                    "event", f"event {seq}", f"its body says {name} {event.get(name)!r}, not {value!r}"
                )


def _deliveries(reader: Reader) -> Iterator[Problem]:
    for seq, sink in reader.rows(
        "SELECT event_seq, sink FROM deliveries WHERE NOT EXISTS (SELECT 1 FROM events WHERE seq = event_seq)"
    ):
        yield Problem("delivery", f"event {seq} for {sink}", "there is no such event")


def _live_rows_without_history(reader: Reader) -> Iterator[Problem]:
    """Live rows that differ from what the last event of their image says."""
    columns = ", ".join(f"r.{name}" for name in COMPARED)
    for account, region, image_id, seq, kind, body, *row in reader.rows(
        f"SELECT r.account, r.region, r.image_id, e.seq, e.type, e.body, {columns} FROM all_images AS r"
        " LEFT JOIN events AS e ON e.seq = (SELECT MAX(seq) FROM events INDEXED BY events_by_image"
        "  WHERE image_id = r.image_id AND account = r.account AND region = r.region)"
        " WHERE r.revoked_at IS NULL"
    ):
        subject = f"{account}/{region} {image_id}"
        if seq is None:
            yield Problem("fold", subject, "is live, but no event tells of it")
        elif kind == "image.revoked":
            yield Problem("fold", subject, f"is live, but event {seq} revoked it")
        else:
            image = ((_parsed(body) or {}).get("data") or {}).get("image") or {}
            for name, value in zip(COMPARED, row, strict=True):
                if _plain(name, value) != _plain(name, image.get(name)):
                    yield Problem("fold", subject, f"its {name} is not what event {seq} told")


def _history_without_live_row(reader: Reader) -> Iterator[Problem]:
    """Images that are live by their last event, but not by their row."""
    for account, region, image_id, seq in reader.rows(
        "SELECT account, region, image_id, seq FROM (SELECT account, region, image_id, MAX(seq) AS seq, type"
        "  FROM events INDEXED BY events_by_image WHERE image_id IS NOT NULL GROUP BY image_id, account, region)"
        " AS e WHERE type <> 'image.revoked' AND NOT EXISTS (SELECT 1 FROM all_images AS r WHERE r.account = e.account"
        "  AND r.region = e.region AND r.image_id = e.image_id AND r.revoked_at IS NULL)"
    ):
        yield Problem(
            "fold", f"{account}/{region} {image_id}", f"is not live, but event {seq} told that it is"
        )


def _plain(name: str, value: Any) -> Any:
    """The value of a column or of an event's field, in the same form: JSON is read, and what is empty is None."""
    if name in image_columns.JSON_NAMES and isinstance(value, str):
        value = json.loads(value)
    if isinstance(value, dict):
        value = {key: inner for key, inner in value.items() if not _empty(inner)}
    return None if _empty(value) else value


def _empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _parsed(body: str) -> dict[str, Any] | None:
    try:
        event = json.loads(body)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("data"), dict) else None
