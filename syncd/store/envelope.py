"""Makes the id and the exact bytes of an event; without a database, so that samples can be made too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
import uuid_utils

from syncd.model import Draft, to_text

_encode = msgspec.json.Encoder().encode

_OBEYED = re.compile(rb"\x7f|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]")
"""DEL, C1 controls and direction marks in UTF-8: terminals obey them, and JSON would not escape them."""


class Envelope(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The fields in the order in which they are sent; an event that is about no image has no ``subject``."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str | None = None
    time: str
    timestamp: str
    sequence: str
    datacontenttype: str
    data: Mapping[str, Any]


def body(seq: int, event_id: str, draft: Draft) -> bytes:
    """The event as it is stored, signed and sent: a CloudEvent that is a Standard Webhooks payload too."""
    time = to_text(draft.time)
    envelope = Envelope(
        specversion="1.0",
        id=event_id,
        source=":".join(filter(None, ("urn:syncd", draft.account, draft.region))),
        type=draft.type,
        subject=draft.image_id,
        time=time,
        timestamp=time,
        sequence=f"{seq:020d}",
        datacontenttype="application/json",
        data=draft.data,
    )
    return _without_obeyed(_encode(envelope))


def _without_obeyed(text: bytes) -> bytes:
    # Most events have none of the bytes that these characters begin with, and to look for three bytes costs a tenth.
    if b"\x7f" in text or b"\xc2" in text or b"\xe2" in text:
        return _OBEYED.sub(_escaped, text)
    return text


def _escaped(match: re.Match[bytes]) -> bytes:
    return b"\\u%04x" % ord(match[0].decode())


def new_id(moment: datetime) -> str:
    """A UUIDv7 of this moment: ids sort by time."""
    return str(uuid_utils.uuid7(nanoseconds=int(moment.timestamp() * 1000) * 1_000_000))
