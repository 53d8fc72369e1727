"""The official SDK, untouched, cannot tell the simulator from the cloud."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ucloud.client import Client
from ucloud.core import exc

from syncd.simulator import Account, Simulator, World
from tests.simulator.asking import REGION


def _sdk(sim: Simulator, account: Account, **changed: Any) -> Any:
    config = {
        "region": REGION,
        "public_key": account.public_key,
        "private_key": account.private_key,
        "base_url": sim.url,
    }
    return Client(config | changed).ucompshare()


async def _in_thread(call: Any, fields: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = await asyncio.to_thread(call, fields)
    return answer


async def _refusal(call: Any, fields: dict[str, Any]) -> int:
    with pytest.raises(exc.RetCodeException) as caught:
        await asyncio.to_thread(call, fields)
    return int(caught.value.code)


def _world(images: int) -> tuple[World, Account]:
    world = World()
    world.add_region(REGION)
    account = world.add_account("lab")
    world.fill(account, REGION, images)
    return world, account


async def test_the_sdk_pages_through_1050_images() -> None:
    world, account = _world(1050)
    async with Simulator(world) as sim:
        list_images = _sdk(sim, account).describe_comp_share_sharing_images
        found: list[dict[str, Any]] = []
        while page := (await _in_thread(list_images, {"Limit": 100, "Offset": len(found)}))["ImageSet"]:
            found += page
    truth = world.images(account, REGION)
    assert [row["CompShareImageId"] for row in found] == list(truth)
    for row in found:
        for field in ("Name", "Status", "Size", "Owner", "IsOfficial", "CreateTime"):
            assert row[field] == truth[row["CompShareImageId"]][field]


async def test_the_sdk_finds_one_image_by_id_with_its_readme() -> None:
    world, account = _world(3)
    image = next(iter(world.shared(account, REGION)))
    async with Simulator(world) as sim:
        list_images = _sdk(sim, account).describe_comp_share_sharing_images
        found = await _in_thread(list_images, {"CompShareImageId": image})
        gone = await _in_thread(list_images, {"CompShareImageId": "compshareImage-unknown"})
    assert [row["CompShareImageId"] for row in found["ImageSet"]] == [image]
    assert found["ImageSet"][0]["Readme"].startswith("# ")
    assert (gone["TotalCount"], gone.get("ImageSet", [])) == (0, [])


async def test_the_sdk_gets_regions_and_projects() -> None:
    world, account = _world(0)
    world.add_region("cn-sh2")
    keys = {"public_key": account.public_key, "private_key": account.private_key}
    async with Simulator(world) as sim:
        client = Client(keys | {"base_url": sim.url})
        zones = await _in_thread(_sdk(sim, account).describe_comp_share_support_zone, {})
        projects = await _in_thread(client.uaccount().get_project_list, {})
    assert [zone["Region"] for zone in zones["ZoneInfo"]] == ["cn-wlcb", "cn-wlcb", "cn-sh2", "cn-sh2"]
    assert [project["ProjectId"] for project in projects["ProjectSet"]] == list(account.projects)


@pytest.mark.parametrize(
    ("changed", "fields", "code"),
    [
        ({"private_key": "wrong"}, {}, 171),
        ({"public_key": "nobody"}, {}, 172),
        ({"region": "cn-nowhere"}, {}, 230),
        ({}, {"Limit": 101}, 230),
        ({}, {"Offset": -1}, 230),
        ({}, {"Zone": "cn-wlcb-99"}, 230),
        ({"project_id": "org-other"}, {}, 292),
    ],
)
async def test_the_sdk_is_refused_as_by_the_cloud(
    changed: dict[str, Any], fields: dict[str, Any], code: int
) -> None:
    world, account = _world(1)
    async with Simulator(world) as sim:
        call = _sdk(sim, account, **changed).describe_comp_share_sharing_images
        assert await _refusal(call, fields) == code
