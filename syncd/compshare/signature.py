"""The request signature: SHA-1 over sorted names and values, then the private key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any


def flatten(params: Mapping[str, Any]) -> dict[str, str]:
    """The map of strings that is signed and sent: ``Key.0`` for lists, ``Key.Sub`` for objects, None left out."""
    return {
        name: text for key, value in params.items() if value is not None for name, text in _flat(key, value)
    }


def sign(params: Mapping[str, str], private_key: str) -> str:
    """The ``Signature`` of flattened parameters, which include ``PublicKey``.

    A signed request has no nonce and never expires, so it must never be logged.
    """
    signed = "".join(key + params[key] for key in sorted(params) if key != "Signature")
    return hashlib.sha1((signed + private_key).encode(), usedforsecurity=False).hexdigest()


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(f"{name}.{key}", item)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _flat(f"{name}.{index}", item)
    else:
        yield name, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():  # the gateway reads 42.0 as 42
        return str(int(value))
    return str(value)
