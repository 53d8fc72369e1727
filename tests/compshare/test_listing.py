"""When a list counts as complete, and when a known row counts as absent."""

from __future__ import annotations

import pytest

from syncd.compshare.decode import Page
from syncd.compshare.listing import MOST_READINGS
from syncd.errors import Transient
from syncd.model import Sighting

from .pages import PRINT, Cloud, ids, page, sighting
from .twists import Once, at, emptied, whole


async def test_an_id_that_came_twice_once_is_read_again() -> None:
    def doubled(honest: Page) -> Page:
        return Page((*honest.rows[:-1], honest.rows[0]), honest.total)

    cloud = Cloud(ids(1050), bend=Once(200, doubled))
    assert whole(await cloud.list(ids(1050)), cloud.live)
    assert cloud.pauses == [2.0]


async def test_an_id_that_always_comes_twice_alike_is_one_row() -> None:
    cloud = Cloud([], bend=lambda _, __: page([*ids(30), "i3"], 30))
    listing = await cloud.list(ids(30))
    assert whole(listing, ids(30))
    assert listing.conflicting == frozenset()


async def test_a_doubled_row_on_a_full_page_does_not_push_the_next_one_out() -> None:
    cloud = Cloud(ids(205))
    cloud.bend = at(0, twist=lambda honest: Page((*honest.rows, honest.rows[0]), honest.total))
    assert whole(await cloud.list(ids(205)), cloud.live)


@pytest.mark.parametrize("count", [30, 205])
async def test_a_row_that_always_stands_in_anothers_place_hides_it_and_proves_nothing(count: int) -> None:
    cloud = Cloud(
        ids(count),
        bend=at(0, twist=lambda honest: Page((honest.rows[0], *honest.rows[:1], *honest.rows[2:]), count)),
    )
    listing = await cloud.list(ids(count))
    assert not listing.complete
    assert listing.absent == frozenset()
    assert "came twice" in (listing.reason or "")


async def test_an_id_that_comes_twice_with_different_content_is_left_alone() -> None:
    rows = (("i0", sighting("one")), ("i1", sighting("x")), ("i0", sighting("other")))
    listing = await Cloud([], bend=lambda _, __: Page(rows, 3)).list(["i0"])
    assert listing.conflicting == {"i0"}
    assert set(listing.seen) == {"i0", "i1"}
    assert listing.news == ["i1"]
    assert "i0" not in listing.absent


async def test_rows_that_both_cannot_be_read_conflict_only_if_they_differ() -> None:
    blurred = Sighting(None, b"{}", ("size_mb",), sighting("one").read)
    other = Sighting(None, b"{}", ("size_mb",), sighting("two").read)
    rows = (
        ("a", blurred),
        ("a", blurred),
        ("b", blurred),
        ("b", other),
        ("c", blurred),
        ("c", sighting("one")),
    )
    listing = await Cloud([], bend=lambda _, __: Page(rows, 6)).list()
    assert listing.conflicting == {"b", "c"}
    assert listing.unreadable == {"size_mb": 3}


async def test_a_conflict_that_a_later_reading_does_not_have_is_over() -> None:
    twice = (("i0", sighting("one")), ("i0", sighting("other")))
    cloud = Cloud([], bend=lambda _, __: Page(twice, 2) if len(cloud.offsets) == 1 else Page(twice[:1], 1))
    listing = await cloud.list()
    assert listing.complete
    assert listing.conflicting == frozenset()
    assert listing.seen == {"i0": twice[0][1]}


async def test_a_row_without_an_id_keeps_the_list_from_being_whole() -> None:
    cloud = Cloud([], bend=lambda _, __: page([*ids(4), None], 5))
    listing = await cloud.list(ids(5))
    assert not listing.complete
    assert listing.absent == frozenset()
    assert set(listing.seen) == set(ids(4))
    assert listing.reason == "1 rows came without an id (4 readings)"


async def test_the_last_reading_has_the_last_word_on_a_row() -> None:
    first, last = sighting("Making"), sighting("Available")
    cloud = Cloud([], bend=lambda _, __: Page((("i0", first if len(cloud.offsets) == 1 else last),), None))
    assert (await cloud.list()).seen == {"i0": last}


# Again, up to three times


