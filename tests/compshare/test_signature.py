"""The vendor's vector, the official SDK's answers, and the SDK itself as the oracle."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ucloud.core.auth import Credential
from ucloud.core.typesystem import encoder

from syncd.compshare.signature import flatten, sign

PUBLIC = "ucloudsomeone@example.com1296235120854146120"
PRIVATE = "46f09bb9fab4f12dfc160dae12273d5332b5debe"
SHARING = "DescribeCompShareSharingImages"

VECTORS: dict[str, tuple[dict[str, Any], str]] = {
    "the vendor's published example": (
        {"Action": "DescribeUHostInstance", "Region": "cn-bj2", "Limit": 10},
        "cba5cf5ec4d4233d206b1b54951e3787350a642f",
    ),
    "a first page": (
        {"Action": SHARING, "Region": "cn-wlcb", "Limit": 100, "Offset": 0},
        "d3a29c789fa25f16c6b579876a0b110bd5d98d1b",
    ),
    "a project and a later page": (
        {"Action": SHARING, "Region": "cn-sh2", "ProjectId": "org-abc123", "Limit": 100, "Offset": 100},
        "0b685aa87f07fbce211316243d326b955c0f5925",
    ),
    "a lookup with a zone": (
        {
            "Action": SHARING,
            "Region": "cn-wlcb",
            "Zone": "cn-wlcb-01",
            "CompShareImageId": "compshareImage-1minbz219ceq",
            "Limit": 20,
            "Offset": 0,
        },
        "f68fa1f843b6b66bc5d7c9de634d3bc4167eca0c",
    ),
    "every kind of value": (
        {
            "Action": "EncodeProbe",
            "Region": "cn-wlcb",
            "Bool": True,
            "BoolF": False,
            "F0": 42.0,
            "F1": 1.5,
            "List": [12345, 67890],
            "Dict": {"Field": "PubTime", "ASC": False},
            "Name": "我的 AI+环境&x=1",
            "ListDict": [{"IsBoot": True, "Size": 60}],
        },
        "4a3ac163867103382e817c734999df91f8a0aea0",
    ),
    "zones, without a region": (
        {"Action": "DescribeCompShareSupportZone"},
        "bcaca09b3a3c3dfacb41ddc8886ffeb62a793d8d",
    ),
    "projects": ({"Action": "GetProjectList"}, "af7ef441ef4cfd960313696b654a0514c8c9fec4"),
}


@pytest.mark.parametrize(("params", "signature"), VECTORS.values(), ids=VECTORS.keys())
def test_every_vector_is_signed_as_published(params: dict[str, Any], signature: str) -> None:
    assert sign(flatten({**params, "PublicKey": PUBLIC}), PRIVATE) == signature


def test_a_signature_among_the_parameters_is_not_signed() -> None:
    params = {"Action": "GetProjectList", "PublicKey": PUBLIC}
    assert sign({**params, "Signature": "anything"}, PRIVATE) == sign(params, PRIVATE)


def test_an_absent_value_is_not_sent() -> None:
    assert flatten({"Region": "cn-wlcb", "ProjectId": None}) == {"Region": "cn-wlcb"}


_keys = st.text(
    st.characters(codec="utf-8", exclude_characters=".", exclude_categories=["Cs"]), min_size=1, max_size=8
)
_scalars = (
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
)
_values = st.recursive(
    _scalars,
    lambda inner: (
        st.dictionaries(_keys, inner, max_size=3)
        | st.lists(_scalars | st.dictionaries(_keys, inner, max_size=2), max_size=12)
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(_keys, _values | st.none(), max_size=6),
    st.text(min_size=1, max_size=40).filter(str.isalnum),
)
@settings(max_examples=300)
def test_what_we_sign_is_what_the_official_sdk_signs(params: dict[str, Any], private_key: str) -> None:
    given_params = {**params, "PublicKey": PUBLIC}
    theirs = encoder.encode({key: value for key, value in given_params.items() if value is not None})
    ours = flatten(given_params)
    assert ours == theirs
    assert sign(ours, private_key) == Credential(PUBLIC, private_key).verify_ac(theirs)
