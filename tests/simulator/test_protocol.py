"""Requests in every encoding, and every check in its order."""

from __future__ import annotations

import asyncio
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import msgspec
import pytest

from syncd.simulator.signature import flatten, sign
from tests.simulator.asking import LIST, REGION, asking, signed

PUBLIC_KEY = "ucloudsomeone@example.com1296235120854146120"
PRIVATE_KEY = "46f09bb9fab4f12dfc160dae12273d5332b5debe"


@pytest.mark.parametrize(
    ("params", "signature"),
    [
        (
            {"Action": "DescribeUHostInstance", "Region": "cn-bj2", "Limit": 10},
            "cba5cf5ec4d4233d206b1b54951e3787350a642f",
        ),
        ({"Action": LIST, "Region": REGION, "Limit": 100, "Offset": 0}, "d3a29c789fa25f16c6b579876a0b110bd5d98d1b"),
        (
            {
                "Action": "EncodeProbe", "Region": REGION, "Bool": True, "BoolF": False, "F0": 42.0, "F1": 1.5,
                "List": [12345, 67890], "Dict": {"Field": "PubTime", "ASC": False}, "Name": "我的 AI+环境&x=1",
                "ListDict": [{"IsBoot": True, "Size": 60}],
            },
            "4a3ac163867103382e817c734999df91f8a0aea0",
        ),
        ({"Action": "GetProjectList"}, "af7ef441ef4cfd960313696b654a0514c8c9fec4"),
    ],
)  # fmt: skip
def test_the_published_signatures_are_expected(params: dict[str, Any], signature: str) -> None:
    assert sign(flatten({"PublicKey": PUBLIC_KEY, **params}), PRIVATE_KEY) == signature


async def test_form_form_with_query_get_and_json_are_all_read() -> None:
    async with asking(3) as ask:
        params = signed(ask.account, Limit=2, Offset=1)
        rest = {key: value for key, value in params.items() if key != "Action"}
        json_body = {**params, "Limit": 2, "Offset": 1}
        url, session = ask.sim.url, ask.session
        sends = {
            "form": session.post(url, data=params),
            "form+query": session.post(f"{url}/?Action={LIST}", data=rest),
            "query": session.get(url, params=params),
            "json": session.post(url, json=json_body),
        }
        for encoding, send in sends.items():
            async with send as response:
                answer = msgspec.json.decode(await response.read())
            assert (encoding, answer["RetCode"], len(answer["ImageSet"])) == (encoding, 0, 2)
            assert list(ask.sim.requests)[-1].encoding == encoding


async def test_a_name_with_signs_of_its_own_survives_the_form() -> None:
    async with asking(1) as ask:
        assert (await ask(Probe="我的 AI+环境&x=1")).code == 0


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"Action": None}, 160),
        ({"Action": "TerminateEverything"}, 161),
        ({"Signature": None}, 170),
        ({"PublicKey": None}, 170),
        ({"PublicKey": "nobody"}, 172),
        ({"Signature": "0" * 40}, 171),
        ({"Offset": "5"}, 171),
    ],
)
async def test_an_unproven_identity_is_refused(changed: dict[str, str | None], code: int) -> None:
    async with asking(1) as ask:
        fields = {**signed(ask.account), **changed}
        reply = await ask.send({key: value for key, value in fields.items() if value is not None})
    assert (reply.status, reply.code) == (200, code)


@pytest.mark.parametrize(
    ("params", "code", "named"),
    [
        ({"Region": None}, 220, "Region"),
        ({"Region": "cn-nowhere"}, 230, "Region"),
        ({"Limit": 101}, 230, "Limit"),
        ({"Limit": 0}, 230, "Limit"),
        ({"Limit": "many"}, 230, "Limit"),
        ({"Offset": -1}, 230, "Offset"),
        ({"Offset": "--1"}, 230, "Offset"),
        ({"Zone": "cn-wlcb-99"}, 230, "Zone"),
        ({"ProjectId": "org-other"}, 292, "Project"),
        ({"SecurityToken": "sts"}, 174, "Token"),
    ],
)
async def test_a_wrong_parameter_is_named(params: dict[str, Any], code: int, named: str) -> None:
    async with asking(1) as ask:
        reply = await ask(**params)
    assert reply.code == code
    assert named in reply.json["Message"]