async def test_a_list_that_never_agrees_is_read_four_times_and_keeps_what_it_saw() -> None:
    cloud = Cloud(ids(150))
    cloud.before = lambda: cloud.live.append(f"new{len(cloud.offsets)}")
    listing = await cloud.list([*ids(150), "gone"])
    assert not listing.complete
    assert cloud.pauses == [2.0, 2.0, 2.0]
    assert cloud.offsets.count(0) == MOST_READINGS
    assert listing.absent == frozenset()
    assert set(ids(150)) <= set(listing.seen)
    assert "new0" in listing.seen
    assert listing.reason is not None
    assert "TotalCount says" in listing.reason


async def test_two_equal_readings_must_follow_each_other() -> None:
    lists = iter([["a", "b"], ["a"], ["a", "b"], ["a"]])
    cloud = Cloud([], bend=lambda _, __: page(next(lists), None))
    listing = await cloud.list(["a", "b", "c"])
    assert not listing.complete
    assert listing.absent == frozenset()


async def test_two_equal_readings_must_both_have_a_proved_end() -> None:
    cloud = Cloud(ids(1050), bend=at(100, twist=emptied))
    assert not (await cloud.list()).complete


# Absent rows


async def test_a_list_of_one_page_needs_no_second_reading() -> None:
    cloud = Cloud(ids(40))
    listing = await cloud.list([*ids(40), "gone"])
    assert listing.absent == {"gone"}
    assert cloud.offsets == [0]


async def test_an_empty_list_lacks_everything() -> None:
    assert (await Cloud([]).list(ids(3))).absent == set(ids(3))


@pytest.mark.parametrize("count", [100, 205, 1050])
async def test_a_longer_list_that_lacks_a_known_row_is_read_twice(count: int) -> None:
    cloud = Cloud(ids(count))
    listing = await cloud.list([*ids(count), "gone"])
    assert listing.complete
    assert listing.absent == {"gone"}
    assert cloud.offsets.count(0) == 2
    assert cloud.pauses == [2.0]


async def test_a_longer_list_that_lacks_nothing_is_read_once() -> None:
    cloud = Cloud([*ids(205), "new"])
    await cloud.list(ids(205))
    assert cloud.offsets.count(0) == 1


async def test_a_row_that_only_the_first_reading_lacked_is_not_absent() -> None:
    cloud = Cloud(
        ids(205), bend=Once(100, lambda honest: Page((*honest.rows[:-1], ("stray", Sighting(PRINT))), 205))
    )
    listing = await cloud.list([*ids(205), "gone"])
    assert listing.complete
    assert listing.absent == {"gone"}
    assert "i199" in listing.seen


async def test_a_second_reading_without_a_proved_end_confirms_nothing() -> None:
    cloud = Cloud(ids(1050))
    cloud.bend = lambda offset, honest: (
        emptied(honest) if offset == 100 and cloud.offsets.count(0) > 1 else honest
    )
    listing = await cloud.list([*ids(1050), "gone"])
    assert not listing.complete
    assert listing.absent == frozenset()
    assert listing.reason == "1 known rows did not come, and no other reading confirms it (4 readings)"


async def test_a_second_reading_with_a_nameless_row_confirms_nothing() -> None:
    cloud = Cloud(ids(205))

    def bend(offset: int, honest: Page) -> Page:
        if cloud.offsets.count(0) == 1:
            return honest
        return Page((*honest.rows[:-1], (None, None)), honest.total)

    cloud.bend = bend
    assert (await cloud.list([*ids(205), "gone"])).absent == frozenset()


async def test_a_second_reading_that_fails_fails_the_sync() -> None:
    cloud = Cloud(ids(205))

    def fail(honest: Page) -> Page:
        if cloud.offsets.count(0) > 1:
            raise Transient("HTTP 503")
        return honest

    cloud.bend = at(100, twist=fail)
    with pytest.raises(Transient):
        await cloud.list([*ids(205), "gone"])


async def test_a_second_reading_that_was_disturbed_calls_for_a_third() -> None:
    cloud = Cloud(ids(205))

    def disturb() -> None:
        if cloud.offsets.count(0) == 2 and "new" not in cloud.live:
            cloud.live.append("new")

    cloud.before = disturb
    listing = await cloud.list([*ids(205), "gone"])
    assert listing.absent == {"gone"}
    assert cloud.offsets.count(0) == 3
