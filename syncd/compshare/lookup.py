"""Asks for one image by its id, and says what the answer proves."""

from __future__ import annotations

import enum

from syncd.compshare.decode import image_set
from syncd.compshare.image_row import nothing, read_row
from syncd.compshare.json_answer import integer, successful_fields, value
from syncd.compshare.retcodes import is_parameter_refused, names
from syncd.errors import Misconfigured


class Lookup(enum.Enum):
    FOUND = "found"
    """The answer is exactly its row."""
    GONE = "gone"
    """The answer is proper and has no row, or it is a 230 that names the id."""
    UNDECIDED = "undecided"
    """The answer is anything else, which proves nothing."""


def decode_lookup(body: bytes, image_id: str) -> Lookup:
    try:
        fields = successful_fields(body)
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
