"""The signatures, against published vectors and the official package."""

from __future__ import annotations

import base64
import os
from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from yarl import URL

from syncd.config.signing_secret import signing_key
from syncd.model import Secret
from syncd.sinks import signatures

VECTOR_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def whsec(key: bytes) -> str:
    return "whsec_" + base64.b64encode(key).decode()


@pytest.mark.parametrize(
    ("event_id", "timestamp", "body", "expected"),
    [
        (
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1614265330,
            '{"test": 2432232314}',
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
        (
            "evt_01",
            1767323045,
            '{"type":"image.shared","timestamp":"2026-01-02T03:04:05Z",'
            '"data":{"image_id":"compshareImage-1","name":"镜像"}}',
            "v1,WSOTBQMN00FSTHIDtPMHxdhkH5cfEmfgI7mXssDv3Kk=",
        ),
    ],
)
def test_standard_gives_the_published_signatures(event_id, timestamp, body, expected):
    assert signatures.standard([Secret(VECTOR_SECRET)], event_id, timestamp, body.encode()) == expected


def test_feishu_gives_the_published_signature():
    assert signatures.feishu(Secret("demo"), 1599360473) == "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8="


def test_dingtalk_gives_the_published_signature_and_survives_url_encoding_once():
    sign = signatures.dingtalk(Secret("this is secret"), 1577262236757)
    assert sign == "hmPWwU+7lVdm3ZZz0r9tSfx0L4Q26jWOZr9+Gs6EZQM="
    url = URL("https://oapi.dingtalk.com/robot/send?access_token=a%2Bb").update_query({"sign": sign})
    assert parse_qs(url.raw_query_string) == {"access_token": ["a+b"], "sign": [sign]}


@given(body=st.text(max_size=200), keys=st.lists(st.binary(min_size=24, max_size=64), min_size=1, max_size=3))
def test_the_official_package_accepts_each_of_several_secrets(body, keys):
    now = int(datetime.now(UTC).timestamp())
    secrets = [Secret(whsec(key)) for key in keys]
    signature = signatures.standard(secrets, "01JD", now, body.encode())
    headers = {"webhook-id": "01JD", "webhook-timestamp": str(now), "webhook-signature": signature}
    for secret in secrets:
        Webhook(secret.reveal()).verify(body.encode(), headers, json_parse=False)


def test_the_official_package_refuses_a_changed_body_and_a_foreign_secret():
    now = int(datetime.now(UTC).timestamp())
    ours, foreign = whsec(os.urandom(32)), whsec(os.urandom(32))
    signature = signatures.standard([Secret(ours)], "01JD", now, b'{"a":1}')
    headers = {"webhook-id": "01JD", "webhook-timestamp": str(now), "webhook-signature": signature}
    assert Webhook(ours).verify(b'{"a":1}', headers) == {"a": 1}
    for secret, body in ((ours, b'{"a":2}'), (foreign, b'{"a":1}')):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, headers)


@pytest.mark.parametrize(
    "secret",
    [
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_",
        "whsec_short",
        "whsec_????????????????????????????????",
        whsec(b"x" * 23),
        whsec(b"x" * 65),
    ],
)
def test_a_bad_secret_is_refused_without_repeating_it(secret):
    with pytest.raises(ValueError, match=r"must|bytes") as caught:
        signing_key(secret)
    if secret not in ("whsec_",):
        assert secret.removeprefix("whsec_") not in str(caught.value)
    assert caught.value.__cause__ is None
