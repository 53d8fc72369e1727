"""The signature of a request, as the cloud checks it: SHA-1 of the sorted names and values and the private key.

This is written independently of syncd's own, so that a fault in one does not hide in the other.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any


def flatten(params: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested JSON as the flat map of strings that is signed: ``Key.0`` for lists, ``Key.Sub`` for objects."""
    flat: dict[str, str] = {}
    for key, value in params.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{name}.")
        elif isinstance(value, list):
            flat |= flatten({str(index): item for index, item in enumerate(value)}, f"{name}.")
        else:
            flat[name] = text(value)
    return flat


def text(value: object) -> str:
    """One value as it is signed: ``true``, ``42`` (also for 42.0), ``1.5``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def sign(params: Mapping[str, str], private_key: str) -> str:
    """The signature that these parameters should carry."""
    signed = "".join(key + params[key] for key in sorted(params) if key != "Signature")
    return hashlib.sha1((signed + private_key).encode(), usedforsecurity=False).hexdigest()


def matches(params: Mapping[str, str], private_key: str) -> bool:
    given = params.get("Signature", "").encode()
    return hmac.compare_digest(given, sign(params, private_key).encode())
