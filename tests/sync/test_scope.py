"""Scope: whose images the rows are. Another owner, project or gateway begins anew, silently; a rotated key does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from syncd.model import Secret
from syncd.simulator import Simulator
from syncd.sync.owner import is_alike
from tests.sync.rig import REGIONS, brief


async def watching(make_rig, **options):
    """A few images, known; the world then changes while the configuration does: one is gone, one new, one renamed."""
    rig = await make_rig(**options)
    for region in options.get("regions", ("cn-a",)):
        rig.world.fill("lab", region, 10)
    await rig.settle()
    return rig


def move_on(rig, region: str = "cn-a") -> tuple[str, str, str]:
    """What a baseline must not announce: a new image, a lost and a changed one."""
    lost, changed, *_ = sorted(rig.ids(region))
    rig.world.unshare("lab", region, lost)
    rig.world.change(changed, region, Name="renamed", Status="Offline")
    return rig.world.share("lab", region), lost, changed


def silently(rig) -> dict[str, list[str]]:
    """Image → the types of its baseline events because of a changed scope."""
    found: dict[str, list[str]] = {}
    for event in rig.events():
        if event.data.get("reason") == "scope_changed":
            assert event.baseline
            found.setdefault(event.image_id, []).append(event.type.removeprefix("image."))
    return found


async def rebaselines(rig, **changes) -> None:
    """A restart with these changes rebaselines, once, with a warning and without news."""
    new, lost, changed = move_on(rig)
    await rig.restart(**changes)
    with capture_logs() as logs:
        report = await rig.sync()
    assert (report.outcome, report.baseline) == ("complete", True)
    assert silently(rig) == {new: ["shared"], lost: ["revoked"], changed: ["status_changed", "updated"]}
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == ["scope_changed"]
    assert rig.news() == []
    rig.check(told_once=False)
    later = rig.world.share("lab", "cn-a")
    report = await rig.sync()
    assert not report.baseline
    assert [(event.type, event.image_id) for event in rig.news()] == [("image.shared", later)]
    rig.check(told_once=False)


async def test_another_project_is_a_new_scope(make_rig):
    rig = await watching(make_rig)
    await rebaselines(rig, project_id=rig.world.account("lab").projects[1])


async def test_another_gateway_is_a_new_scope(make_rig):
    rig = await watching(make_rig)
    async with Simulator(rig.world) as other:
        await rebaselines(rig, api=replace(rig.api, base_url=other.url))
        await rig.restart()


async def test_a_gateway_written_otherwise_is_the_same(make_rig):
    rig = await watching(make_rig)
    move_on(rig)
    await rig.restart(api=replace(rig.api, base_url=rig.api.base_url + "/"))
    assert not (await rig.sync()).baseline
    assert len(rig.news()) == 4


def key_of(rig, name: str) -> dict[str, Secret]:
    keys = rig.world.account(name)
    return {"public_key": Secret(keys.public_key), "private_key": Secret(keys.private_key)}


async def test_the_key_of_another_account_is_a_new_scope(make_rig):
    rig = await watching(make_rig, accounts=("lab", "other"))
    (only,) = rig.world.fill("other", "cn-a", 1)
    before = rig.ids()
    await rig.restart(**key_of(rig, "other"))
    report = await rig.sync()
    assert (report.baseline, report.held) == (True, 0)
    assert silently(rig) == {image: ["revoked"] for image in before} | {only: ["shared"]}
    assert (rig.news(), rig.ids()) == ([], {only})
    rig.check(settled=False, told_once=False, honest=False)


async def test_a_rotated_key_that_may_not_read_its_projects_is_known_by_its_list(make_rig):
    rig = await watching(make_rig)
    rig.world.rotate_key("lab")
    rig.fault("retcode", on="projects", code=299)
    await rig.restart(**key_of(rig, "lab"))
    move_on(rig)
    assert not (await rig.sync()).baseline
    assert len(rig.news()) == 4
    rig.check()


async def test_the_longest_list_says_whose_key_it_is_for_all_regions(make_rig):
    rig = await watching(make_rig, regions=REGIONS[:2])
    rig.world.fill("lab", "cn-b", 10)
    for image in sorted(rig.ids("cn-a"))[1:]:
        rig.world.unshare("lab", "cn-a", image)
        await rig.sync("cn-a")
    await rig.settle()
    rig.world.rotate_key("lab")
    rig.fault("retcode", on="projects", code=299)
    await rig.restart(**key_of(rig, "lab"))
    rig.world.unshare("lab", "cn-a", *rig.ids("cn-a"))
    new = rig.world.share("lab", "cn-a")
    await rig.sync("cn-a")
    assert [event.image_id for event in rig.news() if event.type == "image.shared"] == [new]
    assert silently(rig) == {}


async def test_another_account_s_key_that_sees_many_of_the_same_images_calls_none_revoked(make_rig):
    rig = await watching(make_rig, accounts=("lab", "other"))
    for image in sorted(rig.ids())[:8]:
        rig.world.share("other", "cn-a", image)
    rig.world.fill("other", "cn-a", 2)
    rig.fault("retcode", on="projects", code=299)
    await rig.restart(**key_of(rig, "other"))
    with capture_logs() as logs:
        assert (await rig.sync()).baseline
    assert "scope_changed" in [line["event"] for line in logs]
    assert rig.news() == []


@pytest.mark.parametrize("fault", ["http_error", "rows_without_id"])
async def test_a_list_that_cannot_be_read_whole_decides_nothing_about_the_key(make_rig, fault):
    rig = await watching(make_rig, regions=REGIONS[:2])
    rig.world.fill("lab", "cn-b", 10)
    await rig.settle()
    rows = rig.live()
    rig.world.rotate_key("lab")
    rig.fault("retcode", on="projects", code=299)
    broken = rig.fault(fault, "cn-b", on="list")
    await rig.restart(**key_of(rig, "lab"))
    assert (await rig.sync("cn-a")).outcome == "failed"
    assert (rig.live(), rig.news()) == (rows, [])
    broken.remove()
    assert not (await rig.sync("cn-a")).baseline
    assert rig.news() == []


async def test_regions_that_the_new_key_may_not_list_say_nothing(make_rig):
    rig = await watching(make_rig, regions=REGIONS[:2])
    rig.world.fill("lab", "cn-b", 10)
    await rig.settle()
    rig.world.rotate_key("lab")
    rig.fault("retcode", on="projects", code=299)
    rig.fault("retcode", "cn-b", on="list", code=293)
    await rig.restart(**key_of(rig, "lab"))
    assert not (await rig.sync("cn-a")).baseline


@pytest.mark.parametrize(
    ("same", "gone", "new", "alike"),
    [
        (1, 0, 0, True),
        (1, 0, 1, False),
        (2, 0, 1, True),
        (2, 1, 1, False),
        (3, 1, 1, True),
        (10, 2, 1, False),
        (40, 2, 2, True),
        (90, 5, 5, True),
        (90, 6, 5, False),
        (0, 0, 0, False),
        (0, 5, 0, False),
    ],
)
def test_lists_are_alike_if_few_images_differ_and_more_are_the_same(same, gone, new, alike):
    shared = {f"same-{number}" for number in range(same)}
    known = shared | {f"gone-{number}" for number in range(gone)}
    shown = shared | {f"new-{number}" for number in range(new)}
    assert is_alike(known, shown) is alike


async def test_a_rotated_key_of_the_same_account_is_not(make_rig):
    rig = await watching(make_rig)
    for _ in range(2):
        rig.world.rotate_key("lab")
        await rig.restart(**key_of(rig, "lab"))
        move_on(rig)
        assert not (await rig.sync()).baseline
        assert len(rig.news()) == 4
    rig.check()


@pytest.mark.parametrize("fault", [("retcode", {"code": 130}), ("throttled", {}), ("html", {}), ("cut", {})])
async def test_projects_that_cannot_be_read_for_a_while_postpone_the_decision(make_rig, fault):
    rig = await watching(make_rig)
    rows = rig.live()
    rig.world.rotate_key("lab")
    name, options = fault
    broken = rig.fault(name, on="projects", **options)
    await rig.restart(**key_of(rig, "lab"))
    move_on(rig)
    for _ in range(2):
        assert (await rig.sync()).outcome == "failed"
    assert (rig.live(), rig.news()) == (rows, [])
    broken.remove()
    assert not (await rig.sync()).baseline
    assert len(rig.news()) == 4
    rig.check()


@pytest.mark.parametrize("fault", [("retcode", {"code": 130}), ("html", {}), ("retcode", {"code": 299})])
async def test_no_sync_needs_the_projects_while_the_key_is_the_same(make_rig, fault):
    rig = await make_rig()
    name, options = fault
    broken = rig.fault(name, on="projects", **options)
    rig.world.fill("lab", "cn-a", 3)
    assert (await rig.sync()).baseline
    for _ in range(20):
        await rig.sync()
    assert rig.sim.requests.count(subject="projects") <= 2
    broken.remove()
    rig.advance(hours=1)
    await rig.sync()
    rig.world.rotate_key("lab")
    await rig.restart(**key_of(rig, "lab"))
    assert not (await rig.sync()).baseline


async def test_a_wrong_key_corrected_changes_nothing_and_loses_no_news(make_rig):
    rig = await watching(make_rig)
    right = {name: getattr(rig.configs["lab"], name) for name in ("public_key", "private_key")}
    await rig.restart(public_key=Secret("wrong"), private_key=Secret("wrong"))
    move_on(rig)
    assert (await rig.sync()).failure == "auth"
    await rig.restart(**right)
    with capture_logs() as logs:
        assert not (await rig.sync()).baseline
    assert [line for line in logs if line["log_level"] == "warning"] == []
    assert sorted(brief(rig.news())) == [
        "revoked account", "shared account", "status_changed account", "sync.failed", "sync.recovered",
        "updated account",
    ]  # fmt: skip
    rig.check()


async def test_a_wrong_first_key_corrected_is_no_change_of_scope(make_rig):
    rig = await make_rig()
    rig.world.fill("lab", "cn-a", 1)
    rig.world.rotate_key("lab")
    assert (await rig.sync()).failure == "auth"
    await rig.restart(**key_of(rig, "lab"))
    with capture_logs() as logs:
        assert (await rig.sync()).baseline
    assert [line for line in logs if line["log_level"] == "warning"] == []
    assert silently(rig) == {}


async def test_a_project_typed_wrong_and_corrected_before_it_listed_anything_changes_nothing(make_rig):
    rig = await watching(make_rig)
    await rig.restart(project_id="org-nothing")
    move_on(rig)
    assert (await rig.sync()).failure == "configuration"
    await rig.restart(project_id=None)
    assert not (await rig.sync()).baseline
    assert len([event for event in rig.news() if event.image_id]) == 4
    rig.check()


async def test_back_to_the_old_project_is_another_baseline(make_rig):
    rig = await watching(make_rig)
    await rig.restart(project_id=rig.world.account("lab").projects[1])
    assert (await rig.sync()).baseline
    await rig.restart(project_id=None)
    new, *_ = move_on(rig)
    assert (await rig.sync()).baseline
    assert silently(rig)[new] == ["shared"]
    assert rig.news() == []


async def test_back_to_the_old_project_what_never_left_it_is_still_known(make_rig):
    """cn-b lists nothing while the account is in the other project: its rows are of the old one all the while."""
    rig = await watching(make_rig, regions=REGIONS[:2])
    await rig.restart(project_id=rig.world.account("lab").projects[1])
    await rig.sync("cn-a")
    await rig.restart(project_id=None)
    lost = sorted(rig.ids("cn-b") - rig.ids("cn-a"))[0]
    rig.world.unshare("lab", "cn-b", lost)
    await rig.sync("cn-b")
    assert [(event.type, event.image_id, event.scope) for event in rig.news()] == [
        ("image.revoked", lost, "account")
    ]
    await rig.sync("cn-a")
    rig.check(told_once=False)


async def test_an_incomplete_listing_does_not_rebaseline(make_rig):
    rig = await watching(make_rig)
    rows = rig.live()
    await rig.restart(project_id=rig.world.account("lab").projects[1])
    move_on(rig)
    lying = rig.fault("rows_without_id")
    report = await rig.sync()
    assert (report.outcome, report.baseline, rig.live()) == ("incomplete", False, rows)
    lying.remove()
    assert (await rig.sync()).baseline
    rig.check(told_once=False)


async def test_what_was_held_is_released_by_a_new_scope(make_rig):
    rig = await watching(make_rig)
    for image in sorted(rig.ids())[:5]:
        rig.world.unshare("lab", "cn-a", image)
    await rig.sync()
    assert brief(rig.news()) == ["sync.held"]
    await rig.restart(project_id=rig.world.account("lab").projects[1])
    assert (await rig.sync()).held == 0
    assert brief(rig.news()) == ["sync.released"]
    rig.check()


async def test_in_a_new_scope_only_what_its_targets_list_is_known(make_rig):
    """cn-b fails while cn-a enters the new scope. What only cn-b's old rows have is new when cn-a lists it."""
    rig = await watching(make_rig, regions=REGIONS[:2])
    old = rig.world.share("lab", "cn-b")
    await rig.settle()
    broken = rig.fault("retcode", "cn-b", code=130)
    await rig.restart(project_id=rig.world.account("lab").projects[1])
    await rig.sync("cn-a", "cn-b")
    rig.world.share("lab", "cn-a", old)
    await rig.sync("cn-a")
    assert [(event.type, event.image_id, event.scope) for event in rig.news()] == [
        ("image.shared", old, "account")
    ]
    broken.remove()
    await rig.sync("cn-b")
    assert rig.news() == []
    rig.check(told_once=False)
    only_b = sorted(rig.ids("cn-b") - rig.ids("cn-a"))[0]
    rig.world.unshare("lab", "cn-b", only_b)
    await rig.sync("cn-a", "cn-b")
    assert [(event.type, event.image_id, event.scope) for event in rig.news()] == [
        ("image.revoked", only_b, "account")
    ]
    rig.check(told_once=False)


