"""The world is changed over HTTP, from this machine alone."""

from __future__ import annotations

import socket
from typing import Any

import aiohttp
import pytest

from syncd.simulator import KINDS, Simulator, World
from syncd.simulator.control import DEEDS, is_loopback
from tests.simulator.asking import REGION, Asker, asking


async def control(ask: Asker, method: str, path: str, **order: Any) -> Any:
    url = f"{ask.sim.url}/_control/{path}"
    async with ask.session.request(method, url, json=order or None) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def refused(ask: Asker, method: str, path: str, **options: Any) -> tuple[int, str]:
    async with ask.session.request(method, f"{ask.sim.url}/_control/{path}", **options) as response:
        return response.status, (await response.json())["error"]


async def test_share_status_rename_change_and_unshare_show_in_the_next_listing() -> None:
    async with asking(0) as ask:
        fields = {"Name": "新镜像", "Status": "Making"}
        shared = await control(ask, "POST", "share", account="lab", region=REGION, fields=fields)
        [image] = shared["images"]
        assert [(row["Name"], row["Status"]) for row in (await ask()).rows] == [("新镜像", "Making")]
        await control(ask, "POST", "status", image=image, status="Available")
        await control(ask, "POST", "rename", image=image, name="改名")
        await control(ask, "POST", "change", image=image, fields={"Price": 9.5})
        [row] = (await ask()).rows
        assert (row["Name"], row["Status"], row["Price"]) == ("改名", "Available", 9.5)
        assert await control(ask, "POST", "unshare", image=image) == {"unshared": True}
        assert (await ask()).rows == []
        await control(ask, "POST", "share", account="lab", regions=[REGION], image=image)
        assert (await ask()).ids == [image]
        await control(ask, "POST", "remove", image=image)
        assert (await ask()).rows == []


async def test_many_are_shared_and_a_region_is_blanked() -> None:
    async with asking(0) as ask:
        assert len((await control(ask, "POST", "share", account="lab", count=7))["images"]) == 7
        assert len(await control(ask, "GET", f"images?account=lab&region={REGION}")) == 7
        assert await control(ask, "POST", "blank", region=REGION) == {"unshared": 7}
        assert (await ask()).rows == []


async def test_faults_are_added_listed_and_removed() -> None:
    async with asking(1) as ask:
        added = await control(ask, "POST", "faults", fault="throttled", retry_after=2, region=REGION, times=1)
        await control(ask, "POST", "faults", fault="latency", seconds=0.001)
        assert [(await ask()).code for _ in range(2)] == [153, 0]
        listed = await control(ask, "GET", "faults")
        assert [(fault["fault"], fault["hits"]) for fault in listed] == [("throttled", 1), ("latency", 2)]
        assert await control(ask, "DELETE", f"faults?id={added['id']}") == {"removed": 1}
        assert await control(ask, "DELETE", "faults") == {"removed": 1}
        assert len(ask.sim.faults) == 0
        assert (await control(ask, "GET", "kinds")).keys() == KINDS.keys()


async def test_state_and_requests_tell_all_but_the_keys() -> None:
    async with asking(3) as ask:
        await ask(Limit=2, Offset=1)
        state = await control(ask, "GET", "state")
        asked = await control(ask, "GET", "requests")
        assert state["accounts"]["lab"]["images"] == {REGION: 3}
        assert [(one["limit"], one["offset"], one["ret_code"]) for one in asked["requests"]] == [(2, 1, 0)]
        assert ask.account.private_key not in str(state) + str(asked)
        await control(ask, "DELETE", "requests")
        assert (await control(ask, "GET", "requests"))["total"] == 0


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "says"),
    [
        ("POST", "share", {"json": {"account": "lob", "region": REGION}}, 400, "lob"),
        ("POST", "share", {"json": {"region": REGION}}, 400, "account"),
        ("POST", "share", {"json": {"account": "lab", "count": "2"}}, 400, "count"),
        (
            "POST",
            "status",
            {"json": {"image": "compshareImage-none", "status": "x"}},
            400,
            "compshareImage-none",
        ),
        ("POST", "faults", {"json": {"fault": "no_such"}}, 400, "throttled"),
        ("POST", "faults", {"json": {}}, 400, "fault"),
        ("POST", "change", {"json": {"image": "x"}}, 400, "fields"),
        ("POST", "share", {"data": b"[1]"}, 400, "JSON object"),
        ("GET", "nothing", {}, 404, "nothing"),
        ("GET", "state", {"headers": {"X-Forwarded-For": "203.0.113.9"}}, 403, "this machine"),
    ],
)
async def test_a_wrong_order_is_refused_with_its_reason(
    method: str, path: str, options: dict[str, Any], status: int, says: str
) -> None:
    async with asking(1) as ask:
        answer = await refused(ask, method, path, **options)
    assert answer[0] == status
    assert says in answer[1]


async def test_the_menu_names_every_order() -> None:
    async with asking(0) as ask:
        menu = await control(ask, "GET", "")
    assert menu == [f"{method} /_control/{name}" for method, name in DEEDS if name]


@pytest.mark.parametrize(
    ("address", "expected"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("::ffff:127.0.0.1", True),
     ("192.0.2.2", False), ("::ffff:192.0.2.2", False), ("fe80::1%eth0", False)],
)  # fmt: skip
def test_only_loopback_is_this_machine(address: str, expected: bool) -> None:
    assert is_loopback(address) is expected


def _own_address() -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: it only picks a route
        except OSError:
            return None
        address: str = probe.getsockname()[0]
        return address


async def test_another_address_is_served_the_api_but_not_the_control() -> None:
    address = _own_address()
    if address is None or is_loopback(address):
        pytest.skip("this machine has no address but loopback")
    world = World.sample(accounts=1, images=1)
    async with Simulator(world, host="0.0.0.0") as sim, aiohttp.ClientSession() as session:
        async with session.post(
            f"http://{address}:{sim.port}/_control/blank", json={"region": REGION}
        ) as response:
            assert response.status == 403
        async with session.get(f"http://{address}:{sim.port}/") as response:
            assert (await response.json())["RetCode"] == 160
    assert len(world.shared("lab", REGION)) == 1
