"""The world keeps the truth, shows it page by page, and is the same for the same seed."""

from __future__ import annotations

import itertools
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.simulator import (
    EVERYWHERE,
    Gateway,
    History,
    PageRead,
    UnknownError,
    World,
    lean_fields,
    row_bytes,
)
from syncd.simulator.churn import churn_once
from syncd.simulator.page import Page

REGION = "cn-wlcb"
API_FIELDS = {
    "CompShareImageId", "Name", "Description", "Status", "ImageType", "ImageOwnerAlias", "Owner", "Author", "AuthInfo",
    "Container", "Size", "Price", "Visibility", "CreateTime", "PubTime", "CreatedCount", "FavoritesCount",
    "ImageUseTime", "Tags", "Softwares", "Cover", "GroupId", "VersionName", "VersionDesc", "SourceGpuType",
    "FailedReason", "AutoStart", "ImageCharge", "IsOfficial",
}  # fmt: skip


def _world(images: int = 0, **options: Any) -> World:
    world = World(**{"clock": itertools.count(1).__next__} | options)
    world.add_region(REGION)
    world.add_region("cn-sh2")
    world.add_account("lab")
    world.fill("lab", REGION, images)
    return world


def _ids(body: bytes) -> list[str]:
    return [row["CompShareImageId"] for row in json.loads(body)["ImageSet"]]


def test_the_same_seed_gives_the_same_world_and_another_seed_another() -> None:
    first, same, other = World.sample(), World.sample(), World.sample(seed=2)
    assert first.accounts == same.accounts
    assert first.images("lab", REGION) == same.images("lab", REGION)
    assert first.page("lab", REGION, 100) == same.page("lab", REGION, 100)
    assert first.accounts != other.accounts
    assert not first.shared("lab", REGION) & other.shared("lab", REGION)


def test_the_sample_shows_every_account_its_images_some_in_all_regions() -> None:
    world = World.sample(accounts=2, images=41)
    assert [account.name for account in world.accounts] == ["lab", "team-2"]
    shown = [world.shared("lab", region) for region in world.regions]
    assert [len(ids) for ids in shown] == [41, 41, 41]
    assert len(frozenset.intersection(*shown)) == 20


def test_images_look_like_the_markets() -> None:
    world = _world(200)
    images = list(world.images("lab", REGION).values())
    assert all(image.keys() >= API_FIELDS for image in images)
    assert any(image.keys() - API_FIELDS for image in images), "none has a field that no document names"
    assert sum(any("一" <= letter <= "鿿" for letter in image["Name"]) for image in images) > 100
    size = len(world.page("lab", REGION, 100)) / 100
    assert 700 < size < 1000
    assert {image["Status"] for image in images} > {"Available", "Making"}
    assert len({image["CompShareImageId"] for image in images}) == 200


def test_a_row_survives_its_encoding() -> None:
    fields = {
        "CompShareImageId": "a",
        "Name": '零\x00"\\',
        "CreatedCount": 7,
        "FavoritesCount": 2,
        "New": None,
    }
    stored = row_bytes.encode(fields)
    assert row_bytes.decode(stored) == fields
    assert json.loads(Page([stored], 1).body(b"0012"))["ImageSet"] == [
        {**fields, "CreatedCount": 70012, "FavoritesCount": 20012}
    ]


def test_share_unshare_change_and_remove_are_seen_where_they_were_done() -> None:
    world = _world()
    world.add_account("other")
    image = world.share("lab", [REGION, "cn-sh2"], Name="一", Status="Making")
    world.share("other", REGION, image)
    world.set_status(image, "Available", regions="cn-sh2")
    world.rename(image, "二")

    def seen(account: str, region: str) -> tuple[Any, Any] | None:
        row = world.images(account, region).get(image)
        return row and (row["Name"], row["Status"])

    assert seen("lab", REGION) == ("二", "Making")
    assert seen("lab", "cn-sh2") == ("二", "Available")
    assert seen("other", REGION) == ("二", "Making")
    assert world.unshare("lab", "cn-sh2", image)
    assert not world.unshare("lab", "cn-sh2", image)
    assert (seen("lab", "cn-sh2"), seen("lab", REGION)) == (None, ("二", "Making"))
    world.remove(image)
    assert not any(world.shared(account, region) for account in ("lab", "other") for region in world.regions)
    world.share("lab", EVERYWHERE, image)
    assert seen("lab", "cn-sh2") == ("二", "Making")


def test_blank_takes_everything_from_one_account_or_all() -> None:
    world = _world(5)
    world.add_account("other")
    world.fill("other", REGION, 3)
    assert world.blank(REGION, "other") == 3
    assert len(world.shared("lab", REGION)) == 5
    assert world.blank(EVERYWHERE) == 5


def test_an_account_is_found_by_name_key_or_itself() -> None:
    world = _world()
    account = world.account("lab")
    assert world.account(account.public_key) is account
    world.rotate_key(account)
    assert world.account(account) == world.account("lab") != account


