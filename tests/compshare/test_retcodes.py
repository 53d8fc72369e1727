"""Every RetCode by what to do about it."""

from __future__ import annotations

import json

import pytest

from syncd.compshare.json_answer import successful_fields
from syncd.compshare.retcodes import failure
from syncd.errors import ApiError, AuthFailed, Misconfigured, PastTheEnd, ProtocolError, Throttled, Transient

CLASSES: dict[type[ApiError], list[int]] = {
    Throttled: [153, 8441, 226619],
    Transient: [110, 120, 130, 150, 8433, 8434, 8438, 8498, 8510, 8520, 8580, 226620, 226628],
    AuthFailed: [170, 171, 172, 174, 200, 240, 293, 294, 295, 299],
    Misconfigured: [292, 230, 210, 220, 280],
    PastTheEnd: [8401],
    ProtocolError: [160, 161, 1, -1, 2001, 8000, 99999, 299_792_458],
}


@pytest.mark.parametrize(
    ("kind", "code"), [(kind, code) for kind, codes in CLASSES.items() for code in codes]
)
def test_each_code_has_its_class_and_says_what_to_do(kind: type[ApiError], code: int) -> None:
    error = failure(code, "what the API said")
    assert type(error) is kind
    assert error.code == code
    assert error.message == f"RetCode {code}: what the API said"
    assert error.hint


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Params [Offset] not available", PastTheEnd),
        ("Params [ Offset ] not available", PastTheEnd),
        ("Params [Region] not available", Misconfigured),
        ("Params [OffsetX] not available", Misconfigured),
        ("Offset not available", Misconfigured),
        ("", Misconfigured),
    ],
)
def test_only_a_230_that_names_the_offset_is_past_the_end(message: str, kind: type[ApiError]) -> None:
    assert type(failure(230, message)) is kind


@pytest.mark.parametrize("code", [171, "171"])
def test_a_ret_code_may_come_in_digits(code: object) -> None:
    with pytest.raises(AuthFailed):
        successful_fields(json.dumps({"RetCode": code}).encode())


def test_the_apis_message_is_shown_on_one_short_line() -> None:
    said = {"RetCode": 4711, "Message": "line\n\x1b[31mred\u202e\x00" + "x" * 1000}
    with pytest.raises(ProtocolError) as caught:
        successful_fields(json.dumps(said).encode())
    assert caught.value.message.startswith("RetCode 4711: line [31mred x")
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 350


@pytest.mark.parametrize("message", [None, 7, ["a"], {"a": 1}, True])
def test_a_message_of_another_type_is_left_out(message: object) -> None:
    with pytest.raises(Transient) as caught:
        successful_fields(json.dumps({"RetCode": 130, "Message": message}).encode())
    assert caught.value.message == "RetCode 130"
