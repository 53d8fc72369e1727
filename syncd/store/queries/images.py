"""Reads images as people ask for them: the newest first, with one line for each image or for each region."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from operator import itemgetter
from typing import Any, Literal

from syncd.store.queries.reader import Reader
from syncd.store.queries.row_types import ImageLine, ImageRow, MissingRow

LINES_PER_QUERY = 200

_COLUMNS = [field.name for field in fields(ImageRow) if field.name != "active"]

_ACTIVE = "(SELECT t.active FROM targets AS t WHERE t.account = r.account AND t.region = r.region)"

Which = Literal["live", "revoked", "all"]


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """Which images to read; None asks for all. ``owner``, ``name``, ``gpu`` and ``image_type`` are globs.

    ``which`` is "live" for the rows of the view `images`, "revoked" for the images that are gone (in retired targets
    too), "all" for both and for the live rows of retired targets.
    """

    account: str | None = None
    region: str | None = None
    status: str | None = None
    owner: str | None = None
    name: str | None = None
    gpu: str | None = None
    image_type: str | None = None
    which: Which = "live"

    def conditions(self) -> tuple[str, list[str]]:
        terms = {
            "r.account = ?": self.account,
            "r.region = ?": self.region,
            "r.status = ?": self.status,
            "matches(?, r.name)": self.name,
            "matches(?, r.source_gpu_type)": self.gpu,
            "matches(?, r.image_type)": self.image_type,
        }
        asked = {term: value for term, value in terms.items() if value is not None}
        where, values = "".join(f" AND {term}" for term in asked), list(asked.values())
        if self.owner is not None:
            where += " AND (matches(?, r.owner_id) OR matches(?, r.owner_name))"
            values += [self.owner, self.owner]
        return where, values


def images(reader: Reader, wanted: ImageFilter, limit: int | None = None) -> Iterator[ImageLine]:
    """One line for each image with a row that the filter lets through; what came (or went) last comes first."""
    ids = islice(_distinct(image_id for image_id, *_ in _keys(reader, wanted)), limit)
    while batch := list(islice(ids, LINES_PER_QUERY)):
        yield from _lines(reader, wanted, batch)


def images_by_region(reader: Reader, wanted: ImageFilter, limit: int | None = None) -> Iterator[ImageRow]:
    """One row for each image, account and region; what came (or went) last comes first."""
    for key in islice(_keys(reader, wanted), limit):
        yield from _rows(reader, "r.image_id = ? AND r.account = ? AND r.region = ?", key[:3])


def count_images(reader: Reader, wanted: ImageFilter) -> int:
    """How many lines `images` has without a limit."""
    return sum(1 for _ in _distinct(image_id for image_id, *_ in _keys(reader, wanted)))


def count_images_by_region(reader: Reader, wanted: ImageFilter) -> int:
    return sum(1 for _ in _keys(reader, wanted))


def image(reader: Reader, image_id: str) -> list[ImageRow]:
    """The rows of one image, in all regions and accounts that have or had it."""
    return list(_rows(reader, "r.image_id = ?", (image_id,)))


def payload(reader: Reader, image_id: str, account: str, region: str) -> str | None:
    """The row's JSON as the API sent it when a compared field last changed."""
    text = reader.value(
        "SELECT payload FROM all_images WHERE image_id = ? AND account = ? AND region = ?",
        (image_id, account, region),
    )
    return None if text is None else str(text)


def missing(
    reader: Reader, account: str | None = None, region: str | None = None, *, undecided: bool = False
) -> list[MissingRow]:
    """The missing rows that the guard holds; with ``undecided`` also those that only wait for confirmation."""
    rows = reader.all(
        "SELECT r.account, r.region, r.image_id, r.name, r.status, r.missing_since, r.missing_syncs, r.held,"
        " r.shown_at FROM image_rows AS r INDEXED BY image_rows_live WHERE r.revoked_at IS NULL"
        " AND r.missing_since IS NOT NULL AND (r.held = 1 OR ?1)"
        f" AND (?2 IS NULL OR r.account = ?2) AND (?3 IS NULL OR r.region = ?3) AND {_ACTIVE}"
        " ORDER BY r.account, r.region, r.missing_since, r.image_id",
        (undecided, account, region),
    )
    until = {place: _held_until(reader, *place) for place in {row[:2] for row in rows if row[7]}}
    return [_missing(row, until) for row in rows]


