"""What a page may look like, and what is made of it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.compshare.decode import Page, decode_page
from syncd.compshare.image_row import LONGEST_WORD, MOST_WORDS, read_row
from syncd.errors import ApiError, ProtocolError, Transient
from syncd.model import COMPARED, Image, Sighting, Softwares, fingerprint

ROW: dict[str, Any] = {
    "CompShareImageId": "compshareImage-1",
    "Name": "我的镜像",
    "Description": "for the lab",
    "Status": "Available",
    "ImageType": "Custom",
    "Owner": {"AccountId": "56000001", "AccountName": "alice"},
    "Author": "alice",
    "Container": "True",
    "Size": 20480,
    "Price": 1.5,
    "Visibility": 0,
    "CreateTime": 1735689600,
    "PubTime": 1735693200,
    "CreatedCount": 7,
    "Tags": ["b", "a", "b"],
    "Softwares": {
        "Framework": "PyTorch",
        "FrameworkVersion": "2.5",
        "CUDAVersion": "12.4",
        "Applications": ["z", "a"],
    },
    "GroupId": "group-1",
    "VersionName": "v1",
    "SourceGpuType": "4090",
    "FailedReason": "",
    "BrandNew": {"deep": [1, None]},
}

IMAGE = Image(
    image_id="compshareImage-1",
    name="我的镜像",
    status="Available",
    image_type="Custom",
    owner_id="56000001",
    owner_name="alice",
    author="alice",
    container="True",
    size_mb=20480,
    price_yuan_per_hour=1.5,
    visibility=0,
    group_id="group-1",
    version_name="v1",
    description="for the lab",
    tags=("a", "b"),
    softwares=Softwares("PyTorch", "2.5", "12.4", ("z", "a")),
    source_gpu_type="4090",
    failed_reason=None,
    created_at="2025-01-01T00:00:00.000Z",
    published_at="2025-01-01T01:00:00.000Z",
)


def body(*rows: Any, **top: Any) -> bytes:
    fields = {"RetCode": 0, "Action": "…Response", "TotalCount": len(rows), "ImageSet": list(rows), **top}
    return json.dumps({key: value for key, value in fields.items() if value is not ...}).encode()


def page_of(raw: bytes, known: dict[str, bytes] | None = None) -> Page:
    return decode_page(raw, known or {})


def seen(row: dict[str, Any], known: dict[str, bytes] | None = None) -> Sighting:
    ((_, sighting),) = page_of(body(row), known).rows
    assert sighting is not None
    return sighting


def image(**fields: Any) -> Image:
    found = seen({**ROW, **fields}).image
    assert found is not None
    return found


def test_a_row_is_read_in_full() -> None:
    sighting = seen(ROW)
    assert sighting.image == IMAGE
    assert sighting.fingerprint == fingerprint(IMAGE)
    assert sighting.unreadable == ()


def test_the_payload_is_the_row_as_received() -> None:
    raw = b'{"RetCode":0,"TotalCount":1,"ImageSet":[ {"CompShareImageId" : "i", "X":1.50, "Readme":"# hi"} ]}'
    ((_, sighting),) = page_of(raw).rows
    assert sighting is not None
    assert sighting.payload == '{"CompShareImageId" : "i", "X":1.50, "Readme":"# hi"}'


def test_an_unchanged_row_keeps_nothing_but_the_known_fingerprint() -> None:
    known = {IMAGE.image_id: fingerprint(IMAGE)}
    sighting = seen(ROW, known)
    assert sighting == Sighting(known[IMAGE.image_id])
    assert sighting.fingerprint is known[IMAGE.image_id]


def test_an_unchanged_row_of_drifted_types_keeps_nothing_either() -> None:
    known = {IMAGE.image_id: fingerprint(IMAGE)}
    assert seen({**ROW, "Size": "20480", "Price": "1.50"}, known) == Sighting(known[IMAGE.image_id])


def test_one_changed_row_of_a_page_brings_its_own_image() -> None:
    rows = [{**ROW, "CompShareImageId": f"i{number}"} for number in range(3)]
    known = {f"i{n}": fingerprint(msgspec.structs.replace(IMAGE, image_id=f"i{n}")) for n in range(3)}
    rows[1]["Name"] = "renamed"
    first, second, third = page_of(body(*rows), known).rows
    assert first[1] == Sighting(known["i0"])
    assert third[1] == Sighting(known["i2"])
    assert second[1] is not None
    assert second[1].image is not None
    assert (second[0], second[1].image.name) == ("i1", "renamed")


@pytest.mark.parametrize(
    "key", ["CreatedCount", "FavoritesCount", "ImageUseTime", "Cover", "BrandNew", "PubTime"]
)
def test_volatile_and_unknown_fields_are_no_change(key: str) -> None:
    assert seen({**ROW, key: 99}, {IMAGE.image_id: fingerprint(IMAGE)}).image is None


@pytest.mark.parametrize("empty", [None, "", [], {}, ...])
@pytest.mark.parametrize(
    "key", [key for key in ROW if key not in ("CompShareImageId", "BrandNew", "CreatedCount")]
)
def test_every_kind_of_nothing_is_the_same(key: str, empty: Any) -> None:
    row = {name: value for name, value in {**ROW, key: empty}.items() if value is not ...}
    absent = {name: value for name, value in ROW.items() if name != key}
    assert seen(row).image == seen(absent).image
    assert seen(row).fingerprint == seen(absent).fingerprint
    assert seen(row).unreadable == ()


@pytest.mark.parametrize(
    ("key", "given", "field", "read"),
    [
        ("Owner", {"AccountId": 56000001, "AccountName": "alice"}, "owner_id", "56000001"),
        ("Owner", {"AccountId": None}, "owner_id", None),
        ("Container", True, "container", "True"),
        ("Container", False, "container", "False"),
        ("Size", "20480", "size_mb", 20480),
        ("Size", 20480.0, "size_mb", 20480),
        ("Price", "1.5", "price_yuan_per_hour", 1.5),
        ("Price", 2, "price_yuan_per_hour", 2.0),
        ("Price", 0, "price_yuan_per_hour", 0.0),
        ("Visibility", "1", "visibility", 1),
        ("Name", 42, "name", "42"),
        ("Status", "Melting", "status", "Melting"),
        ("Tags", ["b", "", None, "a", 7], "tags", ("7", "a", "b")),
        ("Softwares", {"Framework": "", "Applications": []}, "softwares", None),
        ("Softwares", {"Framework": None, "Applications": None}, "softwares", None),
        ("Softwares", {"CUDAVersion": 12}, "softwares", Softwares(cuda_version="12")),
        ("CreateTime", "1735689600", "created_at", "2025-01-01T00:00:00.000Z"),
        ("CreateTime", 1735689600.0, "created_at", "2025-01-01T00:00:00.000Z"),
        ("CreateTime", 0, "created_at", None),
        ("CreateTime", -5, "created_at", None),
        ("CreateTime", 253_402_300_799, "created_at", "9999-12-31T23:59:59.000Z"),
        ("CreateTime", 253_402_300_800, "created_at", None),
        ("CreateTime", 10**17, "created_at", None),
        ("CreateTime", 10**30, "created_at", None),
        ("CreateTime", True, "created_at", None),
        ("CreateTime", "yesterday", "created_at", None),
        ("CreateTime", {"at": 1}, "created_at", None),
    ],
)
def test_drifted_types_are_read(key: str, given: Any, field: str, read: Any) -> None:
    assert getattr(image(**{key: given}), field) == read
    assert seen({**ROW, key: given}).unreadable == ()


@pytest.mark.parametrize(
    ("key", "given", "fields"),
    [
        ("Name", ["a"], ("name",)),
        ("Name", {"zh": "a"}, ("name",)),
        ("Name", 1.5, ("name",)),
        ("Name", True, ("name",)),
        ("Name", 2**63, ("name",)),
        ("Owner", "alice", ("owner_id", "owner_name")),
        ("Owner", {"AccountId": [1], "AccountName": "alice"}, ("owner_id",)),
        ("Size", 1.5, ("size_mb",)),
        ("Size", "big", ("size_mb",)),
        ("Size", True, ("size_mb",)),
        ("Size", 2**63, ("size_mb",)),
        ("Size", -(2**63) - 1, ("size_mb",)),
        ("Size", "99999999999999999999", ("size_mb",)),
        ("Price", "free", ("price_yuan_per_hour",)),
        ("Price", "1_0", ("price_yuan_per_hour",)),
        ("Price", "nan", ("price_yuan_per_hour",)),
        ("Price", "1e999", ("price_yuan_per_hour",)),
        ("Price", False, ("price_yuan_per_hour",)),
        ("Price", 10**400, ("price_yuan_per_hour",)),
        ("Visibility", [0], ("visibility",)),
        ("Tags", "a,b", ("tags",)),
        ("Tags", [["a"]], ("tags",)),
        ("Softwares", "PyTorch", ("softwares",)),
        ("Softwares", {"Framework": {"Name": "x"}}, ("softwares",)),
        ("Softwares", {"Applications": "x"}, ("softwares",)),
    ],
)
def test_a_field_of_an_unexpected_type_is_named_and_left_out(
    key: str, given: Any, fields: tuple[str, ...]
) -> None:
    sighting = seen({**ROW, key: given}, {IMAGE.image_id: fingerprint(IMAGE)})
    assert sighting.unreadable == fields
    assert sighting.fingerprint is None
    empty = {name: () if name == "tags" else None for name in fields}
    assert sighting.image == msgspec.structs.replace(IMAGE, **empty)


def test_a_float_beyond_a_double_is_unreadable_not_fatal() -> None:
    raw = body(ROW).replace(b'"Price": 1.5', b'"Price": 1e999')
    ((_, sighting),) = page_of(raw).rows
    assert sighting is not None
    assert sighting.unreadable == ("price_yuan_per_hour",)


def test_thousands_of_digits_are_unreadable_not_fatal() -> None:
    raw = body(ROW).replace(b'"Size": 20480', b'"Size": ' + b"9" * 5000)
    ((_, sighting),) = page_of(raw).rows
    assert sighting is not None
    assert sighting.unreadable == ("size_mb",)


def test_minus_zero_is_zero() -> None:
    raw = body(ROW).replace(b'"Price": 1.5', b'"Price": -0.0')
    known = {IMAGE.image_id: fingerprint(msgspec.structs.replace(IMAGE, price_yuan_per_hour=0.0))}
    assert page_of(raw, known).rows[0][1] == Sighting(known[IMAGE.image_id])
    as_new = page_of(raw).rows[0][1]
    assert as_new is not None
    assert as_new.fingerprint == known[IMAGE.image_id]


def test_text_is_cut_at_4096_characters() -> None:
    assert image(Description="字" * 5000).description == "字" * 4096
    assert (
        seen({**ROW, "Description": "字" * 4096 + "a"}).fingerprint
        == seen({**ROW, "Description": "字" * 4096 + "b"}).fingerprint
    )


def test_half_a_surrogate_pair_in_a_strangers_name_does_not_stop_the_page() -> None:
    other = {**ROW, "CompShareImageId": "compshareImage-2"}
    raw = body({**ROW, "Name": "half a \ud83d rocket"}, other)
    first, second = page_of(raw, {"compshareImage-2": fingerprint(IMAGE)}).rows
    assert first[1] is not None
    assert first[1].image is not None
    assert first[1].image.name == "half a ? rocket"
    assert first[1].payload is not None
    first[1].payload.encode()
    json.loads(first[1].payload)
    assert second[1] == Sighting(fingerprint(IMAGE))


def test_bytes_that_are_not_utf8_are_replaced() -> None:
    raw = body({**ROW, "Name": "mark"}).replace(b"mark", b"\xff\xfe").replace(b"deep", b"\xff")
    ((_, sighting),) = page_of(raw).rows
    assert sighting is not None
    assert sighting.image is not None
    assert sighting.image.name == "��"
    assert sighting.payload is not None
    json.loads(sighting.payload)


def test_a_byte_order_mark_is_skipped() -> None:
    assert page_of(b"\xef\xbb\xbf" + body(ROW)).total == 1


def test_nul_in_a_name_is_text_like_any_other() -> None:
    assert image(Name="a\x00b").name == "a\x00b"


def test_of_duplicate_keys_the_last_counts_both_ways() -> None:
    raw = body(ROW).replace(b'"Name":', b'"Name": "first", "Name":')
    ((_, sighting),) = page_of(raw).rows
    assert sighting is not None
    assert sighting.image == IMAGE
    assert page_of(raw, {IMAGE.image_id: fingerprint(IMAGE)}).rows[0][1] == Sighting(fingerprint(IMAGE))


def test_a_row_nested_hundreds_deep_is_a_row() -> None:
    raw = body({**ROW, "Deep": "here"}).replace(b'"here"', b"[" * 300 + b"]" * 300)
    assert page_of(raw).rows[0][0] == "compshareImage-1"


@pytest.mark.parametrize(
    "id_given", [None, "", [], {}, {"a": 1}, ["x"], True, 1.5, "a\x00b", "a\nb", "x" * 257, ...]
)
def test_a_row_without_a_usable_id_is_counted_but_not_known(id_given: Any) -> None:
    row = {key: value for key, value in {**ROW, "CompShareImageId": id_given}.items() if value is not ...}
    assert page_of(body(row)).rows == ((None, None),)


@pytest.mark.parametrize("row", [None, 1, "row", ["row"], True])
def test_what_is_no_row_at_all_counts_as_a_row_without_an_id(row: Any) -> None:
    assert page_of(body(ROW, row)).rows[1] == (None, None)


def test_an_id_in_digits_is_text() -> None:
    assert page_of(body({**ROW, "CompShareImageId": 17})).rows[0][0] == "17"


@pytest.mark.parametrize("empty", [None, [], {}, ""])
def test_an_empty_image_set_comes_in_many_forms(empty: Any) -> None:
    assert page_of(body(ImageSet=empty, TotalCount=0)) == Page((), 0)
    assert page_of(body(ImageSet=empty, TotalCount=...)) == Page((), None)


def test_an_absent_image_set_with_a_total_is_empty() -> None:
    assert page_of(body(ImageSet=..., TotalCount=0)) == Page((), 0)
    assert page_of(body(ImageSet=..., TotalCount="5")) == Page((), 5)


@pytest.mark.parametrize(
    ("total", "read"),
    [
        ("3", 3),
        (3.5, None),
        (-1, None),
        (True, None),
        (None, None),
        ("x", None),
        ([], None),
        (10**30, 10**30),
    ],
)
def test_a_total_is_a_count_or_unknown(total: Any, read: int | None) -> None:
    assert page_of(body(ROW, TotalCount=total)).total == read


@pytest.mark.parametrize("code", [130, "130"])
def test_an_error_is_an_error_whatever_rows_stand_beside_it(code: Any) -> None:
    for raw in (body(ROW, RetCode=code), body(RetCode=code)):
        with pytest.raises(Transient, match="RetCode 130"):
            page_of(raw)


def test_a_ret_code_in_digits_is_one() -> None:
    assert page_of(body(ROW, RetCode="0")).total == 1


DEEP = b'{"RetCode":0,"TotalCount":1,"ImageSet":[{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}]}"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b'"RetCode"',
        b"0",
        b"<html><body>502 Bad Gateway</body></html>",
        body(ROW)[:-10],
        body(ROW) + b"}",
        b"{}",
        body(RetCode=...),
        body(RetCode=None),
        body(RetCode="ok"),
        body(RetCode=True),
        body(RetCode=0.0),
        body(RetCode=[0]),
        body(ImageSet=..., TotalCount=...),
        body(ImageSet=..., TotalCount=None),
        body(ImageSet=..., TotalCount="many"),
        body(ImageSet="none", TotalCount=0),
        body(ImageSet={"0": ROW}, TotalCount=1),
        body(ImageSet=7, TotalCount=0),
        body(ImageSet=False, TotalCount=0),
        body(ROW).replace(b'"Price": 1.5', b'"Price": 01'),
        DEEP,
        b"[" * 100_000,
        b"\x1f\x8b\x08\x00 gzip",
        b"\xff\xfe\x00\x01",
    ],
)  # fmt: skip
def test_what_is_no_answer_is_never_an_empty_list(raw: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        page_of(raw)
    assert len(caught.value.message) < 300
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("raw", [body(ROW).replace(b"1.5", b"NaN"), body(ROW).replace(b"1.5", b"-Infinity")])
def test_not_a_number_is_an_unreadable_price(raw: bytes) -> None:
    ((_, sighting),) = page_of(raw).rows
    assert sighting is not None
    assert sighting.unreadable == ("price_yuan_per_hour",)


_any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
_texts = st.sampled_from(["", "a", "b", "字", "字" * 4097, "\x00", "7"]) | st.none()
_owner = st.fixed_dictionaries({}, optional={"AccountId": _texts, "AccountName": _texts}) | st.none()
_apps = st.lists(st.sampled_from(["a", "b", ""]), max_size=3) | st.none()
_softwares = (
    st.fixed_dictionaries({}, optional={"Framework": _texts, "CUDAVersion": _texts, "Applications": _apps})
    | st.none()
)
_times = (
    st.integers(-1, 2**40) | st.sampled_from([1735689600.0, "1735689600", "", [], 2**70, True]) | st.none()
)
_plausible = st.fixed_dictionaries(
    {"CompShareImageId": st.just("i")},
    optional={
        **dict.fromkeys(
            ("Name", "Status", "ImageType", "Author", "Container", "GroupId", "VersionName"), _texts
        ),
        **dict.fromkeys(("Description", "SourceGpuType", "FailedReason"), _texts),
        "Owner": _owner,
        "Size": st.integers(-(2**64), 2**64) | st.none(),
        "Visibility": st.integers(0, 1),
        "Price": st.floats(allow_nan=False, allow_infinity=False) | st.integers(0, 3) | st.none(),
        "Tags": _apps,
        "Softwares": _softwares,
        "CreateTime": _times,
        "PubTime": _times,
    },
)


@given(_plausible)
@settings(max_examples=400)
def test_the_fast_way_recognises_exactly_what_the_lenient_way_read(row: dict[str, Any]) -> None:
    first = seen(row)
    if first.fingerprint is not None:
        assert first.image is not None
        assert first.fingerprint == fingerprint(first.image)
        assert seen(row, {"i": first.fingerprint}) == Sighting(first.fingerprint)


@given(_plausible)
@settings(max_examples=400)
def test_the_fast_way_reads_a_new_row_exactly_as_the_lenient_way(row: dict[str, Any]) -> None:
    raw = json.dumps(row).encode()
    ((image_id, fast),) = page_of(body(row)).rows
    lenient_id, lenient = read_row(msgspec.Raw(raw))
    assert image_id == lenient_id
    for name in ("fingerprint", "raw", "unreadable", "image"):
        assert getattr(fast, name, None) == getattr(lenient, name, None)


@given(_plausible, _plausible)
@settings(max_examples=400)
def test_two_rows_have_one_fingerprint_exactly_if_no_compared_field_differs(
    a: dict[str, Any], b: dict[str, Any]
) -> None:
    one, two = seen(a), seen(b)
    if one.fingerprint is None or two.fingerprint is None:
        return
    same = all(getattr(one.image, name) == getattr(two.image, name) for name in COMPARED)
    assert (one.fingerprint == two.fingerprint) is same
    assert (seen(b, {"i": one.fingerprint}).image is None) is same


@given(st.dictionaries(st.sampled_from([*ROW, "RetCode"]), _any_json, max_size=8), st.sampled_from([ROW, {}]))
@settings(max_examples=400)
def test_any_json_in_any_field_makes_a_row_or_a_classified_error(
    fields: dict[str, Any], base: dict[str, Any]
) -> None:
    raw = body({**base, **fields})
    for image_id, sighting in page_of(raw).rows:
        if sighting is None:
            assert image_id is None
            continue
        assert sighting.image is not None
        msgspec.json.encode(sighting.image)
        assert sighting.payload is not None
        sighting.payload.encode()
        assert set(sighting.unreadable) <= set(COMPARED)


@given(
    st.dictionaries(st.sampled_from(["RetCode", "Message", "TotalCount", "ImageSet"]), _any_json),
    st.binary(max_size=30),
    st.integers(0, 40),
)
@settings(max_examples=400)
def test_any_answer_is_a_page_or_a_classified_error(top: dict[str, Any], noise: bytes, at: int) -> None:
    whole = json.dumps({"RetCode": 0, "TotalCount": 0, "ImageSet": [], **top}).encode()
    for raw in (whole, whole[:at] + noise + whole[at:], whole[:at]):
        try:
            decode_page(raw, {})
        except ApiError as error:
            assert error.message  # noqa: PT017  # either outcome is fine


def test_of_too_many_tags_always_the_same_are_kept_and_long_ones_are_cut() -> None:
    tags = [f"tag-{number:03}" for number in range(MOST_WORDS + 50)]
    assert {image(Tags=tags).tags, image(Tags=tags[::-1]).tags} == {tuple(tags[:MOST_WORDS])}
    assert image(Tags=["x" * 5000]).tags == ("x" * LONGEST_WORD,)


def test_of_too_many_applications_the_first_are_kept() -> None:
    applications = [f"app-{number}" for number in range(MOST_WORDS + 1)]
    found = [image(Softwares={"Applications": some}).softwares for some in (applications, applications[:-1])]
    assert found == [Softwares(applications=tuple(applications[:MOST_WORDS]))] * 2