async def test_garbage_is_an_api_error_and_another_path_is_none() -> None:
    async with asking(0) as ask:
        async with ask.session.post(
            ask.sim.url, data=b"\xff{", headers={"Content-Type": "application/json"}
        ) as one:
            assert (one.status, (await one.json())["RetCode"]) == (200, 160)
        async with ask.session.get(f"{ask.sim.url}/v1/") as other:
            assert (other.status, other.content_type) == (404, "text/html")


async def test_limit_is_20_by_default_and_past_the_end_is_an_empty_page() -> None:
    async with asking(30) as ask:
        assert len((await ask()).rows) == 20
        beyond = await ask(Offset=30, Limit=100)
    assert (beyond.rows, beyond.json["TotalCount"]) == ([], 30)


async def test_counters_change_at_every_listing_and_nothing_else_does() -> None:
    async with asking(5) as ask:
        first, second = (await ask()).rows, (await ask()).rows
    for before, after in zip(first, second, strict=True):
        changed = {key for key in before if before[key] != after[key]}
        assert changed == {"CreatedCount", "FavoritesCount", "ImageUseTime"}


async def test_readme_comes_only_with_an_exact_id() -> None:
    async with asking(5) as ask:
        listed = (await ask()).rows
        exact = (await ask(CompShareImageId=listed[0]["CompShareImageId"])).rows
    assert not any("Readme" in row for row in listed)
    assert len(exact) == 1
    assert exact[0]["Readme"]


async def test_an_answer_carries_a_date_and_an_id_of_its_own() -> None:
    async with asking(0) as ask:
        first, second = await ask(), await ask("GetProjectList")
    assert parsedate_to_datetime(first.headers["Date"])
    assert first.headers["X-UCLOUD-REQUEST-UUID"] != second.headers["X-UCLOUD-REQUEST-UUID"]


async def test_a_sub_account_must_name_its_project() -> None:
    async with asking(1) as ask:
        sub = ask.sim.world.add_account("sub", needs_project=True)
        without = await ask.send(signed(sub))
        named = await ask.send(signed(sub, ProjectId=sub.projects[1]))
    assert (without.code, named.code) == (299, 0)


async def test_a_rotated_key_replaces_the_old_one() -> None:
    async with asking(2) as ask:
        fresh = ask.sim.world.rotate_key(ask.account)
        old, new = await ask(), await ask.send(signed(fresh))
    assert (old.code, len(new.rows)) == (172, 2)
    assert fresh.projects == ask.account.projects


async def test_a_removed_region_is_refused_and_no_longer_listed() -> None:
    async with asking(2) as ask:
        ask.sim.world.add_region("cn-sh2")
        ask.sim.world.remove_region(REGION)
        listing, zones = await ask(), await ask("DescribeCompShareSupportZone")
        ask.sim.world.add_region(REGION)
        again = await ask()
    assert listing.code == 230
    assert {zone["Region"] for zone in zones.json["ZoneInfo"]} == {"cn-sh2"}
    assert len(again.rows) == 2


async def test_the_ledger_knows_what_was_asked_how_many_at_once_and_how_fast() -> None:
    async with asking(250) as ask:
        await asyncio.gather(*(ask(Limit=100, Offset=offset) for offset in (0, 100, 200)))
        await ask("GetProjectList")
        log = ask.sim.requests
        await log.reach(4)
        offsets = sorted(
            request.offset or 0 for request in log.select(subject="list", region=REGION, account="lab")
        )
        assert offsets == [0, 100, 200]
        assert log.count(subject="projects", ret_code=0) == 1
        assert 1 <= log.high_water["lab"] <= 3
        assert log.in_flight() == 0
        assert log.busiest_second() == 4
        log.clear()
        assert (len(log), log.total) == (0, 0)


async def test_it_stops_and_comes_back_on_its_port() -> None:
    async with asking(1) as ask:
        await ask()
        await ask.sim.stop()
        with pytest.raises(aiohttp.ClientError):
            await ask()
        await ask.sim.start()
        assert (await ask()).code == 0


async def test_no_key_or_signature_is_in_a_repr() -> None:
    async with asking(1) as ask:
        fields = signed(ask.account)
        await ask.send(fields)
        shown = repr(list(ask.sim.requests)) + repr(ask.account) + repr(ask.sim.gateway.read(fields))
    assert fields["Signature"] not in shown
    assert ask.account.private_key not in shown
