"""Rows and pages as bytes: encoded once, joined for each page, their counters filled in last.

A stored row is JSON with a NUL byte behind the digits of each volatile counter. JSON escapes NUL in text, so
the mark is unmistakable, and one ``replace`` puts the same four digits behind every counter of a page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec

COUNTERS = ("CreatedCount", "FavoritesCount", "ImageUseTime")
MARK = b"\0"

Form = Literal["list", "null", "object", "absent"]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def encode(fields: dict[str, Any]) -> bytes:
    """Fields as a stored row. Counters below 1 count as 1: a JSON number has no leading zero."""
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
    """Four digits that differ from those of the ten thousand answers around."""
    return b"%04d" % (serial % 10_000)


@dataclass(frozen=True, slots=True)
class Page:
    """An answer's rows before they become bytes: what page faults twist."""

    rows: Sequence[bytes]
    total: Any = None
    """TotalCount as it will be written; None leaves it out."""
    form: Form = "list"
    """How the list is written; all but "list" hide the rows."""
    key: str = "ImageSet"
    action: str = "DescribeCompShareSharingImages"

    def of(self, rows: Sequence[bytes]) -> Page:
        return replace(self, rows=rows)

    def body(self, digits: bytes) -> bytes:
        """The answer's body, the counters' digits filled in."""
        parts = [b'{"RetCode":0', b'"Action":"%sResponse","Message":""' % self.action.encode()]
        if self.total is not None:
            parts.append(b'"TotalCount":' + _encode(self.total))
        if self.form != "absent":
            parts.append(b'"%s":' % self.key.encode() + self._list())
        return (b",".join(parts) + b"}").replace(MARK, digits)

    def _list(self) -> bytes:
        if self.form == "list":
            return b"[" + b",".join(self.rows) + b"]"
        return b"null" if self.form == "null" else b"{}"
