"""Chat robots: what their answers mean, and how fast they are sent to."""

from __future__ import annotations

from datetime import timedelta

import pytest
from aiohttp import web

from syncd.sinks.sink import Delivered, MessageTrouble, ReceiverTrouble
from tests.sinks.receiver import (
    StoppedClock,
    in_turn,
    receiving,
    saying,
)
from tests.sinks.samples import NOW, of_image
from tests.sinks.webhooks import OK, result_of, robot, sink_for


@pytest.mark.parametrize("name", ["feishu", "lark", "dingtalk", "wecom"])
async def test_a_robots_marker_may_be_a_number_or_a_text(name):
    for code in (0, "0"):
        assert await result_of(saying(200, robot(name, code)), format=name) == Delivered()


@pytest.mark.parametrize("name", ["feishu", "lark", "dingtalk", "wecom", "slack"])
@pytest.mark.parametrize(
    "body",
    ["", "{}", "[]", "null", "0", "<html>ok</html>", '{"code":null,"errcode":null}', '{"code":true,"errcode":false}',
     '{"code":"","errcode":"","status":""}', '{"status":0}', '{"code": 0', "okay", "\xff", "[" * 10000],
)  # fmt: skip
async def test_http_200_without_the_marker_is_the_receivers_trouble(name, body):
    assert isinstance(await result_of(saying(200, body), format=name), ReceiverTrouble)


@pytest.mark.parametrize(
    ("name", "code", "kind", "wait"),
    [
        ("feishu", 11232, ReceiverTrouble, timedelta(minutes=1)),
        ("feishu", 19021, ReceiverTrouble, None),
        ("feishu", "19022", ReceiverTrouble, None),
        ("lark", 19024, ReceiverTrouble, None),
        ("feishu", 31337, ReceiverTrouble, None),
        ("dingtalk", 130101, ReceiverTrouble, timedelta(minutes=10)),
        ("dingtalk", 310000, ReceiverTrouble, None),
        ("dingtalk", "460101", MessageTrouble, None),
        ("dingtalk", 430102, MessageTrouble, None),
        ("dingtalk", 31337, ReceiverTrouble, None),
        ("wecom", 45009, ReceiverTrouble, timedelta(minutes=1)),
        ("wecom", 40058, MessageTrouble, None),
        ("wecom", 93000, ReceiverTrouble, None),
        ("wecom", -1, ReceiverTrouble, None),
    ],
)
@pytest.mark.parametrize("status", [200, 400])
async def test_a_robots_codes_say_whose_trouble_it_is(status, name, code, kind, wait):
    result = await result_of(saying(status, robot(name, code)), format=name)
    assert type(result) is kind
    assert result.reason == f"code {code}: said"
    assert getattr(result, "retry_after", None) == wait


async def test_a_dingtalk_robot_that_is_shut_is_left_alone_for_ten_minutes():
    result = await result_of(
        saying(200, '{"status":1111,"punish":"you have been punished","wait":500}'), format="dingtalk"
    )
    assert result == ReceiverTrouble("code 1111: you have been punished", retry_after=timedelta(minutes=10))


@pytest.mark.parametrize("name", ["feishu", "dingtalk", "wecom", "slack"])
async def test_a_robots_http_statuses_count_where_its_body_says_nothing(name):
    result = await result_of(saying(429, Retry_After="30"), format=name)
    assert isinstance(result, ReceiverTrouble)
    assert result.retry_after == timedelta(seconds=30)
    assert isinstance(await result_of(saying(500, OK[name]), format=name), ReceiverTrouble)


async def test_slack_names_its_errors_in_plain_text():
    assert await result_of(saying(400, "invalid_payload"), format="slack") == MessageTrouble(
        "HTTP 400: invalid_payload"
    )
    result = await result_of(saying(404, "no_service"), format="slack")
    assert isinstance(result, ReceiverTrouble)
    assert result.reason.endswith(": no_service")


async def test_feishus_bad_request_is_the_messages_trouble_the_third_time_in_a_row():
    bad, good = saying(400, robot("feishu", 9499)), saying(200, robot("feishu", 0))
    async with receiving(in_turn(bad, bad, good, bad, bad, bad)) as receiver:
        sink = sink_for(receiver.url, format="feishu")
        result = [type(await sink.send([of_image()])) for _ in range(6)]
        await sink.aclose()
    assert result == [
        ReceiverTrouble,
        ReceiverTrouble,
        Delivered,
        ReceiverTrouble,
        ReceiverTrouble,
        MessageTrouble,
    ]


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("feishu", [(5, 1), (100, 60)]),
        ("lark", [(5, 1), (100, 60)]),
        ("dingtalk", [(20, 60)]),
        ("wecom", [(20, 60)]),
        ("slack", [(1, 1)]),
        ("standard", []),
    ],
)
async def test_messages_stay_below_the_receivers_rate(name, limits):
    clock, times = StoppedClock(), []

    async def answer(_request: web.Request) -> web.Response:
        times.append(clock.monotonic())
        return web.Response(text=OK.get("feishu" if name == "lark" else name, ""))

    async with receiving(answer) as receiver:
        sink = sink_for(receiver.url, clock, format=name)
        for n in range(120):
            assert await sink.send([of_image(n)]) == Delivered()
        await sink.aclose()
    for count, seconds in limits:
        assert all(late - early > seconds for early, late in zip(times, times[count:], strict=False))
    assert len(times) == 120
    assert bool(clock.slept) == bool(limits)


@pytest.mark.parametrize(
    ("minute", "second", "wait"), [(0, 0, 10.0), (30, 4, 6.0), (0, 10, 0.0), (29, 59, 0.0), (15, 0, 0.0)]
)
@pytest.mark.parametrize("name", ["feishu", "dingtalk"])
async def test_feishu_is_left_alone_at_the_full_and_half_hour(name, minute, second, wait):
    clock = StoppedClock(NOW.replace(minute=minute, second=second))
    async with receiving(saying(200, OK[name])) as receiver:
        sink = sink_for(receiver.url, clock, format=name)
        assert await sink.send([of_image()]) == Delivered()
        await sink.aclose()
    assert sum(clock.slept) == (wait if name == "feishu" else 0)
