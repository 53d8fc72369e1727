"""One page of rows, and the body of the answer that it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec

from syncd.simulator.row_bytes import MARK

Form = Literal["list", "null", "object", "absent"]

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of an answer before they become its body; faults of pages change them."""

    rows: Sequence[bytes]
    total: Any = None
    """TotalCount as it is written; None leaves it out."""
    form: Form = "list"
    """How the list is written; every form but "list" hides the rows."""
    key: str = "ImageSet"
    action: str = "DescribeCompShareSharingImages"

    def of(self, rows: Sequence[bytes]) -> Page:
        return replace(self, rows=rows)

    def body(self, digits: bytes) -> bytes:
        """The body of the answer, with these digits in all counters."""
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
