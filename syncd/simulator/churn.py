"""Makes things happen by themselves: images are shared, taken away, renamed and finished."""

from __future__ import annotations

import random

from syncd.simulator.world import World

STEPS = {"Making": "Available", "Reviewing": "Available", "Available": "Offline", "Offline": "Available"}


def churn_once(world: World, rng: random.Random) -> str:
    """Let one thing happen to one account in one region; returns a line that says what happened."""
    account, region = rng.choice(world.accounts).name, rng.choice(world.regions)
    ids = world.share_list(account, region).ids()
    deed = rng.choice(("share", "share", "unshare", "status", "status", "rename")) if ids else "share"
    if deed == "share":
        return f"shared with {account} in {region}: {world.share(account, region, Status='Making')}"
    image = rng.choice(ids)
    fields = world.images(account, region)[image]
    if deed == "unshare":
        world.unshare(account, region, image)
        return f"unshared from {account} in {region}: {image}"
    if deed == "status":
        status = STEPS.get(fields["Status"], "Available")
        world.set_status(image, status)
        return f"now {status}: {image}"
    world.rename(image, f"{str(fields['Name']).removesuffix(' (new)')} (new)")
    return f"renamed: {image}"
