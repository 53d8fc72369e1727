"""The columns of an image, derived from the fields of `model.Image`: tables, views, rows and queries all ask here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, get_type_hints

import msgspec

from syncd.model import Image, Softwares

NAMES = Image.__struct_fields__
"""In the order of the struct; the id comes first."""

APPENDED: tuple[str, ...] = ()
"""Fields that a migration added to existing tables: SQLite puts a new column behind all others."""

VIEW_COLUMNS = ("account", "region", *NAMES, "first_seen_at", "shared_at", "changed_at", "missing_since")
"""What both public views begin with."""

_softwares = msgspec.json.Decoder(Softwares).decode
_to_json = msgspec.json.Encoder().encode


def _kind(hint: Any) -> type:
    return next((kind for kind in (str, int, float) if hint in (kind, kind | None)), dict)


KINDS = {name: _kind(hint) for name, hint in get_type_hints(Image).items()}
"""Name → str, int or float; dict for what is stored as JSON text."""

JSON_NAMES = tuple(name for name, kind in KINDS.items() if kind is dict)
_JSON_INDEXES = tuple(NAMES.index(name) for name in JSON_NAMES)


def to_values(image: Image) -> tuple[Any, ...]:
    """The image as its columns hold it, in the order of `NAMES`; a JSON column is NULL where nothing is in it."""
    values = list(msgspec.structs.astuple(image))
    for index in _JSON_INDEXES:
        values[index] = _to_json(values[index]).decode() if values[index] else None
    return tuple(values)


def to_image(values: Sequence[Any]) -> Image:
    """The inverse of `to_values`."""
    fields = dict(zip(NAMES, values, strict=True))
    fields["tags"] = tuple(json.loads(fields["tags"])) if fields["tags"] else ()
    fields["softwares"] = _softwares(fields["softwares"].encode()) if fields["softwares"] else None
    return Image(**fields)