async def test_rows_of_an_old_scope_do_not_speak_for_an_image_that_the_new_one_lost(make_rig):
    rig = await watching(make_rig, regions=REGIONS[:2])
    everywhere = rig.world.share("lab", "*")
    await rig.settle()
    await rig.restart(project_id=rig.world.account("lab").projects[1])
    rig.fault("retcode", "cn-b", code=130)
    await rig.sync("cn-a", "cn-b")
    rig.world.unshare("lab", "*", everywhere)
    await rig.sync("cn-a")
    (told,) = rig.news()
    assert (told.type, told.image_id, told.scope) == ("image.revoked", everywhere, "account")
    assert told.data["unverified_regions"] == ["cn-b"]


async def test_a_target_that_returns_with_rows_of_an_old_scope_makes_nothing_known(make_rig):
    rig = await watching(make_rig, regions=REGIONS[:2])
    old = rig.world.share("lab", "cn-b")
    await rig.settle()
    await rig.restart(regions=("cn-a",))
    await rig.restart(project_id=rig.world.account("lab").projects[1])
    await rig.sync("cn-a")
    rig.fault("retcode", "cn-b", code=130)
    await rig.restart(regions=REGIONS[:2])
    rig.world.share("lab", "cn-a", old)
    await rig.sync("cn-a")
    assert [(event.type, event.scope) for event in rig.news()] == [("image.shared", "account")]


