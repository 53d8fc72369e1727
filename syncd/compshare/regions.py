"""Reads which regions, with their zones, and which projects there are for a key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from syncd.compshare.image_row import UnreadableError, nothing, read_text
from syncd.compshare.json_answer import NOT_COMPSHARE, excerpt, successful_fields, value
from syncd.errors import ProtocolError


class Zone(NamedTuple):
    region: str
    zone: str | None
    name: str | None


def decode_zones(body: bytes) -> tuple[Zone, ...]:
    """The zones in the order of the API; rows without a region are left out."""
    rows = (
        Zone(region, _text(row, "Zone"), _text(row, "Describe"))
        for row, region in _rows(body, "ZoneInfo", "Region")
    )
    return tuple(rows)


def decode_projects(body: bytes) -> tuple[str, ...]:
    """The ids of the key's projects, in the order of the API."""
    return tuple(dict.fromkeys(project for _, project in _rows(body, "ProjectSet", "ProjectId")))


def _rows(body: bytes, key: str, needed: str) -> Iterator[tuple[dict[str, object], str]]:
    fields = successful_fields(body)
    given = value(fields.get(key))
    if key not in fields or not (isinstance(given, list) or nothing(given)):
        raise ProtocolError(f"the answer has no {key}: {excerpt(body)}", NOT_COMPSHARE)
    for row in given or ():
        if isinstance(row, dict) and (text := _text(row, needed)):
            yield row, text


def _text(row: dict[str, object], key: str) -> str | None:
    try:
        return read_text(row.get(key))
    except UnreadableError:
        return None
