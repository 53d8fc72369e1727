"""When a list counts as whole, and when a known row counts as absent."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.compshare.decode import Page
from syncd.compshare.list_reading import LIMIT, MOST_PAGES
from syncd.compshare.listing import MOST_READINGS, list_images
from syncd.errors import PastTheEnd, ProtocolError, Transient
from syncd.model import Listing, Sighting

from .pages import PRINT, Cloud, ids, page, sighting


def whole(listing: Listing, live: list[str]) -> bool:
    return listing.complete and listing.reason is None and set(listing.seen) == set(live)


class Once:
    """Bends only the first answer at an offset."""

    def __init__(self, offset: int, twist: Callable[[Page], Page]) -> None:
        self.offset = offset
        self.twist = twist
        self.done = False

    def __call__(self, offset: int, honest: Page) -> Page:
        if self.done or offset != self.offset:
            return honest
        self.done = True
        return self.twist(honest)


def at(*offsets: int, twist: Callable[[Page], Page]) -> Callable[[int, Page], Page]:
    return lambda offset, honest: twist(honest) if offset in offsets else honest


def with_total(total: int | None) -> Callable[[Page], Page]:
    return lambda honest: Page(honest.rows, total)


def page_local(_: int, honest: Page) -> Page:
    return Page(honest.rows, len(honest.rows))


def emptied(honest: Page) -> Page:
    return Page((), honest.total)


def shortened(honest: Page) -> Page:
    return Page(honest.rows[:60], honest.total)


# What an honest list costs


@pytest.mark.parametrize(
    ("count", "offsets"),
    [
        (0, [0]),
        (1, [0]),
        (99, [0]),
        (100, [0, 100]),
        (101, [0, 100]),
        (205, [0, 100, 200]),
        (300, [0, 100, 200, 300]),
        (1050, list(range(0, 1100, 100))),
    ],
)
async def test_an_honest_list_is_read_once_to_its_proved_end(count: int, offsets: list[int]) -> None:
    cloud = Cloud(ids(count))
    listing = await cloud.list()
    assert whole(listing, cloud.live)
    assert sorted(cloud.offsets) == offsets
    assert listing.pages == len(offsets)
    assert cloud.pauses == []


async def test_ten_thousand_images_take_at_most_102_requests_and_four_at_a_time() -> None:
    cloud = Cloud(ids(10_000))
    assert whole(await cloud.list(), cloud.live)
    assert len(cloud.offsets) <= 102
    assert cloud.most_in_flight == 4


async def test_page_one_is_asked_for_alone() -> None:
    cloud = Cloud(ids(1000))
    seen: list[int] = []
    cloud.before = lambda: seen.append(cloud.in_flight)
    await cloud.list()
    assert seen[:2] == [0, 0]
    assert max(seen) == 3


async def test_a_past_the_end_code_proves_the_end_like_an_empty_page() -> None:
    cloud = Cloud(ids(200), past_the_end=True)
    assert whole(await cloud.list(), cloud.live)
    assert cloud.offsets == [0, 100, 200]


async def test_past_the_end_at_offset_0_is_an_error() -> None:
    with pytest.raises(PastTheEnd):
        await Cloud([], past_the_end=True).list()


# TotalCount is a hint, never the end


async def test_a_total_that_says_less_does_not_end_the_list() -> None:
    cloud = Cloud(ids(350), bend=lambda _, honest: Page(honest.rows, 100))
    assert whole(await cloud.list(), cloud.live)
    assert cloud.pauses == [2.0]


@pytest.mark.parametrize("count", [50, 100, 205, 1050])
async def test_page_local_counts_are_covered_by_two_equal_readings(count: int) -> None:
    cloud = Cloud(ids(count), bend=page_local)
    assert whole(await cloud.list(), cloud.live)


@pytest.mark.parametrize("count", [5, 205, 1050])
async def test_absent_counts_are_covered_by_two_equal_readings(count: int) -> None:
    cloud = Cloud(ids(count), bend=lambda _, honest: Page(honest.rows, None))
    assert whole(await cloud.list(), cloud.live)
    assert cloud.pauses == [2.0]


@pytest.mark.parametrize("past_the_end", [True, False])
async def test_a_total_of_a_billion_costs_little(past_the_end: bool) -> None:
    cloud = Cloud(ids(205), bend=lambda _, honest: Page(honest.rows, 10**9), past_the_end=past_the_end)
    assert whole(await cloud.list(), cloud.live)
    assert len(cloud.offsets) <= 16


async def test_an_empty_list_with_a_count_is_not_whole() -> None:
    listing = await Cloud([], bend=lambda _, honest: Page((), 5)).list(ids(5))
    assert not listing.complete
    assert listing.absent == frozenset()
    assert listing.reason == "no rows came, but TotalCount says 5 (4 readings)"


async def test_an_empty_list_without_a_count_is_not_whole() -> None:
    listing = await Cloud([], bend=lambda _, honest: Page((), None)).list(ids(5))
    assert not listing.complete
    assert listing.absent == frozenset()
    assert listing.reason == "a page had no TotalCount (4 readings)"


# Pages that do not fit


async def test_a_page_that_was_short_once_makes_it_start_again_page_by_page() -> None:
    cloud = Cloud(ids(1050), bend=Once(300, shortened))
    assert whole(await cloud.list(ids(1050)), cloud.live)
    assert cloud.offsets[-11:] == list(range(0, 1100, 100))


@pytest.mark.parametrize("size", [1, 33, 50, 99])
async def test_a_cloud_of_smaller_pages_is_read_page_by_page(size: int) -> None:
    cloud = Cloud(ids(205), bend=lambda _, honest: Page(honest.rows[:size], honest.total))
    listing = await cloud.list(ids(205))
    assert whole(listing, cloud.live)
    assert cloud.pauses == []


async def test_a_cloud_of_longer_pages_is_read_by_the_rows_received() -> None:
    cloud = Cloud(ids(350))
    cloud.bend = lambda offset, honest: page(cloud.live[offset : offset + 120], len(cloud.live))
    assert whole(await cloud.list(), cloud.live)
    assert cloud.offsets == [0, 120, 240, 350]


async def test_rows_of_a_reading_that_was_given_up_count_as_seen() -> None:
    hidden = "i150"

    def bend(offset: int, honest: Page) -> Page:
        reading_again = cloud.offsets.count(0) > 1
        rows = [row for row in honest.rows if not (reading_again and row[0] == hidden)]
        return Page(tuple(rows[:60] if offset == 200 else rows), None if reading_again else honest.total)

    cloud = Cloud(ids(350), bend=bend)
    listing = await cloud.list(ids(350))
    assert hidden in listing.seen
    assert hidden not in listing.absent


async def test_an_empty_page_amid_the_list_is_no_end() -> None:
    cloud = Cloud(ids(1050), bend=at(100, twist=emptied))
    listing = await cloud.list(ids(1050))
    assert not listing.complete
    assert listing.absent == frozenset()
    assert listing.reason == "no rows come at 100, but there are some at 1000 (4 readings)"
    assert {"i0", "i1049"} <= set(listing.seen)


async def test_an_empty_page_that_counts_only_itself_is_no_end_either() -> None:
    cloud = Cloud(ids(1050), bend=at(100, twist=lambda _: Page((), 0)))
    listing = await cloud.list(ids(1050))
    assert not listing.complete
    assert listing.absent == frozenset()


async def test_an_empty_page_that_came_once_costs_a_second_reading_at_most() -> None:
    cloud = Cloud(ids(1050), bend=Once(500, emptied))
    assert whole(await cloud.list(ids(1050)), cloud.live)


async def test_a_full_page_that_repeats_the_one_before_fails_the_sync() -> None:
    cloud = Cloud(ids(1050))
    cloud.bend = lambda offset, honest: page(cloud.live[400:500], 1050) if offset == 500 else honest
    with pytest.raises(ProtocolError, match="page 6 repeats page 5; kept the last complete list"):
        await cloud.list()


async def test_a_cloud_that_ignores_offset_fails_the_sync() -> None:
    cloud = Cloud(ids(1050))
    cloud.bend = lambda _, __: page(cloud.live[:100], 1050)
    with pytest.raises(ProtocolError, match="repeats"):
        await cloud.list()
    assert len(cloud.offsets) <= 6


async def test_a_short_page_that_comes_again_and_again_ends_without_proof() -> None:
    cloud = Cloud(ids(50), bend=lambda _, __: page(ids(50), 10**9))
    listing = await cloud.list()
    assert not listing.complete
    assert len(cloud.offsets) <= 3 * MOST_READINGS


async def test_a_list_without_end_fails_the_sync_after_20_000_pages() -> None:
    cloud = Cloud([])
    cloud.bend = lambda offset, _: page([f"{offset}-{row}" for row in range(2)] + [None] * 98, None)
    with pytest.raises(ProtocolError, match="more than 20000 pages"):
        await cloud.list()
    assert len(cloud.offsets) == MOST_PAGES + 1


@pytest.mark.parametrize("offset", [0, 100, 500, 1000])
async def test_a_page_that_fails_fails_the_sync_and_leaves_nothing_running(offset: int) -> None:
    cloud = Cloud(ids(1050))

    async def fetch(at_offset: int, limit: int) -> Page:
        if at_offset > offset:
            await asyncio.Event().wait()
        if at_offset == offset:
            raise Transient("HTTP 503")
        return await cloud.fetch(at_offset, limit)

    with pytest.raises(Transient):
        await list_images(fetch, {})
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_cancelled_reading_leaves_nothing_running() -> None:
    cloud = Cloud(ids(1050))
    reached = asyncio.Event()

    async def fetch(offset: int, limit: int) -> Page:
        if offset >= 500:
            reached.set()
            await asyncio.Event().wait()
        return await cloud.fetch(offset, limit)

    task = asyncio.create_task(list_images(fetch, {}))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == {asyncio.current_task()}


# Ids


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
    assert "i0" not in listing.absent


async def test_rows_that_both_cannot_be_read_conflict_only_if_they_differ() -> None:
    blurred = Sighting(None, sighting("one").image, "{}", ("size_mb",))
    other = Sighting(None, sighting("two").image, "{}", ("size_mb",))
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


# Lists that change while they are read


@dataclass
class Churn:
    """Before each request, rows leave from and join at random places, ``often`` of the times."""

    cloud: Cloud
    rng: random.Random
    often: float
    ever_gone: set[str] = field(default_factory=set)
    joined: int = 0

    def __call__(self) -> None:
        while self.rng.random() < self.often:
            live = self.cloud.live
            if self.rng.random() < 0.5 and live:
                self.ever_gone.add(live.pop(self.rng.randrange(len(live))))
            else:
                self.joined += 1
                live.insert(
                    self.rng.choice([0, len(live), self.rng.randrange(len(live) + 1)]), f"j{self.joined}"
                )


async def changing(seed: int) -> tuple[Listing, set[str], Cloud]:
    """A listing of a changing list, the rows that were valid all the time, and its cloud."""
    rng = random.Random(seed)
    cloud = Cloud(ids(rng.randrange(60, 700)), past_the_end=rng.random() < 0.2)
    start = set(cloud.live)
    churn = Churn(cloud, rng, rng.choice([0.02, 0.1, 0.25]))
    cloud.before = churn
    listing = await cloud.list(start)
    return listing, start - churn.ever_gone, cloud


async def check_changing(seeds: range) -> None:
    """No valid row is absent; and the readings were really disturbed, or the claim would be empty."""
    single_would_err = whole_lists = 0
    for seed in seeds:
        listing, valid, cloud = await changing(seed)
        assert not listing.absent & valid, f"seed {seed}"
        whole_lists += listing.complete
        single_would_err += listing.complete and cloud.offsets.count(0) == 2 and bool(valid)
    assert whole_lists > len(seeds) * 0.6
    assert single_would_err > len(seeds) * 0.05


async def test_no_valid_row_is_absent_in_a_thousand_changing_lists() -> None:
    await check_changing(range(1000))


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_no_valid_row_is_absent_in_twenty_thousand_changing_lists() -> None:
    await check_changing(range(20_000))


async def test_equal_numbers_joining_and_leaving_fool_one_reading_and_not_two() -> None:
    """The named case: the counts agree, a valid row was skipped, and only the second reading shows it."""
    cloud = Cloud(ids(205))
    requests = 0

    def swap() -> None:
        nonlocal requests
        requests += 1
        if requests == 2:  # after page 1: its first row leaves, another joins at the end
            cloud.live.pop(0)
            cloud.live.append("joined")

    cloud.before = swap
    listing = await cloud.list(ids(205))
    assert listing.complete
    assert "i100" in listing.seen
    assert listing.absent == frozenset()
    assert cloud.offsets.count(0) == 2


# Any twists at all


_twist = st.tuples(
    st.sampled_from(["empty", "short", "total", "no total", "local total", "twice", "nameless", "repeat"]),
    st.sampled_from([0, 100, 200, 300]),
    st.booleans(),
)


def bent(offset: int, honest: Page, kind: str, cloud: Cloud) -> Page:
    rows = honest.rows
    match kind:
        case "empty":
            return emptied(honest)
        case "short":
            return shortened(honest)
        case "total":
            return Page(rows, len(cloud.live) + 7)
        case "no total":
            return Page(rows, None)
        case "local total":
            return Page(rows, len(rows))
        case "twice":
            return Page((*rows, rows[0]) if rows else rows, honest.total)
        case "nameless":
            return Page((*rows[:-1], (None, None)) if rows else rows, honest.total)
    return page(cloud.live[max(0, offset - LIMIT) : max(offset, LIMIT)], honest.total)


def hidden_by(twists: list[tuple[str, int, bool]]) -> bool:
    """The named cases: rows hidden in every answer, and a first page that is short and counts only itself."""
    hide = ("empty", "short")
    first = {kind for kind, offset, _ in twists if offset == 0}
    return any(always and kind in hide for kind, _, always in twists) or (
        "local total" in first and not first.isdisjoint(hide)
    )


@given(st.lists(_twist, max_size=4), st.sampled_from([30, 100, 205, 320]))
@settings(max_examples=400)
def test_twisted_pages_make_a_list_whole_and_right_or_say_why_not(
    twists: list[tuple[str, int, bool]], count: int
) -> None:
    """Each twist bends the answers at one offset, all of them or the first alone."""
    cloud = Cloud(ids(count))
    passing = [(kind, offset) for kind, offset, always in twists if not always]
    lasting = [(kind, offset) for kind, offset, always in twists if always]

    def bend(offset: int, honest: Page) -> Page:
        for kind, where in [*passing, *lasting]:
            if where == offset:
                honest = bent(offset, honest, kind, cloud)
        passing[:] = [(kind, where) for kind, where in passing if where != offset]
        return honest

    cloud.bend = bend
    try:
        listing = asyncio.run(cloud.list([*ids(count), "gone"]))
    except ProtocolError as error:
        assert "repeats" in error.message  # noqa: PT017  # the only other outcome
        return
    assert set(listing.seen) <= set(cloud.live)
    if not listing.complete:
        assert listing.reason
        assert not listing.absent
    elif not hidden_by(twists):
        assert listing.absent == {"gone"}
        assert set(listing.seen) == set(cloud.live)
