"""What happens in the demo: changes in the pretend cloud, and after each the event that must arrive."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from syncd.cli.demo_receiver import DemoReceiver, Event
from syncd.cli.language import translate
from syncd.simulator import Fault, Simulator, World

ACCOUNT = "lab"
REGIONS = ("cn-wlcb", "cn-sh2", "cn-bj2")

Say = Callable[[str], object]
Scene = Callable[[], Coroutine[Any, Any, None]]


class DemoScenario:
    """Plays its scenes in order; a scene is over when its event has arrived."""

    def __init__(self, world: World, cloud: Simulator, receiver: DemoReceiver, say: Say) -> None:
        self.world = world
        self.cloud = cloud
        self.receiver = receiver
        self.say = say
        self.played = 0
        """Scenes that came out as they should."""
        self.interrupted = False
        self._shown = 0
        """How many of the receiver's events were printed."""
        self._image = ""
        """The image that the scenes are about."""
        self._scenes: tuple[Scene, ...] = (
            self._baseline, self._share, self._status, self._revoke, self._outage, self._blank,
        )  # fmt: skip

    @property
    def scene_count(self) -> int:
        return len(self._scenes)

    async def play(self) -> None:
        for scene in self._scenes:
            await scene()
            self.played += 1

    async def _baseline(self) -> None:
        self.say("A new account: what is shared already is a baseline, not news.")
        await self._expect("sync.baseline")

    async def _share(self) -> None:
        self.say("Somebody shares an image in all three regions: one message, not three.")
        self._image = self.world.share(ACCOUNT, "*", Name="ComfyUI 一键启动 v3", Status="Making")
        await self._expect("image.shared", self._image)

    async def _status(self) -> None:
        self.say("It is finished.")
        self.world.set_status(self._image, "Available")
        await self._expect("image.status_changed", self._image)

    async def _revoke(self) -> None:
        self.say("It is taken away again. The list lacks it, a lookup by its id confirms it.")
        self.world.unshare(ACCOUNT, "*", self._image)
        await self._expect("image.revoked", self._image)

    async def _outage(self) -> None:
        self.say(
            "One region answers HTTP 502 for a while: the failure is announced once, and no image is called revoked."
        )
        fault = self.cloud.faults.add(Fault("http_error", status=502, region="cn-sh2"))
        await self._expect("sync.failed")
        fault.remove()
        await self._expect("sync.recovered")

    async def _blank(self) -> None:
        self.say(
            "The list of a region is suddenly empty, with success and TotalCount 0: nothing is called revoked yet."
        )
        fault = self.cloud.faults.add(Fault("blank", region="cn-bj2"))
        await self._expect("sync.held")
        self.say("It comes back.")
        fault.remove()
        await self._expect("sync.released")

    async def _expect(self, event_type: str, image: str | None = None) -> None:
        """Wait for such an event (about ``image``, if one is given), then print all that came since the last one."""

        def is_expected(event: Event) -> bool:
            return event["type"] == event_type and image in (None, event.get("subject"))

        since = self._shown
        await self.receiver.wait_for(is_expected, since)
        for event in self.receiver.events[since:]:
            self.say(f"    → {describe(event)}")
        self._shown = len(self.receiver.events)


def describe(event: Event) -> str:
    """An event as one line for a terminal."""
    data, event_type = event["data"], event["type"]
    if event_type.startswith("image."):
        return f"{event_type}  {_describe_image(event_type, data)}"
    account = data.get("account")
    match event_type:
        case "sync.baseline":
            text = f"watching {data['images']} images in {len(data['regions'])} regions"
        case "sync.failed":
            text = f"{account} {', '.join(data['regions'])}: {data['message']}"
        case "sync.recovered":
            text = f"{account}, after {data['duration_seconds']} s"
        case "sync.held":
            text = f"{account}/{data['region']}: {data['missing']} of {data['live']} missing"
        case "sync.released":
            text = f"{account}/{data['region']}: {data['reason']}, {data['returned']} came back"
        case _:
            return str(event_type)
    return f"{event_type}  {translate(text)}"


def _describe_image(event_type: str, data: Any) -> str:
    image = data["image"]
    changes = ", ".join(
        f"{translate(change['field'])} {change['from']} → {change['to']}" for change in data["changes"]
    )
    owner = (
        translate(f" by {image['owner_name']}")
        if event_type == "image.shared" and image["owner_name"]
        else ""
    )
    return f"{image['name']} ({image['image_id']}){owner}{'  ' + changes if changes else ''}"
