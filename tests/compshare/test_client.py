"""The client against a pretend CompShare: what it sends, what it retries, what it makes of each answer."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from syncd.compshare.client import PROJECTS, SHARING, ZONES, CompShare, Lookup, Zone
from syncd.compshare.json_answer import successful_fields
from syncd.errors import ApiError, AuthFailed, Misconfigured, ProtocolError, Transient
from syncd.model import Secret
from syncd.simulator import Fault, Simulator

from .clients import REGION, client_for, scene, world_of


async def test_it_reads_a_whole_list_with_all_fields() -> None:
    async with scene(205) as here:
        listing = await here.cloud.list_images(REGION, {})
        assert listing.complete
        assert list(listing.seen) == here.ids()
        assert all(row.image and row.payload and not row.unreadable for row in listing.seen.values())
        first = listing.seen[here.ids()[0]].image
        truth = here.world.images("lab", REGION)[here.ids()[0]]
        assert first is not None
        assert (first.name, first.status, first.size_mb) == (truth["Name"], truth["Status"], truth["Size"])


async def test_a_second_sync_of_an_unchanged_list_keeps_fingerprints_only() -> None:
    async with scene(120) as here:
        first = await here.cloud.list_images(REGION, {})
        known = {image_id: row.fingerprint or b"" for image_id, row in first.seen.items()}
        second = await here.cloud.list_images(REGION, known)
        assert second.complete
        assert {image_id: row.fingerprint for image_id, row in second.seen.items()} == known
        assert all(row.image is None and row.payload is None for row in second.seen.values())


async def test_requests_go_over_one_connection_as_forms_and_never_name_a_zone() -> None:
    async with scene(120, project_id=None, concurrency=1) as here:
        await here.cloud.list_images(REGION, {})
        await here.cloud.lookup(REGION, here.ids()[0])
        await here.cloud.regions()
        assert here.sim.requests.connections() == 1
        assert {request.encoding for request in here.sim.requests} == {"form"}
        assert all(request.project_id is None for request in here.sim.requests)


async def test_a_project_goes_with_every_request_but_the_one_for_projects() -> None:
    world = world_of(3)
    project = world.account("lab").projects[1]
    async with Simulator(world) as sim:
        cloud, _, _ = client_for(sim.url, world.account("lab"), project_id=project)
        async with cloud:
            await cloud.list_images(REGION, {})
            await cloud.lookup(REGION, "compshareImage-none")
            await cloud.zones()
            assert {request.project_id for request in sim.requests} == {project}
            assert await cloud.projects() == world.account("lab").projects
            assert sim.requests.select(action=PROJECTS)[0].project_id is None


async def test_regions_come_once_each_in_the_apis_order() -> None:
    async with scene() as here:
        here.world.add_region("cn-sh2", zones=3)
        assert await here.cloud.regions() == (REGION, "cn-sh2")
        assert len(await here.cloud.zones()) == 5
        assert all(isinstance(zone, Zone) and zone.zone for zone in await here.cloud.zones())


@pytest.mark.parametrize("form", ["absent", "null", "object"])
async def test_a_list_of_regions_that_is_none_is_empty_or_an_error(form: str) -> None:
    async with scene() as here:
        here.sim.faults.add(Fault("null_list", form=form))
        if form == "absent":
            with pytest.raises(ProtocolError, match="the answer has no ZoneInfo"):
                await here.cloud.regions()
            with pytest.raises(ProtocolError, match="the answer has no ProjectSet"):
                await here.cloud.projects()
        else:
            assert await here.cloud.regions() == ()
            assert await here.cloud.projects() == ()


async def test_broken_rows_of_zones_are_left_out() -> None:
    zones = '{"RetCode":0,"ZoneInfo":[null, {}, {"Region":["x"]}, {"Region":"cn-a","Zone":{}}, {"Region":"cn-a"}]}'
    async with scene() as here:
        here.sim.faults.add(Fault("body", text=zones))
        assert await here.cloud.zones() == (Zone("cn-a", None, None), Zone("cn-a", None, None))
        assert await here.cloud.regions() == ("cn-a",)


# Lookups


@pytest.mark.parametrize(
    ("fault", "of_shown", "of_unknown"),
    [
        (None, Lookup.FOUND, Lookup.GONE),
        (Fault("lookup_refused", known=False), Lookup.FOUND, Lookup.GONE),
        (Fault("lookup_refused"), Lookup.GONE, Lookup.GONE),
        (Fault("lookup_ignores_id"), Lookup.UNDECIDED, Lookup.UNDECIDED),
        (Fault("lookup_wrong_row"), Lookup.UNDECIDED, Lookup.UNDECIDED),
        (Fault("lookup_fails", code=130), Lookup.UNDECIDED, Lookup.UNDECIDED),
        (Fault("lookup_fails", code=299), Lookup.UNDECIDED, Lookup.UNDECIDED),
        (Fault("lookup_fails", code=8401), Lookup.UNDECIDED, Lookup.UNDECIDED),
        (Fault("rows_without_id", on="lookup"), Lookup.UNDECIDED, Lookup.GONE),
        (Fault("no_total", on="lookup"), Lookup.FOUND, Lookup.GONE),
        (Fault("text_total", on="lookup"), Lookup.FOUND, Lookup.GONE),
        (Fault("null_list", on="lookup"), Lookup.UNDECIDED, Lookup.GONE),
        (Fault("null_list", on="lookup", form="absent"), Lookup.UNDECIDED, Lookup.GONE),
        (Fault("wrong_total", on="lookup"), Lookup.FOUND, Lookup.UNDECIDED),
        (Fault("html"), Lookup.UNDECIDED, Lookup.UNDECIDED),
        (Fault("http_error", status=404), Lookup.UNDECIDED, Lookup.UNDECIDED),
        (Fault("truncated"), Lookup.UNDECIDED, Lookup.UNDECIDED),
        (Fault("reset"), Lookup.UNDECIDED, Lookup.UNDECIDED),
        (Fault("body", text='{"RetCode":0}'), Lookup.UNDECIDED, Lookup.UNDECIDED),
        (
            Fault("body", text='{"RetCode":0,"ImageSet":[],"TotalCount":"many"}'),
            Lookup.UNDECIDED,
            Lookup.UNDECIDED,
        ),
        (
            Fault("body", text='{"RetCode":0,"ImageSet":[],"TotalCount":false}'),
            Lookup.UNDECIDED,
            Lookup.UNDECIDED,
        ),
        (
            Fault("retcode", code=230, message="Params [Region] not available"),
            Lookup.UNDECIDED,
            Lookup.UNDECIDED,
        ),
        (Fault("retcode", code=292, message="[CompShareImageId]"), Lookup.UNDECIDED, Lookup.UNDECIDED),
    ],
    ids=lambda value: value.kind.name if isinstance(value, Fault) else None,
)
async def test_a_lookup_proves_only_what_its_answer_proves(
    fault: Fault | None, of_shown: Lookup, of_unknown: Lookup
) -> None:
    async with scene(3, retries=0) as here:
        if fault is not None:
            here.sim.faults.add(fault)
        assert await here.cloud.lookup(REGION, here.ids()[1]) is of_shown
        assert await here.cloud.lookup(REGION, "compshareImage-unknown") is of_unknown


async def test_a_230_may_name_the_id_itself() -> None:
    async with scene(retries=0) as here:
        here.sim.faults.add(Fault("retcode", code=230, message="Params [compshareImage-x] not available"))
        assert await here.cloud.lookup(REGION, "compshareImage-x") is Lookup.GONE
        assert await here.cloud.lookup(REGION, "compshareImage-y") is Lookup.UNDECIDED


async def test_a_lookup_can_be_cancelled() -> None:
    async with scene(1) as here:
        here.sim.faults.add(Fault("hang"))
        asking = asyncio.create_task(here.cloud.lookup(REGION, here.ids()[0]))
        await here.sim.requests.arrive(1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking


# Errors and retries


async def ask(cloud: CompShare) -> Any:
    return await cloud.call(ZONES, {}, successful_fields)


@pytest.mark.parametrize(
    ("fault", "kind", "message"),
    [
        (Fault("retcode", code=171), AuthFailed, f"{ZONES}: RetCode 171: Signature VerifyAC Error"),
        (Fault("retcode", code=292), Misconfigured, f"{ZONES}: RetCode 292: Project does not exist"),
        (Fault("retcode", code=4711, message="odd"), ProtocolError, f"{ZONES}: RetCode 4711: odd"),
        (Fault("html"), ProtocolError, f"{ZONES}: the answer is not JSON: '<!DOCTYPE html>"),
        (Fault("html", status=404), ProtocolError, f"{ZONES}: HTTP 404: '<!DOCTYPE html>"),
        (Fault("truncated"), ProtocolError, f"{ZONES}: the answer is not JSON: "),
        (Fault("truncated", keep=0.0), ProtocolError, f"{ZONES}: the answer is not JSON: nothing"),
        (
            Fault("http_error", status=407),
            Misconfigured,
            f"{ZONES}: HTTP 407: the proxy asks for a user and a password",
        ),
        (Fault("http_error", status=302), ProtocolError, f"{ZONES}: HTTP 302: 'upstream failed'"),
        (Fault("huge", declared=True), ProtocolError, f"{ZONES}: the answer is larger than 32 MiB"),
        (Fault("huge"), ProtocolError, f"{ZONES}: the answer is larger than 32 MiB"),
        (
            Fault("huge", deflate=True),
            ProtocolError,
            f"{ZONES}: the answer is compressed, which syncd did not ask for",
        ),
    ],
    ids=lambda value: value.kind.name if isinstance(value, Fault) else None,
)
async def test_what_will_not_pass_is_asked_once(fault: Fault, kind: type[ApiError], message: str) -> None:
    async with scene() as here:
        here.sim.faults.add(fault)
        with pytest.raises(kind) as caught:
            await ask(here.cloud)
        assert caught.value.message.startswith(message)
        assert caught.value.hint
        assert len(here.sim.requests) == 1
        assert here.waits.seconds == []


PASSING = [
    (Fault("retcode", code=130, times=4), "transient"),
    (Fault("http_error", status=503, times=4), "transient"),
    (Fault("http_error", status=408, times=4), "transient"),
    (Fault("reset", times=4), "transient"),
    (Fault("reset", times=4, sent=20), "transient"),
    (Fault("cut", times=4), "transient"),
    (Fault("throttled", times=4), "throttled"),
    (Fault("throttled", times=4, code=8441), "throttled"),
    (Fault("throttled", times=4, http=True), "throttled"),
]


@pytest.mark.parametrize(
    ("fault", "outcome"), PASSING, ids=lambda value: getattr(value, "kind", None) and value.kind.name
)
async def test_what_may_pass_is_retried_with_growing_waits(fault: Fault, outcome: str) -> None:
    async with scene() as here:
        here.sim.faults.add(fault)
        assert await here.cloud.regions() == (REGION,)
        assert [record.outcome for record in here.records] == [outcome] * 4 + ["ok"]
        assert all(record.action == ZONES and record.seconds >= 0 for record in here.records)
        longest = [1.0, 2.0, 4.0, 8.0] if outcome == "throttled" else [0.5, 1.0, 2.0, 4.0]
        backoffs = [wait for wait in here.waits.seconds if wait > 0.1][:: 2 if outcome == "throttled" else 1]
        assert len(backoffs) == 4
        assert all(most / 2 <= wait <= most for wait, most in zip(backoffs, longest, strict=True))


@pytest.mark.parametrize("retries", [0, 1, 4])
async def test_retries_are_bounded_and_the_last_error_is_told(retries: int) -> None:
    async with scene(retries=retries) as here:
        here.sim.faults.add(Fault("retcode", code=110))
        with pytest.raises(Transient, match=f"{ZONES}: RetCode 110"):
            await ask(here.cloud)
        assert len(here.sim.requests) == retries + 1


async def test_retry_after_is_waited_for() -> None:
    async with scene() as here:
        here.sim.faults.add(Fault("throttled", retry_after=7, times=1))
        await ask(here.cloud)
        assert 7 <= max(here.waits.seconds) <= 8


@pytest.mark.parametrize("seconds", [31, 3600, 10**12])
async def test_a_longer_retry_after_ends_the_call_and_is_handed_on(seconds: int) -> None:
    async with scene() as here:
        here.sim.faults.add(Fault("http_error", status=503, retry_after=str(seconds)))
        with pytest.raises(Transient) as caught:
            await ask(here.cloud)
        assert caught.value.retry_after == min(timedelta(seconds=seconds), timedelta(days=1))
        assert len(here.sim.requests) == 1


async def test_a_throttled_request_holds_the_others_back() -> None:
    async with scene() as here:
        here.sim.faults.add(Fault("throttled", retry_after=5, times=1))
        await ask(here.cloud)
        held = here.waits.seconds[:]
        await ask(here.cloud)
        assert here.waits.seconds[len(held) :]
        assert here.waits.seconds[-1] > 4


async def test_a_hanging_answer_ends_at_the_timeout() -> None:
    async with scene(retries=0, timeout=timedelta(seconds=0.2)) as here:
        here.sim.faults.add(Fault("hang"))
        with pytest.raises(Transient, match=f"{ZONES}: no complete answer within 0.2 s"):
            await ask(here.cloud)


async def test_a_dripping_answer_ends_at_the_timeout() -> None:
    async with scene(50, retries=0, timeout=timedelta(seconds=0.3)) as here:
        here.sim.faults.add(Fault("drip"))
        with pytest.raises(Transient, match=f"{SHARING} in {REGION}: no complete answer within 0.3 s"):
            await here.cloud.list_images(REGION, {})


async def test_a_wrong_key_is_the_keys_fault() -> None:
    world = world_of()
    async with Simulator(world) as sim:
        cloud, _, records = client_for(sim.url)
        async with cloud:
            with pytest.raises(AuthFailed, match="RetCode 172"):
                await ask(cloud)
        assert [record.outcome for record in records] == ["auth"]


async def test_past_the_end_is_no_failure_in_the_records() -> None:
    async with scene(100) as here:
        here.sim.faults.add(Fault("past_the_end"))
        assert (await here.cloud.list_images(REGION, {})).complete
        assert [record.outcome for record in here.records] == ["ok", "ok"]


async def test_the_skew_of_the_clocks_is_seen() -> None:
    async with scene() as here:
        assert here.cloud.skew is None
        await ask(here.cloud)
        assert here.cloud.skew is not None
        assert abs(here.cloud.skew) < timedelta(seconds=5)
        here.sim.faults.add(Fault("clock_skew", seconds=3600))
        await ask(here.cloud)
        assert abs(here.cloud.skew - timedelta(hours=1)) < timedelta(seconds=5)


def test_a_key_is_told_from_another_by_a_digest() -> None:
    one, _, _ = client_for("http://127.0.0.1:1")
    assert len(one.key_hash) == 16
    other, _, _ = client_for("http://127.0.0.1:1")
    assert one.key_hash == other.key_hash
    other._account = type(other._account)("lab", Secret("another"), Secret("x"))
    assert one.key_hash != other.key_hash


async def test_closing_twice_or_unopened_is_harmless() -> None:
    cloud, _, _ = client_for("http://127.0.0.1:1")
    await cloud.aclose()
    await cloud.aclose()


# Modesty


async def test_ten_thousand_images_take_102_requests_four_in_flight_and_ten_a_second() -> None:
    """Time is made: each wait moves the clock by itself, so the spacing is exact."""
    now = 0.0
    begun: list[float] = []

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    world = world_of(10_000)
    async with Simulator(world) as sim:
        cloud, _, _ = client_for(sim.url, world.account("lab"), rate=10.0, sleep=sleep, monotonic=lambda: now)
        post = cloud._transport.post

        async def noted(form: Any) -> Any:
            begun.append(now)
            return await post(form)

        cloud._transport.post = noted  # type: ignore[method-assign]  # only to note the time
        async with cloud:
            listing = await cloud.list_images(REGION, {})
        assert listing.complete
        assert len(listing.seen) == 10_000
        assert len(sim.requests) <= 102
        assert sim.requests.high_water["lab"] <= 4
    assert all(later - earlier >= 1.0 for earlier, later in zip(begun, begun[10:], strict=False))


async def test_a_server_counts_no_more_than_rate_in_any_second() -> None:
    async with scene(6000, rate=40.0, sleep=asyncio.sleep) as here:
        assert (await here.cloud.list_images(REGION, {})).complete
        assert here.sim.requests.busiest_second() <= 40


async def test_all_regions_of_an_account_share_its_limits() -> None:
    async with scene(400, concurrency=2) as here:
        here.world.add_region("cn-sh2")
        here.world.fill("lab", "cn-sh2", 400)
        here.sim.faults.add(Fault("latency", seconds=0.01))
        await asyncio.gather(*(here.cloud.list_images(region, {}) for region in (REGION, "cn-sh2")))
        assert here.sim.requests.high_water["lab"] == 2


async def test_waiting_for_a_free_slot_does_not_count_against_the_timeout() -> None:
    async with scene(1, concurrency=1, retries=0, timeout=timedelta(seconds=0.5)) as here:
        here.sim.faults.add(Fault("latency", seconds=0.1))
        answers = await asyncio.gather(*(here.cloud.lookup(REGION, here.ids()[0]) for _ in range(8)))
        assert answers == [Lookup.FOUND] * 8
