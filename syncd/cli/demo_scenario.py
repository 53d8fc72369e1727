"""The demo's story: deeds in a pretend cloud, and the events that must follow, and those that must not."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from syncd.simulator import Fault, Simulator, World

ACCOUNT = "lab"
REGIONS = ("cn-wlcb", "cn-sh2", "cn-bj2")

Event = Mapping[str, Any]
Say = Callable[[str], object]


class Receiver:
    """A webhook receiver that hands each event on, once an id."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._arrived = asyncio.Condition()
        self._ids: set[str] = set()

    async def wait_for(self, wanted: Callable[[Event], bool], since: int) -> Event:
        """The first event from number ``since`` on that is wanted."""
        async with self._arrived:
            while True:
                for event in self.events[since:]:
                    if wanted(event):
                        return event
                await self._arrived.wait()

    async def take(self, request: web.Request) -> web.Response:
        event = json.loads(await request.read())
        async with self._arrived:
            if event["id"] not in self._ids:
                self._ids.add(event["id"])
                self.events.append(event)
                self._arrived.notify_all()
        return web.Response(status=204)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve on a free loopback port; the URL."""
        app = web.Application()
        app.router.add_post("/", self.take)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
        finally:
            await runner.cleanup()


@dataclass
class Story:
    world: World
    cloud: Simulator
    receiver: Receiver
    say: Say
    told: int = 0
    """Scenes that came out as they should."""
    interrupted: bool = False
    _shown: int = field(default=0, repr=False)

    @property
    def scenes(self) -> int:
        return len(self._scenes())

    async def tell(self) -> None:
        for scene in self._scenes():
            await scene()
            self.told += 1

    def _scenes(self) -> tuple[Callable[[], Coroutine[Any, Any, None]], ...]:
        return self._baseline, self._share, self._status, self._revoke, self._outage, self._blank

    async def _baseline(self) -> None:
        self.say("A new account: what is shared already is a baseline, not news.")
        await self._expect("sync.baseline")

    async def _share(self) -> None:
        self.say("Somebody shares an image in all three regions: one message, not three.")
        self.image = self.world.share(ACCOUNT, "*", Name="ComfyUI 一键启动 v3", Status="Making")
        await self._expect("image.shared", self.image)

    async def _status(self) -> None:
        self.say("It is finished.")
        self.world.set_status(self.image, "Available")
        await self._expect("image.status_changed", self.image)

    async def _revoke(self) -> None:
        self.say("It is taken away again. The list lacks it, a lookup by its id confirms it.")
        self.world.unshare(ACCOUNT, "*", self.image)
        await self._expect("image.revoked", self.image)

    async def _outage(self) -> None:
        self.say(
            "One region answers HTTP 502 for a while: a failure is said once, and no image is called revoked."
        )
        fault = self.cloud.faults.add(Fault("http_error", status=502, region="cn-sh2"))
        await self._expect("sync.failed")
        fault.remove()
        await self._expect("sync.recovered")

    async def _blank(self) -> None:
        self.say("A region's list goes blank, with success and TotalCount 0: held, not believed.")
        fault = self.cloud.faults.add(Fault("blank", region="cn-bj2"))
        await self._expect("sync.held")
        self.say("It comes back.")
        fault.remove()
        await self._expect("sync.released")

    async def _expect(self, kind: str, image: str | None = None) -> None:
        since = self._shown
        waiting = asyncio.ensure_future(
            self.receiver.wait_for(
                lambda event: event["type"] == kind and event.get("subject") in (image, event.get("subject")),
                since,
            )
        )
        await waiting
        for event in self.receiver.events[since:]:
            self.say(f"    → {describe(event)}")
        self._shown = len(self.receiver.events)


def describe(event: Event) -> str:
    """One line for a terminal."""
    data, kind = event["data"], event["type"]
    if kind.startswith("image."):
        image = data["image"]
        changes = ", ".join(
            f"{change['field']} {change['from']} → {change['to']}" for change in data["changes"]
        )
        who = f" by {image['owner_name']}" if kind == "image.shared" and image["owner_name"] else ""
        return f"{kind}  {image['name']} ({image['image_id']}){who}{'  ' + changes if changes else ''}"
    if kind == "sync.baseline":
        return f"{kind}  watching {data['images']} images in {len(data['regions'])} regions"
    if kind == "sync.failed":
        return f"{kind}  {data['account']} {', '.join(data['regions'])}: {data['message']}"
    if kind == "sync.recovered":
        return f"{kind}  {data['account']}, after {data['duration_seconds']} s"
    if kind == "sync.held":
        return f"{kind}  {data['account']}/{data['region']}: {data['missing']} of {data['live']} missing"
    if kind == "sync.released":
        return f"{kind}  {data['account']}/{data['region']}: {data['reason']}, {data['returned']} came back"
    return str(kind)


@dataclass(frozen=True, slots=True)
class Proof:
    events: int
    live: int
    folded: bool
    """Folding all events from nothing gives exactly the live rows."""
    faithful: bool
    """The live rows are what the cloud shows."""
    revocations: int
    false_revocations: int

    @property
    def sound(self) -> bool:
        return self.folded and not self.false_revocations


def prove(path: Path, world: World) -> Proof:
    """Compare the file with itself and with the pretend cloud's truth."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        live = set(db.execute("SELECT account, region, image_id FROM all_images WHERE revoked_at IS NULL"))
        history = db.execute(
            "SELECT account, region, image_id, type FROM events WHERE image_id IS NOT NULL ORDER BY seq"
        ).fetchall()
    folded: set[tuple[str, ...]] = set()
    for *key, kind in history:
        (folded.discard if kind == "image.revoked" else folded.add)(tuple(key))
    shown = {(ACCOUNT, region, image) for region in REGIONS for image in world.shared(ACCOUNT, region)}
    revoked = [tuple(key) for *key, kind in history if kind == "image.revoked"]
    return Proof(
        len(history),
        len(live),
        folded == live,
        live == shown,
        len(revoked),
        sum(key in shown for key in revoked),
    )
