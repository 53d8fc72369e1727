"""Makes the id and the exact bytes of an event; without a database, so that samples can be made too."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import msgspec
import uuid_utils

from syncd.model import Draft, to_text

_encode = msgspec.json.Encoder().encode

_OBEYED = re.compile(rb"\x7f|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]")
"""DEL, C1 controls and direction marks in UTF-8: terminals obey them, and JSON would not escape them."""


def body(seq: int, event_id: str, draft: Draft) -> bytes:
    """The event as it is stored, signed and sent: a CloudEvent that is a Standard Webhooks payload too."""
    time = to_text(draft.time)
    envelope: dict[str, Any] = {
        "specversion": "1.0",
        "id": event_id,
        "source": ":".join(part for part in ("urn:syncd", draft.account, draft.region) if part),
        "type": draft.type,
    }
    if draft.image_id is not None:
        envelope["subject"] = draft.image_id
    envelope |= {
        "time": time,
        "timestamp": time,
        "sequence": f"{seq:020d}",
        "datacontenttype": "application/json",
        "data": draft.data,
    }
    return _OBEYED.sub(_escaped, _encode(envelope))


def _escaped(match: re.Match[bytes]) -> bytes:
    return b"\\u%04x" % ord(match[0].decode())


def new_id(moment: datetime) -> str:
    """A UUIDv7 of this moment: ids sort by time."""
    return str(uuid_utils.uuid7(nanoseconds=int(moment.timestamp() * 1000) * 1_000_000))
