"""How the end of a list is found and proved, page after page."""

from __future__ import annotations

import asyncio

import pytest

from syncd.compshare.decode import Page
from syncd.compshare.list_reading import MOST_PAGES
from syncd.compshare.listing import MOST_READINGS, list_images
from syncd.errors import PastTheEnd, ProtocolError, Transient

from .pages import Cloud, ids, page
from .twists import Once, at, emptied, page_local, shortened, whole


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
