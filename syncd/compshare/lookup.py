"""Asking for one image by its id: what an answer proves."""

from __future__ import annotations

import enum

from syncd.compshare.decode import image_set
from syncd.compshare.image_row import nothing, read_row
from syncd.compshare.json_answer import integer, opened, value
from syncd.compshare.retcodes import is_parameter_refused, names
from syncd.errors import Misconfigured


class Lookup(enum.Enum):
    FOUND = "found"
    """Answered by exactly its row."""
    GONE = "gone"
    """A proper answer without a row, or a 230 that names the id."""
    UNDECIDED = "undecided"
    """Anything else proves nothing."""


def decode_lookup(body: bytes, image_id: str) -> Lookup:
    try:
        fields = opened(body)
    except Misconfigured as error:
        if is_parameter_refused(error.code) and names(error.message, "CompShareImageId", image_id):
            return Lookup.GONE
        raise
    rows = [read_row(raw)[0] for raw in image_set(fields, body)]
    if rows == [image_id]:
        return Lookup.FOUND
    total = value(fields.get("TotalCount"))
    none_left = nothing(total) or integer(total) == 0
    return Lookup.GONE if not rows and none_left else Lookup.UNDECIDED
