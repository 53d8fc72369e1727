"""The rows of images as bytes: each is encoded once, and the digits of its counters are filled in last.

In a stored row, a NUL byte stands behind the digits of each counter that changes all the time. JSON escapes NUL in
text, so this mark cannot be mistaken, and one ``replace`` puts the same four digits behind every counter of a page.
"""

from __future__ import annotations

from typing import Any

import msgspec

COUNTERS = ("CreatedCount", "FavoritesCount", "ImageUseTime")
MARK = b"\0"

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def encode(fields: dict[str, Any]) -> bytes:
    """The stored row of these fields. Counters below 1 become 1, because a JSON number may not begin with a zero."""
    counters = {key: fields[key] for key in COUNTERS if type(fields.get(key)) is int}
    plain = _encode({key: value for key, value in fields.items() if key not in counters})
    marked = b",".join(b'"%s":%d\0' % (key.encode(), max(1, value)) for key, value in counters.items())
    if not marked:
        return plain
    return plain[:-1] + (b"," if len(plain) > 2 else b"") + marked + b"}"


def decode(row: bytes) -> dict[str, Any]:
    """The inverse of `encode`."""
    fields = _decode(row.replace(MARK, b""))
    assert isinstance(fields, dict)
    return fields


def counter_digits(serial: int) -> bytes:
    """Four digits, different ones for each of ten thousand answers in a row."""
    return b"%04d" % (serial % 10_000)
