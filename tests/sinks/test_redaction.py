"""A receiver's words are not shown if they hold a secret, or a part of one, in whatever form."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest

from syncd.sinks.redaction import Redactor

SECRET = "q7/Zr+9mTe4Xw1Lk8vBn"
URL = "https://user:p4ss-W0rd-77@hooks.example/services/T0AbCdEfGh12/x?key=Kk55Ll66Mm77&lang=en"
REDACTOR = Redactor(
    [SECRET, "Bearer tok3n-abcdefghij", "Basic " + base64.b64encode(b"me:hush-hush-99").decode()], [URL]
)


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        SECRET[:11],
        SECRET[-10:],
        SECRET[5:15],
        f"wrong secret {SECRET[:12]}…",
        f"got '{SECRET[:10]}\n  {SECRET[10:]}'",
        "-".join(SECRET),
        SECRET.upper(),
        quote(SECRET, safe=""),
        quote(quote(SECRET, safe=""), safe=""),
        "tok3n-abcd",
        "password hush-hush-99 is wrong",
        "p4ss-W0rd",
        base64.b64encode(b"user:p4ss-W0rd-77").decode(),
        "/T0AbCdEf",
        "the key Kk55Ll66 is unknown",
        URL,
    ],
)
def test_a_secret_is_known_by_its_parts(text: str) -> None:
    assert REDACTOR.reveals_secret(f"HTTP 400: {text}")


@pytest.mark.parametrize(
    "text",
    [
        "the token is wrong",
        "hooks.example/services is busy",
        "no Bearer given",
        "q7/Zr",
        "lang=en",
        "Basic is not enough",
    ],
)
def test_ordinary_words_are_shown(text: str) -> None:
    assert not REDACTOR.reveals_secret(f"HTTP 400: {text}")


def test_a_signature_of_one_message_is_known_by_its_parts() -> None:
    signature = "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="
    assert REDACTOR.reveals_secret("expected K5oZfzN95Z", [signature])
    assert not REDACTOR.reveals_secret("expected K5oZfzN95Z")


def test_what_is_too_short_to_be_secret_hides_nothing() -> None:
    assert not Redactor(["gpu"], ["https://hooks.example/in"]).reveals_secret("gpu in here")
