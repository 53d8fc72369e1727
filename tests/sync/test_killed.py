"""A process that is killed in the middle of its syncs, again and again, leaves a history that is the state."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time

from tests.sync.rig import rig_at

KILLS = 4


async def test_the_history_is_the_state_after_every_kill(tmp_path):
    path = tmp_path / "syncd.db"
    async with rig_at(path, regions=("cn-a", "cn-b")) as rig:
        rig.world._clock = time.time
        rng = random.Random(1)
        rig.world.fill("lab", "*", 150)
        change = rig.world.on_page(lambda _: stir(rig, rng))
        for kill in range(KILLS):
            await killed(rig, after=rig.sim.requests.count(subject="list") + 20 + 7 * kill)
            rig.check(settled=False)
        change()
        rig.clock.at = rig.clock.at.fromtimestamp(time.time(), rig.clock.at.tzinfo)
        await rig.restart()
        for _ in range(2):
            await rig.sync("cn-a", "cn-b")
        rig.check(globally=True)
        assert len(rig.events()) > 400


def stir(rig, rng: random.Random) -> None:
    image = rng.choice(rig.world.share_list("lab", "cn-a").ids())
    deed = rng.choice(("share", "remove", "status", "nothing", "nothing"))
    if deed == "share":
        rig.world.share("lab", "*")
    elif deed == "remove":
        rig.world.remove(image)
    elif deed == "status":
        rig.world.set_status(image, rng.choice("ABC"))


async def killed(rig, after: int) -> None:
    """Run a process until it has asked for so many pages, and kill it a moment later."""
    keys = rig.world.account("lab")
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.sync.child",
        str(rig.path),
        rig.sim.url,
        env=os.environ | {"PUBLIC": keys.public_key, "PRIVATE": keys.private_key},
    )
    await rig.sim.requests.reach(after, subject="list")
    await asyncio.sleep(random.Random(after).random() / 50)
    child.send_signal(signal.SIGKILL)
    assert await child.wait() == -signal.SIGKILL