def _missing(row: Sequence[Any], until: Mapping[Any, str | None]) -> MissingRow:
    *fields, held, last_seen_at = row
    let_go = until.get(tuple(row[:2])) if held else None
    return MissingRow(*[*fields, bool(held), last_seen_at, let_go])


def _held_until(reader: Reader, account: str, region: str) -> str | None:
    body = reader.value(
        "SELECT body FROM events WHERE type = 'sync.held' AND account = ? AND region = ? ORDER BY seq DESC LIMIT 1",
        (account, region),
    )
    until = json.loads(body)["data"].get("until") if body is not None else None
    return until if isinstance(until, str) else None


def _keys(reader: Reader, wanted: ImageFilter) -> Iterator[tuple[str, str, str, str]]:
    """(image, account, region, since) of the rows that the filter lets through, the newest first.

    Live rows, and the revoked rows of each account, are read along an index each, and merged.
    """
    where, values = wanted.conditions()
    key = "r.image_id, r.account, r.region"
    streams = []
    if wanted.which != "revoked":
        source = (
            "images AS r WHERE 1" if wanted.which == "live" else "all_images AS r WHERE r.revoked_at IS NULL"
        )
        streams.append(
            reader.rows(
                f"SELECT {key}, r.shared_at FROM {source}{where} ORDER BY r.shared_at DESC, r.image_id DESC",
                values,
            )
        )
    if wanted.which != "live":
        streams += [
            reader.rows(
                f"SELECT {key}, r.revoked_at FROM all_images AS r"
                f" WHERE r.account = ? AND r.revoked_at IS NOT NULL{where} ORDER BY r.revoked_at DESC",
                (account, *values),
            )
            for (account,) in reader.all("SELECT DISTINCT account FROM targets")
        ]
    return heapq.merge(*streams, key=itemgetter(3), reverse=True)


def _lines(reader: Reader, wanted: ImageFilter, ids: list[str]) -> Iterator[ImageLine]:
    where, values = wanted.conditions()
    where += {
        "live": f" AND r.revoked_at IS NULL AND {_ACTIVE}",
        "revoked": " AND r.revoked_at IS NOT NULL",
    }.get(wanted.which, "")
    places: dict[str, list[ImageRow]] = {image_id: [] for image_id in ids}
    for row in _rows(
        reader, f"r.image_id IN (SELECT value FROM json_each(?)){where}", (json.dumps(ids), *values)
    ):
        places[row.image_id].append(row)
    for image_id, rows in places.items():
        if rows:
            yield ImageLine(image_id, max(rows, key=lambda row: row.changed_at), tuple(rows))


def _rows(reader: Reader, where: str, values: Any) -> Iterator[ImageRow]:
    columns = ", ".join(f"r.{name}" for name in _COLUMNS)
    sql = f"SELECT {columns}, {_ACTIVE} FROM all_images AS r WHERE {where} ORDER BY r.account, r.region"
    for *columns_of_image, active in reader.rows(sql, values):
        row = dict(zip(_COLUMNS, columns_of_image, strict=True))
        row["tags"] = tuple(json.loads(row["tags"])) if row["tags"] else ()
        row["softwares"] = json.loads(row["softwares"]) if row["softwares"] else None
        yield ImageRow(**row, active=bool(active))


def _distinct(ids: Iterator[str]) -> Iterator[str]:
    seen: set[str] = set()
    for image_id in ids:
        if image_id not in seen:
            seen.add(image_id)
            yield image_id
