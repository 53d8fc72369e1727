"""JSON as receivers want it: UTF-8 without escapes, since their limits are in bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

JSON_HEADERS: Mapping[str, str] = {"Content-Type": "application/json; charset=utf-8"}


def to_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def size_in_json(text: str) -> int:
    """Bytes of ``text`` within a JSON string."""
    return len(to_json(text)) - 2
