"""A message names all regions of the account, though its sink gets one event of scope account for all of them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from syncd.delivery.dispatcher import Dispatcher
from syncd.model import Route, SinkFilter
from syncd.sinks.sink import Delivered, Item, SendResult
from syncd.sync.settings import Settings
from tests.delivery.harness import FakeSink
from tests.sync.rig import REGIONS, Rig, rig_at

Regions = Mapping[str, set[str]]
"""Event type → the regions that the message names."""


class Reader(FakeSink):
    """Remembers which regions the events it gets are said to be about."""

    def __init__(self, group_wait: float = 10) -> None:
        super().__init__("chat", group_wait=group_wait)
        self.told: dict[str, set[str]] = {}

    async def send(self, items: Sequence[Item], away_since: datetime | None = None) -> SendResult:
        for item in items:
            event = json.loads(item.body)
            assert event["type"] not in self.told, "one message for each thing"
            self.told[event["type"]] = {event["data"]["region"], *item.other_regions}
        return Delivered()


async def in_world(
    path: Path, story: Callable[[Rig, Callable[[], Awaitable[Regions]]], Awaitable[None]], **wants: str
) -> None:
    """``story`` gets a rig of three regions, and what the chat was told since it last asked."""
    route = Route("chat", SinkFilter(events=("image.*",), **wants))  # type: ignore[arg-type]  # a scope
    async with rig_at(path, regions=REGIONS, settings=Settings(routes=(route,))) as rig:
        for region in REGIONS:
            rig.world.fill("lab", region, 3)

        async def told() -> Regions:
            chat = Reader()
            dispatcher = Dispatcher(rig.db, [chat], routes=[route], clock=rig.clock)
            await dispatcher.reconcile()
            await dispatcher.drain(timedelta(seconds=20))
            return chat.told

        await rig.settle()
        await told()
        await story(rig, told)


async def test_each_thing_names_every_region_of_the_round(tmp_path: Path) -> None:
    async def story(rig: Rig, told: Callable[[], Awaitable[Regions]]) -> None:
        image = rig.world.share("lab", "*", Status="Available", Name="global")
        await rig.sync(*REGIONS)
        assert await told() == {"image.shared": set(REGIONS)}
        rig.world.set_status(image, "Offline")
        await rig.sync(*reversed(REGIONS))
        assert await told() == {"image.status_changed": set(REGIONS)}
        rig.world.rename(image, "new")
        await rig.sync(*REGIONS)
        assert await told() == {"image.updated": set(REGIONS)}
        rig.world.remove(image)
        await rig.sync(*REGIONS)
        assert await told() == {"image.revoked": set(REGIONS)}

    await in_world(tmp_path / "syncd.db", story)


async def test_a_region_that_does_not_show_it_yet_is_not_named(tmp_path: Path) -> None:
    async def story(rig: Rig, told: Callable[[], Awaitable[Regions]]) -> None:
        image = rig.world.share("lab", "*", Status="Available")
        await rig.sync("cn-a", "cn-b")
        assert await told() == {"image.shared": {"cn-a", "cn-b"}}
        await rig.sync("cn-c")
        assert await told() == {}
        rig.world.set_status(image, "Offline")
        await rig.sync("cn-b", "cn-c")
        assert await told() == {"image.status_changed": {"cn-b", "cn-c"}}

    await in_world(tmp_path / "syncd.db", story)


async def test_what_a_region_lost_in_an_earlier_time_is_not_named_again(tmp_path: Path) -> None:
    async def story(rig: Rig, told: Callable[[], Awaitable[Regions]]) -> None:
        image = rig.world.share("lab", "cn-b", Status="Available")
        await rig.sync(*REGIONS)
        rig.world.remove(image)
        await rig.sync(*REGIONS)
        await told()
        rig.advance(hours=1)
        rig.world.share("lab", "cn-a", image)
        await rig.sync(*REGIONS)
        assert await told() == {"image.shared": {"cn-a"}}
        rig.world.remove(image)
        await rig.sync(*REGIONS)
        assert await told() == {"image.revoked": {"cn-a"}}

    await in_world(tmp_path / "syncd.db", story)
