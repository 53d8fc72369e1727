"""What a secret for signing webhooks looks like: Standard Webhooks 1.0 (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache

PREFIX = "whsec_"
KEY_BYTES = range(24, 65)


@lru_cache(maxsize=64)
def signing_key(secret: str) -> bytes:
    """The key in a ``whsec_…`` secret. Raises ValueError, which says what is wrong and never repeats the secret."""
    if not secret.startswith(PREFIX):
        raise ValueError(
            f"must begin with {PREFIX}; make one with: echo {PREFIX}$(head -c 32 /dev/urandom | base64)"
        )
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"must be {PREFIX} and base64") from None
    if len(key) not in KEY_BYTES:
        raise ValueError(f"must hold 24 to 64 bytes, not {len(key)}")
    return key
