"""A round: every target once, what it reports, and what it refuses."""

from __future__ import annotations

import pytest

from syncd.errors import UsageError
from syncd.sync.report import SyncReport
from syncd.sync.rounds import sync_round
from tests.sync.rig import REGIONS


def names(reports: list[SyncReport]) -> list[str]:
    return sorted(str(report.target) for report in reports)


async def test_every_target_is_synced_once_and_reported_as_it_ends(make_rig):
    rig = await make_rig(accounts=("lab", "team"), regions=REGIONS)
    seen: list[SyncReport] = []
    reports = await sync_round(rig.syncer, progress=seen.append)
    expected = sorted(f"{name}/{region}" for name in ("lab", "team") for region in REGIONS)
    assert names(reports) == names(seen) == expected
    assert {report.outcome for report in reports} == {"complete"}
    rig.check()


async def test_discovered_regions_are_listed_once(make_rig):
    rig = await make_rig(regions=None)
    reports = await sync_round(rig.syncer)
    assert names(reports) == [f"lab/{region}" for region in REGIONS]
    assert rig.sim.requests.count(subject="list") == 3
    assert names(await sync_round(rig.syncer)) == [f"lab/{region}" for region in REGIONS]


async def test_a_failed_discovery_is_reported_and_known_regions_are_synced(make_rig):
    rig = await make_rig(regions=None)
    await sync_round(rig.syncer)
    rig.fault("retcode", on="zones", code=130)
    reports = await sync_round(rig.syncer)
    assert names(reports) == ["lab/", *(f"lab/{region}" for region in REGIONS)]
    assert [report.failure for report in reports] == ["unreachable", None, None, None]


async def test_a_failing_target_is_in_the_report_of_the_round(make_rig):
    rig = await make_rig(regions=REGIONS)
    rig.fault("retcode", "cn-b", code=130)
    reports = await sync_round(rig.syncer)
    assert {report.target.region: report.outcome for report in reports} == {
        "cn-a": "complete",
        "cn-b": "failed",
        "cn-c": "complete",
    }


async def test_one_account_or_one_region_can_be_chosen(make_rig):
    rig = await make_rig(accounts=("lab", "team"), regions=REGIONS)
    await sync_round(rig.syncer)
    assert names(await sync_round(rig.syncer, "team", "cn-b")) == ["team/cn-b"]
    assert names(await sync_round(rig.syncer, None, "cn-b")) == ["lab/cn-b", "team/cn-b"]


@pytest.mark.parametrize(("account", "region"), [("nobody", None), (None, "cn-x"), ("lab", "cn-x")])
async def test_what_is_not_watched_is_an_error_that_names_it(make_rig, account, region):
    rig = await make_rig(regions=REGIONS)
    with pytest.raises(UsageError, match=account if account == "nobody" else region):
        await sync_round(rig.syncer, account, region)


async def test_no_more_than_50_targets_at_a_time(make_rig):
    names_of = tuple(f"a{number}" for number in range(60))
    rig = await make_rig(accounts=names_of)
    rig.fault("latency", seconds=0.2)
    at_once: list[int] = []
    rig.world.on_page(lambda _: at_once.append(rig.sim.requests.in_flight()))
    assert len(await sync_round(rig.syncer)) == 60
    assert 40 <= max(at_once) <= 50