@pytest.mark.parametrize(
    ("deed", "named"),
    [
        (lambda world: world.share("lob", REGION), "lab"),
        (lambda world: world.share("lab", "cn-nowhere"), REGION),
        (lambda world: world.share("lab", REGION, "compshareImage-none"), "compshareImage-none"),
        (lambda world: world.unshare("lab", REGION, "compshareImage-none"), "compshareImage-none"),
        (lambda world: world.remove("compshareImage-none"), "compshareImage-none"),
    ],
)
def test_what_is_not_there_is_named(deed: Any, named: str) -> None:
    with pytest.raises(UnknownError, match=named):
        deed(_world())


@pytest.mark.parametrize("order", ["newest", "oldest", "id"])
def test_pages_in_any_order_are_the_whole_list(order: str) -> None:
    world = _world(25, order=order)
    pages = [_ids(world.page("lab", REGION, 10, offset)) for offset in (0, 10, 20, 30)]
    assert [len(page) for page in pages] == [10, 10, 5, 0]
    ids = [image for page in pages for image in page]
    assert ids == world.share_list("lab", REGION).ids()
    joined = world.share("lab", REGION)
    place = world.share_list("lab", REGION).ids().index(joined)
    assert place == {"newest": 0, "oldest": 25, "id": sorted([*ids, joined]).index(joined)}[order]


def test_the_world_can_change_between_two_pages() -> None:
    world = _world(25)
    victim = world.share_list("lab", REGION).ids()[0]
    seen: list[PageRead] = []
    end = world.on_page(seen.append)
    world.after_pages(1, lambda: world.unshare("lab", REGION, victim))
    first, second = (json.loads(world.page("lab", REGION, 10, offset)) for offset in (0, 10))
    world.page("lab", REGION, image_id=victim)
    end()
    world.page("lab", REGION, 10, 20)
    assert (first["TotalCount"], second["TotalCount"]) == (25, 24)
    assert seen == [PageRead("lab", REGION, 0, 10), PageRead("lab", REGION, 10, 10)]


def test_a_lookup_is_one_row_or_none() -> None:
    world = _world(3)
    image = world.share_list("lab", REGION).ids()[1]
    found = json.loads(world.page("lab", REGION, image_id=image))
    assert (found["TotalCount"], [row["CompShareImageId"] for row in found["ImageSet"]]) == (1, [image])
    gone = json.loads(world.page("lab", "cn-sh2", image_id=image))
    assert (gone["TotalCount"], gone["ImageSet"]) == (0, [])


def test_a_gateway_page_in_memory_is_checked_but_needs_no_signature() -> None:
    gateway = Gateway(_world(3))
    assert len(_ids(gateway.page("lab", REGION).body)) == 3
    assert gateway.page("lab", REGION, 101).ret_code == 230
    assert gateway.page("lab", REGION, project_id="org-none").ret_code == 292


def test_history_says_when_an_image_was_shared_and_when_not() -> None:
    history = History()
    history.shared("a", 10)
    history.unshared("a", 20)
    history.shared("a", 30)
    assert history.intervals("a") == [(10, 20), (30, None)]
    assert [history.was_shared("a", at) for at in (9, 10, 19, 20, 30, 99)] == [
        False,
        True,
        True,
        False,
        True,
        True,
    ]
    assert history.ever_shared("a", 20, 29) is False
    assert history.ever_shared("a", 0, 10) is True
    assert history.ever_absent("a", 10, 19) is False
    assert history.ever_absent("a", 15, 35) is True
    assert history.ever_absent("b", 0, 99) is True
    assert history.ids() == {"a"}


@given(
    st.lists(
        st.tuples(st.sampled_from(["share", "unshare", "blank", "remove"]), st.integers(0, 4)), max_size=30
    )
)
def test_the_history_folds_to_what_is_shared(deeds: list[tuple[str, int]]) -> None:
    clock = itertools.count(1)
    world = _world(5, invent=lean_fields, clock=clock.__next__)
    ids = sorted(world.shared("lab", REGION))
    moments: dict[int, frozenset[str]] = {}
    for deed, number in deeds:
        image = ids[number]
        match deed:
            case "share":
                world.share("lab", REGION, image)
            case "unshare":
                world.unshare("lab", REGION, image)
            case "blank":
                world.blank(REGION)
            case _:
                world.remove(image)
        moments[next(clock)] = world.shared("lab", REGION)
    history = world.history("lab", REGION)
    for at, shared in moments.items():
        assert {image for image in history.ids() if history.was_shared(image, at)} == shared


def test_a_stirred_world_is_the_same_each_time_and_says_what_happened() -> None:
    lines = []
    for _ in range(2):
        world, rng = World.sample(images=3), random.Random(7)
        lines.append([churn_once(world, rng) for _ in range(60)])
    assert lines[0] == lines[1]
    for word in ("shared with", "unshared from", "now ", "renamed"):
        assert any(line.startswith(word) for line in lines[0]), word


def test_a_hundred_thousand_images_page_quickly() -> None:
    world = _world(100_000, invent=lean_fields)
    last = _ids(world.page("lab", REGION, 100, 99_900))
    assert len(last) == 100
    assert json.loads(world.page("lab", REGION, 1))["TotalCount"] == 100_000
