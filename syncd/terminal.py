"""Characters that a terminal obeys instead of showing them, and how to escape them in what strangers wrote."""

from __future__ import annotations

import re

OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control, escape and direction characters. Tab and line break are not among them: they do no harm."""


def escape(text: str) -> str:
    r"""Write each of them as ``\uXXXX``, which JSON reads as the same character."""
    return OBEYED.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
