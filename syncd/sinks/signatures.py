"""How each receiver knows that a message comes from us: Standard Webhooks v1, Feishu and Lark, DingTalk.

Sources: the Standard Webhooks specification 1.0 (https://www.standardwebhooks.com), and the vendors' pages on
custom robots.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable

from syncd.config.signing_secret import signing_key
from syncd.model import Secret


def standard(secrets: Iterable[Secret], event_id: str, timestamp: int, body: bytes) -> str:
    """The ``webhook-signature`` header: one entry for each secret, so that old and new are both valid while rotating.

    ``timestamp`` is in seconds. The signed content is the exact body that is sent.
    """
    content = f"{event_id}.{timestamp}.".encode() + body
    return " ".join(["v1," + _hmac(signing_key(secret.reveal()), content) for secret in secrets])


def feishu(secret: Secret, seconds: int) -> str:
    """The ``sign`` field of the body, for Feishu and Lark: time and secret are the key, and the message is empty."""
    return _hmac(f"{seconds}\n{secret.reveal()}".encode(), b"")


def dingtalk(secret: Secret, milliseconds: int) -> str:
    """The ``sign`` parameter of the query, before URL encoding."""
    return _hmac(secret.reveal().encode(), f"{milliseconds}\n{secret.reveal()}".encode())


def _hmac(key: bytes, message: bytes) -> str:
    return base64.b64encode(hmac.digest(key, message, hashlib.sha256)).decode()
