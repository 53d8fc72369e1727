"""How each receiver knows that a message is ours: Standard Webhooks v1, Feishu and Lark, DingTalk.

Sources: the Standard Webhooks specification 1.0 (https://www.standardwebhooks.com), and the vendors' pages on
custom robots.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from functools import lru_cache

from syncd.model import Secret

PREFIX = "whsec_"
KEY_BYTES = range(24, 65)


@lru_cache(maxsize=64)
def standard_key(secret: str) -> bytes:
    """The key in a ``whsec_…`` secret. Raises ValueError, which says what is wrong and not what it was."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f'must be "{PREFIX}" and base64 of 24 to 64 random bytes') from None
    if not secret.startswith(PREFIX):
        raise ValueError(f'must begin with "{PREFIX}"')
    if len(key) not in KEY_BYTES:
        raise ValueError(f"holds {len(key)} bytes; 24 to 64 are right")
    return key


def standard(secrets: Iterable[Secret], event_id: str, timestamp: int, body: bytes) -> str:
    """The ``webhook-signature`` header: one entry a secret, so that old and new are both valid while rotating.

    ``timestamp`` is in seconds. The signed content is the exact body that is sent.
    """
    content = f"{event_id}.{timestamp}.".encode() + body
    return " ".join("v1," + _hmac(standard_key(secret.reveal()), content) for secret in secrets)


def feishu(secret: Secret, seconds: int) -> str:
    """The body's ``sign``, of Feishu and Lark: time and secret are the key, and nothing is the message."""
    return _hmac(f"{seconds}\n{secret.reveal()}".encode(), b"")


def dingtalk(secret: Secret, milliseconds: int) -> str:
    """The query's ``sign``, before URL encoding."""
    return _hmac(secret.reveal().encode(), f"{milliseconds}\n{secret.reveal()}".encode())


def _hmac(key: bytes, message: bytes) -> str:
    return base64.b64encode(hmac.digest(key, message, hashlib.sha256)).decode()
