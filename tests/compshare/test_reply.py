"""HTTP statuses and headers."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from syncd.compshare.backoff import LONGEST_WAIT, delay
from syncd.compshare.reply import Reply, accepted, http_date, retry_after
from syncd.errors import ApiError, Misconfigured, ProtocolError, Throttled, Transient

NOW = datetime(2026, 11, 24, 2, 41, 59, tzinfo=UTC)


@pytest.mark.parametrize("status", [200, 201, 202, 203, 299])
def test_a_2xx_answer_is_read(status: int) -> None:
    assert accepted(Reply(status, {}, b"body")) == b"body"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, Throttled),
        (500, Transient),
        (502, Transient),
        (503, Transient),
        (504, Transient),
        (599, Transient),
        (408, Transient),
        (407, Misconfigured),
        (101, ProtocolError),
        (301, ProtocolError),
        (302, ProtocolError),
        (307, ProtocolError),
        (304, ProtocolError),
        (400, ProtocolError),
        (401, ProtocolError),
        (403, ProtocolError),
        (404, ProtocolError),
    ],
)
def test_every_other_status_is_a_failure_even_around_a_good_body(status: int, kind: type[ApiError]) -> None:
    with pytest.raises(kind, match=f"^HTTP {status}") as caught:
        accepted(Reply(status, {}, b'{"RetCode":0,"TotalCount":0,"ImageSet":[]}'))
    assert type(caught.value) is kind


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "GZIP", "identity, gzip"])
def test_an_encoded_answer_is_refused(encoding: str) -> None:
    with pytest.raises(ProtocolError, match="the answer is compressed"):
        accepted(Reply(200, {"Content-Encoding": encoding}, b"{}"))


def test_identity_is_no_encoding() -> None:
    assert accepted(Reply(200, {"Content-Encoding": "Identity"}, b"{}")) == b"{}"


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        (" 7 ", 7),
        ("86401", 86400),
        ("9" * 40, 86400),
        ("Tue, 24 Nov 2026 02:42:29 GMT", 30),
        ("Tue, 24 Nov 2026 02:42:29 +0000", 30),
        ("Tue, 24 Nov 2026 02:41:00 GMT", 0),
        ("Tue, 24 Nov 2099 02:41:00 GMT", 86400),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("Tue, 99 Nov 2026 99:42:29 GMT", None),
    ],
)
def test_retry_after_comes_in_seconds_or_as_a_date(given: str, seconds: int | None) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert retry_after({"Retry-After": given}, NOW) == expected


def test_a_date_is_held_against_the_servers_clock_not_ours() -> None:
    headers = {"Retry-After": "Tue, 24 Nov 2026 10:00:20 GMT", "Date": "Tue, 24 Nov 2026 10:00:00 GMT"}
    assert retry_after(headers, NOW) == timedelta(seconds=20)


def test_no_retry_after_asks_nothing() -> None:
    assert retry_after({}, NOW) is None


@pytest.mark.parametrize("text", ["", "x", "Tue", "Tue, 24 Nov 99999999999 02:41:59 GMT", "\x00", "1" * 1000])
def test_a_date_that_is_none_is_none(text: str) -> None:
    assert http_date(text) is None


def test_a_backoff_never_exceeds_its_cap_or_goes_below_half_a_step() -> None:
    rng = random.Random(1)
    for attempt in range(100):
        wait = delay(Throttled("x"), attempt, 1000, rng)
        assert wait is not None
        assert min(LONGEST_WAIT, 2.0**attempt) / 2 <= wait <= LONGEST_WAIT


@pytest.mark.parametrize(("asked", "given_up"), [(0, False), (30, False), (31, True)])
def test_a_wait_of_up_to_30_seconds_is_granted(asked: int, given_up: bool) -> None:
    wait = delay(Transient("x", retry_after=timedelta(seconds=asked)), 0, 4, random.Random(1))
    assert (wait is None) is given_up
    assert wait is None or asked <= wait <= asked + 1