async def test_what_a_region_lacks_in_a_new_scope_is_not_told_as_lost_when_another_goes_stale(make_rig):
    rig = await watching(make_rig, regions=REGIONS[:2])
    everywhere = rig.world.share("lab", "*")
    await rig.settle()
    await rig.restart(project_id=rig.world.account("lab").projects[1])
    await rig.sync("cn-b")
    rig.world.unshare("lab", "cn-a", everywhere)
    await rig.sync("cn-a")
    rig.advance(minutes=40)
    rig.fault("retcode", "cn-b", code=130)
    await rig.sync("cn-b", "cn-b", "cn-b", "cn-a")
    assert [event.type for event in rig.news()] == ["sync.failed"]


async def test_what_a_region_lacks_in_a_new_scope_is_no_news_where_a_stale_one_has_it(make_rig):
    """cn-b is of the new scope already, and stale when cn-a enters it; later it is read, and has all that it had."""
    rig = await make_rig(regions=REGIONS[:2])
    shown = rig.world.fill("lab", "*", 4)
    await rig.settle()
    await rig.restart(project_id=rig.world.account("lab").projects[1])
    await rig.sync("cn-b")
    rig.world.unshare("lab", "cn-a", shown[0])
    rig.advance(minutes=40)
    await rig.sync("cn-a", "cn-b")
    assert rig.news() == []


async def test_what_a_region_lacks_in_a_new_scope_is_no_news_where_another_is_read_for_the_first_time(
    make_rig,
):
    """Nobody was told that it is gone, so nobody is told that it is back; one that comes later is news."""
    rig = await make_rig(regions=REGIONS[:2])
    shown, *_ = rig.world.fill("lab", "*", 4)
    await rig.sync("cn-a")
    await rig.restart(project_id=rig.world.account("lab").projects[1])
    rig.world.unshare("lab", "cn-a", shown)
    await rig.sync("cn-a")
    rig.news()
    await rig.sync("cn-b")
    assert [event.type for event in rig.news()] == ["sync.baseline"]


async def test_what_a_region_lacks_in_a_new_scope_is_news_once_it_is_back(make_rig):
    rig = await make_rig(regions=REGIONS[:2])
    shown, *_ = rig.world.fill("lab", "*", 4)
    await rig.settle()
    await rig.restart(project_id=rig.world.account("lab").projects[1])
    rig.world.unshare("lab", "*", shown)
    await rig.sync("cn-a", "cn-b")
    rig.world.share("lab", "cn-b", shown)
    await rig.sync("cn-b")
    assert brief(rig.news()) == ["shared account"]
