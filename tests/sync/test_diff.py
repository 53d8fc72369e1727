"""Diff: what a listing says that the rows do not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.model import COMPARED, Change, Image, Softwares, fingerprint
from syncd.sync import diff as planning
from syncd.sync.diff import Plan, compare
from tests.sync.make import image, listing, sighting, unchanged

OTHER: dict[str, Any] = {
    "name": "new",
    "status": "Offline",
    "image_type": "App",
    "owner_id": "7",
    "owner_name": "bob",
    "author": "bob",
    "container": "True",
    "size_mb": 2,
    "price_yuan_per_hour": 0.5,
    "visibility": 1,
    "group_id": "g",
    "version_name": "v2",
    "description": "text",
    "tags": ("a", "b"),
    "softwares": Softwares(framework="PyTorch"),
    "source_gpu_type": "A100",
    "failed_reason": "no space",
}


def diff(*given: Any) -> Plan:
    return asyncio.run(planning.diff(*given))


def known(*rows: Image) -> dict[str, bytes]:
    return {row.image_id: fingerprint(row) for row in rows}


def stored(*rows: Image) -> dict[str, Image]:
    return {row.image_id: row for row in rows}


def test_the_design_s_fields_are_compared_and_no_others():
    assert set(OTHER) == set(COMPARED)
    assert set(Image.__struct_fields__) - set(COMPARED) == {"image_id", "created_at", "published_at"}


@pytest.mark.parametrize("field", COMPARED)
def test_each_compared_field_is_news(field):
    before, after = image(), image(**{field: OTHER[field]})
    plan = diff(known(before), (), stored(before), listing(sighting(after)))
    assert [update.changes for update in plan.changed] == [
        (Change(field, getattr(before, field), OTHER[field]),)
    ]
    assert (plan.added, plan.missing) == ([], frozenset())


@pytest.mark.parametrize("field", ["created_at", "published_at"])
def test_dates_are_not_news(field):
    before, after = image(), image(**{field: "2026-01-01T00:00:00.000Z"})
    assert diff(known(before), (), stored(before), listing(sighting(after))) == Plan()


def test_an_image_that_was_never_live_is_added():
    new = image(name="new")
    plan = diff({}, (), {}, listing(sighting(new)))
    assert [(one.image, one.before) for one in plan.added] == [(new, None)]
    assert plan.added[0].payload == '{"CompShareImageId":"i"}'


def test_an_image_that_comes_back_remembers_what_it_was():
    gone, back = image(name="old"), image(name="new")
    plan = diff({}, (), stored(gone), listing(sighting(back)))
    assert [(one.image, one.before) for one in plan.added] == [(back, gone)]
    assert plan.changed == ()


def test_an_unchanged_row_needs_no_image():
    row = image()
    seen = listing(("i", unchanged(row)))
    assert diff(known(row), (), {}, seen) == Plan()


def test_only_what_the_listing_proved_absent_is_missing():
    a, b, c = image("a"), image("b"), image("c")
    plan = diff(known(a, b, c), (), {}, listing(("a", unchanged(a)), absent=["b"]))
    assert plan.missing == {"b"}


def test_an_incomplete_listing_adds_and_changes_but_misses_nothing():
    a, b, new = image("a"), image("b"), image("new")
    changed = image("a", status="Offline")
    half = listing(sighting(changed), sighting(new), absent=["b"], complete=False, reason="changing")
    plan = diff(known(a, b), (), stored(a), half)
    assert ([u.after for u in plan.changed], [x.image for x in plan.added]) == ([changed], [new])
    assert plan.missing == frozenset()


def test_a_missing_row_that_is_listed_again_returned():
    a, b = image("a"), image("b")
    plan = diff(known(a, b), ["a", "b"], {}, listing(("a", unchanged(a)), absent=["b"]))
    assert (plan.returned, plan.missing) == ({"a"}, {"b"})


def test_an_incomplete_listing_returns_rows_too():
    a = image("a")
    seen = listing(("a", unchanged(a)), complete=False, reason="changing")
    assert diff(known(a), ["a"], {}, seen).returned == {"a"}


def test_a_field_of_an_unexpected_type_keeps_its_stored_value():
    before = image(name="old", size_mb=1, status="Making")
    shown = sighting(image(name="new", size_mb=None, status=None), unreadable=("size_mb", "status"))
    plan = diff(known(before), (), stored(before), listing(shown))
    assert [update.after for update in plan.changed] == [image(name="new", size_mb=1, status="Making")]
    assert plan.changed[0].changes == (Change("name", "old", "new"),)


def test_a_row_whose_only_oddity_is_unreadable_is_unchanged():
    before = image(size_mb=1)
    shown = sighting(image(), unreadable=("size_mb",))
    assert diff(known(before), (), stored(before), listing(shown)) == Plan()


def test_an_unreadable_field_of_a_new_row_is_null():
    plan = diff({}, (), {}, listing(sighting(image(), unreadable=("size_mb",))))
    assert [one.image.size_mb for one in plan.added] == [None]


def test_an_unreadable_field_of_a_returning_row_is_what_it_was():
    gone = image(size_mb=1)
    plan = diff({}, (), stored(gone), listing(sighting(image(), unreadable=("size_mb",))))
    assert [one.image.size_mb for one in plan.added] == [1]


def test_an_id_twice_with_different_content_is_left_as_it_was():
    a, b = image("a"), image("b", name="new")
    twice = listing(sighting(image("a", name="x")), sighting(b), conflicting=frozenset({"a", "b"}))
    plan = diff(known(a), ["a"], {}, twice)
    assert (plan.added, plan.changed, plan.missing) == ([], (), frozenset())
    assert plan.returned == {"a"}


def test_tags_are_a_set_and_softwares_are_compared_whole():
    before = image(tags=("a", "b"), softwares=Softwares(applications=("x",)))
    assert compare(before, image(tags=("a", "b"), softwares=Softwares(applications=("x",)))) == ()
    assert [c.field for c in compare(before, image(tags=("a",), softwares=Softwares()))] == [
        "tags",
        "softwares",
    ]


def test_the_status_comes_first_among_changes():
    changes = compare(image(), image(**OTHER))
    assert {change.field for change in changes} == set(COMPARED)
    assert [change.field for change in changes] == list(COMPARED)


ids = st.sampled_from("abcdefgh")
rows = st.dictionaries(ids, st.builds(image, st.just(""), name=st.sampled_from([None, "x", "y"])))


@given(before=rows, after=rows)
def test_applying_a_plan_to_the_rows_gives_the_listing(before, after):
    before = {key: image(key, name=row.name) for key, row in before.items()}
    after = {key: image(key, name=row.name) for key, row in after.items()}
    marks = known(*before.values())
    seen = listing(
        *(
            (key, unchanged(row)) if marks.get(key) == fingerprint(row) else sighting(row)
            for key, row in after.items()
        ),
        absent=before.keys() - after.keys(),
    )
    plan = diff(marks, (), before, seen)
    result = {key: row for key, row in before.items() if key not in plan.missing}
    result |= {one.image.image_id: one.image for one in plan.added}
    result |= {one.after.image_id: one.after for one in plan.changed}
    assert result == after
    assert not {one.image.image_id for one in plan.added} & before.keys()
