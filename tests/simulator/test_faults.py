"""Each fault does what its name says, where and as often as it was told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import pytest

from syncd.simulator import KINDS, ActiveFault, Fault, FaultError, Gateway, World
from tests.simulator.asking import LIST, REGION, Asker, asking, signed

Check = Callable[[Asker], Awaitable[None]]
CHECKS: dict[str, Check] = {}


def shows(name: str) -> Callable[[Check], Check]:
    """Register the proof that a fault can be observed."""

    def register(check: Check) -> Check:
        CHECKS[name] = check
        return check

    return register


def struck(ask: Asker, name: str, **options: Any) -> ActiveFault:
    ask.sim.faults.clear()
    return ask.sim.faults.add(Fault(name, **options))


def truth(ask: Asker) -> list[str]:
    return ask.sim.world.share_list(ask.account, REGION).ids()


async def page(ask: Asker, offset: int = 0, **params: Any) -> Any:
    return await ask(Limit=100, Offset=offset, **params)


def test_every_fault_is_shown() -> None:
    assert CHECKS.keys() == KINDS.keys()


@pytest.mark.parametrize("name", sorted(KINDS))
async def test_a_fault_can_be_observed_and_ends_when_cleared(name: str) -> None:
    async with asking(250) as ask:
        await CHECKS[name](ask)
        ask.sim.faults.clear()
        reply = await page(ask)
        assert reply.code == 0
        assert reply.ids == truth(ask)[:100]


@shows("list_changes")
async def _(ask: Asker) -> None:
    before = truth(ask)
    struck(ask, "list_changes", unshare=2, share=1, status=1, skip=1, times=1)
    first = await page(ask)
    assert truth(ask) == before
    second = await page(ask, 100)
    assert (first.json["TotalCount"], second.json["TotalCount"]) == (250, 249)
    assert len(set(before) - set(truth(ask))) == 2
    assert len(set(truth(ask)) - set(before)) == 1


@shows("throttled")
async def _(ask: Asker) -> None:
    struck(ask, "throttled", retry_after=2)
    soft = await page(ask)
    assert (soft.status, soft.code, soft.headers["Retry-After"]) == (200, 153, "2")
    struck(ask, "throttled", http=True, retry_after="Tue, 24 Nov 2026 09:00:00 GMT")
    hard = await page(ask)
    assert (hard.status, hard.headers["Retry-After"]) == (429, "Tue, 24 Nov 2026 09:00:00 GMT")
    struck(ask, "throttled", code=8441)
    bare = await page(ask)
    assert bare.code == 8441
    assert "Retry-After" not in bare.headers


@shows("retcode")
async def _(ask: Asker) -> None:
    struck(ask, "retcode", code=8520, message="忙", status=500)
    reply = await page(ask)
    assert (reply.status, reply.code, reply.json["Message"]) == (500, 8520, "忙")


@shows("http_error")
async def _(ask: Asker) -> None:
    struck(ask, "http_error", status=502, retry_after=0.5)
    reply = await page(ask)
    assert (reply.status, reply.headers["Retry-After"]) == (502, "0.5")


@shows("html")
async def _(ask: Asker) -> None:
    struck(ask, "html")
    reply = await page(ask)
    assert (reply.status, reply.headers["Content-Type"].partition(";")[0]) == (200, "text/html")
    assert reply.body.startswith(b"<!DOCTYPE html>")


@shows("body")
async def _(ask: Asker) -> None:
    struck(ask, "body", text="[]")
    assert (await page(ask)).body == b"[]"


@shows("page_local_total")
async def _(ask: Asker) -> None:
    struck(ask, "page_local_total")
    assert [(await page(ask, offset)).json["TotalCount"] for offset in (0, 100, 200)] == [100, 100, 50]


@shows("wrong_total")
async def _(ask: Asker) -> None:
    struck(ask, "wrong_total", by=-7)
    assert (await page(ask)).json["TotalCount"] == 243
    struck(ask, "wrong_total", by=-999)
    assert (await page(ask)).json["TotalCount"] == 0


@shows("no_total")
async def _(ask: Asker) -> None:
    struck(ask, "no_total")
    assert "TotalCount" not in (await page(ask)).json


@shows("text_total")
async def _(ask: Asker) -> None:
    struck(ask, "text_total")
    assert (await page(ask)).json["TotalCount"] == "250"


@shows("short_page")
async def _(ask: Asker) -> None:
    struck(ask, "short_page", by=3, offset=100)
    assert [len((await page(ask, offset)).rows) for offset in (0, 100, 197, 200)] == [100, 97, 53, 50]


@shows("empty_page")
async def _(ask: Asker) -> None:
    struck(ask, "empty_page", offset=100)
    reply = await page(ask, 100)
    assert (reply.rows, reply.json["TotalCount"]) == ([], 250)
    assert len((await page(ask, 200)).rows) == 50


@shows("repeated_page")
async def _(ask: Asker) -> None:
    struck(ask, "repeated_page")
    first, second, third = [(await page(ask, offset)).ids for offset in (0, 100, 200)]
    assert first == second == truth(ask)[:100]
    assert third == truth(ask)[100:200]


@shows("over_long_page")
async def _(ask: Asker) -> None:
    struck(ask, "over_long_page", extra=5)
    assert (await page(ask)).ids == truth(ask)[:105]


@shows("shuffled")
async def _(ask: Asker) -> None:
    struck(ask, "shuffled")
    first, again = (await page(ask)).ids, (await page(ask)).ids
    assert first != again
    assert len(set(first)) == 100


@shows("past_the_end")
async def _(ask: Asker) -> None:
    struck(ask, "past_the_end")
    assert (await page(ask, 250)).code == 8401
    assert (await page(ask, 200)).code == 0
    struck(ask, "past_the_end", code=230)
    assert "[Offset]" in (await page(ask, 300)).json["Message"]


@shows("blank")
async def _(ask: Asker) -> None:
    struck(ask, "blank")
    reply = await page(ask)
    assert (reply.code, reply.rows, reply.json["TotalCount"]) == (0, [], 0)
    assert (await page(ask, CompShareImageId=truth(ask)[0])).rows
    struck(ask, "blank", on=LIST)
    assert not (await page(ask, CompShareImageId=truth(ask)[0])).rows


@shows("hidden_rows")
async def _(ask: Asker) -> None:
    struck(ask, "hidden_rows", count=60)
    replies = [await page(ask, offset) for offset in (0, 100)]
    assert replies[0].ids + replies[1].ids == truth(ask)[60:]
    assert replies[0].json["TotalCount"] == 190


@shows("null_list")
async def _(ask: Asker) -> None:
    for form, seen in (("null", None), ("object", {}), ("absent", "no such key")):
        struck(ask, "null_list", form=form)
        reply = await page(ask)
        assert reply.json.get("ImageSet", "no such key") == seen
        assert reply.json["TotalCount"] == 250
    struck(ask, "null_list", total=0)
    assert (await page(ask)).json["TotalCount"] == 0
    struck(ask, "null_list", on="zones")
    assert (await ask("DescribeCompShareSupportZone")).json["ZoneInfo"] is None


@shows("doubled_id")
async def _(ask: Asker) -> None:
    struck(ask, "doubled_id")
    reply = await page(ask)
    assert len(reply.ids) == 100
    assert reply.ids[0] == reply.ids[-1]
    struck(ask, "doubled_id", differ=True)
    rows = (await page(ask)).rows
    assert (rows[0]["CompShareImageId"], rows[-1]["Name"]) == (rows[-1]["CompShareImageId"], "twin")


@shows("rows_without_id")
async def _(ask: Asker) -> None:
    struck(ask, "rows_without_id", count=2)
    assert ["CompShareImageId" in row for row in (await page(ask)).rows[:3]] == [False, False, True]
    for how, value in (("null", None), ("empty", ""), ("number", 7)):
        struck(ask, "rows_without_id", how=how)
        assert (await page(ask)).ids[0] == value


@shows("type_drift")
async def _(ask: Asker) -> None:
    struck(ask, "type_drift")
    row = (await page(ask)).rows[0]
    honest = ask.sim.world.images(ask.account, REGION)[row["CompShareImageId"]]
    assert row["Size"] == str(honest["Size"])
    assert row["IsOfficial"] in ("true", "false")
    struck(ask, "type_drift", fields=["Name"], to="object", count=1)
    rows = (await page(ask)).rows
    assert (type(rows[0]["Name"]), type(rows[1]["Name"])) == (dict, str)


@shows("lookup_ignores_id")
async def _(ask: Asker) -> None:
    struck(ask, "lookup_ignores_id")
    assert (await ask(CompShareImageId="compshareImage-none")).ids == truth(ask)[:20]


@shows("lookup_refused")
async def _(ask: Asker) -> None:
    struck(ask, "lookup_refused")
    reply = await ask(CompShareImageId=truth(ask)[0])
    assert reply.code == 230
    assert "[CompShareImageId]" in reply.json["Message"]
    struck(ask, "lookup_refused", known=False)
    assert (await ask(CompShareImageId=truth(ask)[0])).code == 0
    assert (await ask(CompShareImageId="compshareImage-none")).code == 230


@shows("lookup_fails")
async def _(ask: Asker) -> None:
    struck(ask, "lookup_fails", code=8438)
    assert (await ask(CompShareImageId=truth(ask)[0])).code == 8438
    assert (await ask()).code == 0


@shows("lookup_wrong_row")
async def _(ask: Asker) -> None:
    struck(ask, "lookup_wrong_row")
    assert (await ask(CompShareImageId=truth(ask)[0])).ids == [truth(ask)[1]]


@shows("truncated")
async def _(ask: Asker) -> None:
    whole = len((await page(ask)).body)
    struck(ask, "truncated", keep=0.25)
    body = (await page(ask)).body
    assert len(body) == whole // 4
    assert not body.endswith(b"}]}")


@shows("digit_retcode")
async def _(ask: Asker) -> None:
    struck(ask, "digit_retcode")
    assert (await page(ask)).code == "0"
    assert (await page(ask, Zone="nowhere")).code == "230"


@shows("content_type")
async def _(ask: Asker) -> None:
    struck(ask, "content_type", value="application/octet-stream")
    reply = await page(ask)
    assert (reply.headers["Content-Type"], reply.code) == ("application/octet-stream", 0)


@shows("clock_skew")
async def _(ask: Asker) -> None:
    struck(ask, "clock_skew", seconds=-7200)
    date = parsedate_to_datetime((await page(ask)).headers["Date"])
    assert abs(time.time() - 7200 - date.timestamp()) < 60


@shows("latency")
async def _(ask: Asker) -> None:
    struck(ask, "latency", seconds=0.15)
    start = time.monotonic()
    assert (await page(ask)).code == 0
    assert time.monotonic() - start >= 0.15


@shows("hang")
async def _(ask: Asker) -> None:
    for headers in (False, True):
        struck(ask, "hang", headers=headers)
        with pytest.raises(TimeoutError):
            await ask(timeout=0.15)
    struck(ask, "hang", seconds=0.05)
    assert (await page(ask)).code == 0


@shows("drip")
async def _(ask: Asker) -> None:
    struck(ask, "drip", size=100_000, pause=0.001)
    assert (await page(ask)).code == 0
    struck(ask, "drip", size=1, pause=0.01)
    with pytest.raises(TimeoutError):
        await ask(timeout=0.15)


@shows("reset")
async def _(ask: Asker) -> None:
    for sent in (0, 50):
        struck(ask, "reset", sent=sent)
        with pytest.raises((ConnectionResetError, aiohttp.ClientError)):
            await page(ask)


@shows("cut")
async def _(ask: Asker) -> None:
    struck(ask, "cut")
    with pytest.raises(aiohttp.ClientPayloadError):
        await page(ask)


@shows("huge")
async def _(ask: Asker) -> None:
    for options in ({}, {"declared": True}, {"deflate": True}):
        struck(ask, "huge", **options)
        async with ask.session.post(ask.sim.url, data=signed(ask.account)) as response:
            assert (await response.content.readexactly(12)) == b'{"RetCode":0'
            length = response.content_length
            for _ in range(50):
                assert await response.content.read(65536)
            response.close()
        assert (length == 10_000_000_000) == ("declared" in options)


# When they strike


def _world(accounts: int = 1) -> World:
    world = World()
    for region in (REGION, "cn-sh2"):
        world.add_region(region)
    for number in range(accounts):
        name = f"account-{number}"
        world.add_account(name)
        world.fill(name, "*", 3)
    return world


def _codes(gateway: Gateway, count: int, account: str = "account-0", region: str = REGION) -> list[Any]:
    return [gateway.page(account, region).ret_code for _ in range(count)]


def test_skip_every_and_times_count_the_requests_that_fit() -> None:
    gateway = Gateway(_world())
    fault = gateway.faults.add(Fault("retcode", code=130, skip=1, every=2, times=2))
    assert _codes(gateway, 7) == [0, 0, 130, 0, 130, 0, 0]
    assert fault.hits == 2


def test_a_chance_comes_from_the_seed() -> None:
    outcomes = []
    for _ in range(2):
        gateway = Gateway(_world())
        gateway.faults.add(Fault("retcode", code=130, probability=0.5))
        outcomes.append(_codes(gateway, 60))
    assert outcomes[0] == outcomes[1]
    assert 10 < outcomes[0].count(130) < 50


def test_account_region_subject_and_offset_limit_a_fault() -> None:
    gateway = Gateway(_world(2))
    image = gateway.world.share_list("account-0", REGION).ids()[0]

    def met(**limits: Any) -> list[bool]:
        gateway.faults.clear()
        gateway.faults.add(Fault("retcode", code=130, **limits))
        requests = (
            gateway.page("account-0", REGION),
            gateway.page("account-1", REGION),
            gateway.page("account-0", "cn-sh2"),
            gateway.page("account-0", REGION, image_id=image),
            gateway.page("account-0", REGION, offset=2),
        )
        return [answer.ret_code == 130 for answer in requests]

    assert met(account="account-1") == [False, True, False, False, False]
    assert met(region="cn-sh2") == [False, False, True, False, False]
    assert met(on="lookup") == [False, False, False, True, False]
    assert met(on=["list"], offset=2) == [False, False, False, False, True]
    assert met(on=LIST) == [True] * 5
    assert met(on="projects") == [False] * 5


def test_faults_combine() -> None:
    gateway = Gateway(_world())
    for fault in (Fault("short_page"), Fault("page_local_total"), Fault("digit_retcode"), Fault("latency")):
        gateway.faults.add(fault)
    answer = gateway.page("account-0", REGION)
    assert answer.body.startswith(b'{"RetCode":"0"')
    assert b'"TotalCount":2,' in answer.body
    assert [fault.kind.name for fault in answer.wire] == ["latency"]
    assert answer.faults == ("short_page", "page_local_total", "digit_retcode", "latency")


def test_one_fault_can_be_removed() -> None:
    gateway = Gateway(_world())
    slow, refused = (gateway.faults.add(fault) for fault in (Fault("latency"), Fault("retcode", code=130)))
    refused.remove()
    refused.remove()
    assert (list(gateway.faults), _codes(gateway, 1)) == ([slow], [0])


@pytest.mark.parametrize(
    ("fault", "options", "says"),
    [
        ("no_such", {}, "throttled"),
        ("short_page", {"bye": 1}, "by"),
        ("short_page", {"by": "one"}, "int"),
        ("null_list", {"form": "[]"}, "form"),
        ("html", {"on": "lists"}, "lookup"),
        ("html", {"times": -1}, "times"),
        ("html", {"every": 0}, "every"),
        ("html", {"probability": 2}, "probability"),
    ],
)
def test_a_fault_that_cannot_be_says_what_would(fault: str, options: dict[str, Any], says: str) -> None:
    with pytest.raises(FaultError, match=says):
        Fault(fault, **options)


def test_a_fault_survives_json() -> None:
    fault = Fault("throttled", retry_after=2, account="lab", on="list", skip=1, times=3)
    assert Fault.from_json(fault.as_json()).as_json() == fault.as_json()


async def test_a_hung_request_ends_with_the_simulator() -> None:
    async with asking(1) as ask:
        struck(ask, "hang")
        hung = asyncio.create_task(ask(timeout=30))
        await ask.sim.requests.arrive(1)
        assert ask.sim.requests.in_flight("lab") == 1
        start = time.monotonic()
        await ask.sim.stop()
        assert time.monotonic() - start < 2
        with pytest.raises(aiohttp.ClientError):
            await hung
