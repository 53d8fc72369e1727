"""Compares the database of the demo with its own history and with the pretend cloud."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from syncd.cli.demo_scenario import ACCOUNT, REGIONS
from syncd.simulator import World


@dataclass(frozen=True, slots=True)
class DemoCheck:
    events: int
    """Events of images."""
    live: int
    """Rows of images that are not revoked."""
    history_gives_state: bool
    """Folding all events from nothing gives exactly the live rows."""
    matches_cloud: bool
    """The live rows are what the cloud shows."""
    revocations: int
    false_revocations: int
    """Revocations of images that the cloud still shows."""

    @property
    def passed(self) -> bool:
        return self.history_gives_state and not self.false_revocations


def check_demo(path: Path, world: World) -> DemoCheck:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        live = set(db.execute("SELECT account, region, image_id FROM all_images WHERE revoked_at IS NULL"))
        history = db.execute(
            "SELECT account, region, image_id, type FROM events WHERE image_id IS NOT NULL ORDER BY seq"
        ).fetchall()
    folded: set[tuple[str, ...]] = set()
    for *key, event_type in history:
        (folded.discard if event_type == "image.revoked" else folded.add)(tuple(key))
    in_cloud = {(ACCOUNT, region, image) for region in REGIONS for image in world.shared(ACCOUNT, region)}
    revoked = [tuple(key) for *key, event_type in history if event_type == "image.revoked"]
    return DemoCheck(
        events=len(history),
        live=len(live),
        history_gives_state=folded == live,
        matches_cloud=live == in_cloud,
        revocations=len(revoked),
        false_revocations=sum(key in in_cloud for key in revoked),
    )
