"""JSON bodies as receivers want them: UTF-8 without escapes, because their limits count bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

JSON_HEADERS: Mapping[str, str] = {"Content-Type": "application/json; charset=utf-8"}


def to_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def size_in_json(text: str) -> int:
    """How many bytes ``text`` takes within a JSON string."""
    return len(to_json(text)) - 2
