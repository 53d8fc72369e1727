"""What messages to people say: cards, digests, and what one message leaves for the next."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

import pytest

from syncd.model import DIGESTED
from syncd.sinks.format import Attempt, Options
from syncd.sinks.formats import find, names
from syncd.sinks.sink import Item
from tests.sinks.samples import NOW, ZONE, item, of_image, status_changed

CHAT = [name for name in names() if find(name).chat]
OTHER = {"image_id": "compshareImage-2", "name": "other"}


def text_of(items: Sequence[Item], language: str = "en") -> str:
    request = find("wecom").render(items, Options(zone=ZONE, language=language), Attempt(NOW))
    return json.loads(request.body)["markdown"]["content"]


def test_one_image_shared_with_many_is_one_entry():
    items = [
        of_image(n, account=account, region=region)
        for n, (account, region) in enumerate([("lab", "a"), ("alice", "b"), ("bob", "c")])
    ]
    text = text_of(items)
    assert "Shared with lab (a), alice (b), bob (c)" in text
    assert "Shared by: 张老师 (ID 50123)" in text
    assert text.startswith("**Image shared: 训练 pytorch-2.4**")
    assert text.splitlines().count("compshareImage-1minbz219ceq") == 1, "alone on a line, to be copied"
    assert text.count("训练 pytorch-2.4") == 1


def test_accounts_with_the_same_regions_stand_together():
    both = ("cn-sh2",)
    items = [
        of_image(1, account="lab", region="cn-bj2")._replace(other_regions=both),
        of_image(2, account="alice", region="cn-sh2"),
        of_image(3, account="bob", region="cn-sh2")._replace(other_regions=("cn-bj2",)),
    ]
    assert "Shared with lab, bob (cn-bj2, cn-sh2), alice (cn-sh2)" in text_of(items)
    assert "共享给 lab、bob（cn-bj2、cn-sh2）、alice（cn-sh2）" in text_of(items, "zh")


def test_all_regions_are_named_though_a_sink_gets_one_event_of_an_account():
    shared = of_image(region="cn-bj2")._replace(other_regions=("cn-sh2", "cn-wlcb"))
    revoked = of_image(2, "image.revoked", region="cn-wlcb")._replace(other_regions=("cn-sh2",))
    assert "共享给 lab（cn-bj2、cn-sh2、cn-wlcb）" in text_of([shared], "zh")
    assert "已取消共享：lab（cn-wlcb、cn-sh2）" in text_of([revoked], "zh")
    many = shared._replace(other_regions=tuple(f"region-{n}" for n in range(8)))
    assert "Shared with lab (9 regions)" in text_of([many])


def test_a_card_says_what_somebody_asks_who_wants_to_use_the_image():
    image = {
        "image_type": "Custom",
        "description": "\n \n预装 vLLM\n第二行",
        "softwares": {"framework": "PyTorch", "framework_version": "2.9", "cuda_version": "12.8"},
    }
    lines = text_of([of_image(image=image)], "zh").splitlines()
    assert "镜像：自制 · 40 GB · 制作机型 4090 · 镜像价格 1.5 元/小时" in lines
    assert "环境：PyTorch 2.9 · CUDA 12.8" in lines
    assert "描述：预装 vLLM" in lines
    assert "状态：可用" in lines
    assert lines[-1] == "[打开控制台](https://console.compshare.cn/)"


def test_an_image_of_price_zero_is_free():
    assert "镜像免费" in text_of([of_image(image={"price_yuan_per_hour": 0})], "zh")
    assert "image is free" in text_of([of_image(image={"price_yuan_per_hour": 0})])
    assert "免费" not in text_of([of_image(image={"price_yuan_per_hour": None})], "zh")


def test_every_changed_field_is_told_from_what_to_what():
    changes = [{"field": name, "from": f"{name}-1", "to": f"{name}-2"} for name in DIGESTED]
    text = text_of([of_image(1, "image.updated", changes=changes)])
    for name in DIGESTED:
        assert f"{name}-1 → {name}-2" in text


def test_held_images_of_several_regions_bring_one_command_each():
    held = [
        item(n, "sync.held", {"account": account, "region": region, "missing": 7, "live": 10})
        for n, (account, region) in enumerate([("lab", "cn-bj2"), ("lab", "cn-sh2"), ("bob", "a b; x")])
    ]
    commands = [line for line in text_of(held, "zh").splitlines() if line.startswith("syncd")]
    assert commands == [
        "syncd held release --account lab --region cn-bj2",
        "syncd held release --account lab --region cn-sh2",
        "syncd held release --account bob --region 'a b; x'",
    ]


def test_what_an_account_saw_stays_in_order():
    items = [
        of_image(1),
        of_image(2, "image.revoked"),
        of_image(3, reshared=True),
        of_image(4, "image.revoked"),
    ]
    lines = [line.split()[0:3] for line in text_of(items).splitlines() if " with " in line]
    assert lines == [
        ["Shared", "with", "lab"],
        ["No", "longer", "shared"],
        ["Shared", "again", "with"],
        ["No", "longer", "shared"],
    ]


def test_the_headline_counts_images_by_what_happened():
    shared = [of_image(n, image={"image_id": f"i-{n}"}) for n in range(7)]
    revoked = [of_image(n, "image.revoked", image={"image_id": f"i-{n}"}) for n in (8, 9)]
    assert text_of([*shared, *revoked]).startswith("**7 images shared, 2 revoked**")
    assert text_of([*shared, *revoked], "zh").startswith("**新共享镜像 7 个，取消共享 2 个**")


@pytest.mark.parametrize("name", CHAT)
def test_what_does_not_fit_is_left_for_the_next_message(name):
    waiting = [of_image(n, image={"image_id": f"image-{n:03d}", "name": "训练" * 20}) for n in range(100)]
    messages = 0
    while waiting:
        request = find(name).render(waiting, Options(zone=ZONE), Attempt(NOW))
        body, messages = request.body.decode(), messages + 1
        left = [event for event in waiting if event.seq in request.left]
        shown = [event for event in waiting if event.seq not in request.left]
        assert 5 < len(shown) <= 30 or not left
        for event in waiting:
            assert (f"image-{event.seq:03d}" in body) == (event in shown)
        assert (f"{len(left)} more in the next message" in body) == bool(left)
        waiting = left
    assert messages >= 4


def test_an_image_among_others_has_one_line():
    lines = [line for line in text_of([of_image(1), of_image(2, image=OTHER)]).splitlines() if line]
    assert len(lines) == 4, "headline, two images, the console"
    assert lines[1] == (
        "**训练 pytorch-2.4** · Shared with lab (cn-wlcb) · Shared by: 张老师 · Available · made on 4090"
        " · image price ¥1.5/h · compshareImage-1minbz219ceq"
    )


def test_of_an_image_that_flaps_each_message_tells_what_the_last_one_left():
    pairs = [("Making", "Available"), ("Available", "Offline")] * 20
    waiting = [status_changed(n, *pair) for n, pair in enumerate([*pairs, ("Offline", "Reviewing")])]
    told: list[str] = []
    while waiting:
        request = find("wecom").render(waiting, Options(zone=ZONE), Attempt(NOW))
        text = json.loads(request.body)["markdown"]["content"]
        told += [line for line in text.splitlines() if line.startswith("Status")]
        waiting = [event for event in waiting if event.seq in request.left]
    assert told[-1] == "Status: Offline → Reviewing, for lab (cn-wlcb)"
    assert told[:2] == [
        "Status: Making → Available, for lab (cn-wlcb)",
        "Status: Available → Offline, for lab (cn-wlcb)",
    ]


def test_an_event_is_not_told_before_an_earlier_one_of_the_same_account_that_is_left():
    of_lab = [status_changed(n, f"status-{n}", f"status-{n + 1}") for n in range(6)]
    left = status_changed(6, "other", "status-5", account="bob")
    like_the_last_of_lab = status_changed(7, "status-5", "status-6", account="bob")
    request = find("wecom").render([*of_lab, left, like_the_last_of_lab], Options(), Attempt(NOW))
    assert request.left == {6, 7}


def test_dingtalk_knows_a_part_by_what_it_shows_and_not_by_what_waits_behind_it():
    items = [of_image(n, image={"image_id": f"image-{n:03d}"}) for n in range(200)]
    few, many = (
        find("dingtalk").render(items[:count], Options(zone=ZONE), Attempt(NOW)) for count in (100, 200)
    )
    assert json.loads(few.body)["msgUuid"] == json.loads(many.body)["msgUuid"]


@pytest.mark.parametrize("one_image", [True, False])
def test_five_thousand_events_are_told_without_holding_up_the_process(one_image):
    items = [
        status_changed(n, "Making", f"status-{n % 7}", image={"image_id": "i" if one_image else f"i-{n}"})
        for n in range(5000)
    ]
    start = time.process_time()
    text_of(items)
    assert time.process_time() - start < 1.5


def test_what_existed_at_the_baseline_is_not_called_new():
    assert "Already shared with lab" in text_of([of_image(baseline=True)])
    assert "此前已共享给 lab" in text_of([of_image(baseline=True)], "zh")


def test_the_reason_of_a_failure_is_told_with_the_status():
    assert "Reason: disk full" in text_of(
        [status_changed(after="UnAvailable", image={"failed_reason": "disk full"})]
    )
