"""An event's id and exact bytes: pure, so that a sample can be made without a database."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import uuid_utils

from syncd.model import Draft, to_text

_encode = msgspec.json.Encoder().encode


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
    return _encode(envelope)


def new_id(moment: datetime) -> str:
    """A UUIDv7 of this moment: ids sort by time."""
    return str(uuid_utils.uuid7(nanoseconds=int(moment.timestamp() * 1000) * 1_000_000))
