"""One sample event of each type: `syncd sinks test` sends them, and the tests hold the schema to them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from syncd.model import Change, Draft, Image, Softwares, to_text

ACCOUNT = "sample"
REGION = "cn-wlcb"
OTHER_REGION = "cn-sh2"

IMAGE = Image(
    image_id="compshareImage-sample",
    name="pytorch-2.9 训练 (syncd test 测试)",
    status="Available",
    image_type="Custom",
    owner_id="50123",
    owner_name="syncd",
    author="syncd",
    container="True",
    size_mb=40960,
    price_yuan_per_hour=1.5,
    visibility=0,
    group_id="group-sample",
    version_name="v2",
    description="syncd test 测试: nothing was shared or taken away",
    tags=("pytorch", "test"),
    softwares=Softwares("PyTorch", "2.9", "12.8", ("jupyter",)),
    source_gpu_type="4090",
    created_at="2026-11-01T08:00:00.000Z",
    published_at="2026-11-02T08:00:00.000Z",
)


def samples(now: datetime) -> dict[str, Draft]:
    """Type → a sample event, observed at ``now``. It has every type, in the order of `EVENT_TYPES`."""
    return {draft.type: draft for draft in (*_of_images(now), *_of_syncs(now), *_of_sinks(now))}


def _of_images(now: datetime) -> list[Draft]:
    since = to_text(now - timedelta(minutes=2))
    status, name = Change("status", "Making", "Available"), Change("name", "pytorch-2.8", IMAGE.name)
    return [
        _of_image("image.shared", now, reshared=False),
        _of_image("image.revoked", now, missing_since=since, unverified_regions=[OTHER_REGION]),
        _of_image("image.status_changed", now, [status]),
        _of_image("image.updated", now, [name, Change("size_mb", 39000, 40960)]),
    ]


def _of_syncs(now: datetime) -> list[Draft]:
    regions, since = (REGION, OTHER_REGION), to_text(now - timedelta(hours=1))
    trouble = {"class": "unreachable", "regions": list(regions), "since": since}
    held = {
        "missing": 7,
        "live": 10,
        "until": to_text(now + timedelta(hours=1)),
        "image_ids": [IMAGE.image_id],
        "release_command": f"syncd held release --account {ACCOUNT} --region {REGION}",
    }
    message, hint = "a test of syncd: nothing failed", "Nothing to do."
    return [
        _of_account(
            "sync.baseline", now, regions, images=12, regions=[REGION], pending_regions=[OTHER_REGION]
        ),
        _of_account("sync.failed", now, regions, **trouble, message=message, hint=hint, reminder=False),
        _of_account("sync.recovered", now, regions, **trouble, duration_seconds=3600),
        _of_target("sync.held", now, **held),
        _of_target("sync.released", now, reason="returned", returned=7, revoked=0),
    ]


def _of_sinks(now: datetime) -> list[Draft]:
    since = to_text(now - timedelta(hours=1))
    message = "a test of syncd: nothing failed"
    failed = {"sink": "sample", "reason": "backing_off", "since": since, "message": message}
    recovered = {"sink": "sample", "reason": "backing_off", "since": since, "duration_seconds": 3600}
    return [
        Draft("sink.failed", now, failed, sink="sample"),
        Draft("sink.recovered", now, recovered, sink="sample"),
    ]


def _of_image(type_: str, now: datetime, changes: list[Change] | None = None, **extra: Any) -> Draft:
    data: Mapping[str, Any] = {
        "account": ACCOUNT,
        "region": REGION,
        "scope": "account",
        "baseline": False,
        "observed_after": to_text(now - timedelta(minutes=1)),
        "image": IMAGE,
        "previous": {change.field: change.before for change in changes} if changes else None,
        "changes": changes or [],
        **extra,
    }
    names = (IMAGE.name,) if IMAGE.name else ()
    return Draft(type_, now, data, ACCOUNT, REGION, IMAGE.image_id, "account", names=names)


def _of_account(type_: str, now: datetime, about: tuple[str, ...], **data: Any) -> Draft:
    data = {"account": ACCOUNT, "region": None, "baseline": False, **data}
    return Draft(type_, now, data, ACCOUNT, regions=about)


def _of_target(type_: str, now: datetime, **data: Any) -> Draft:
    data = {"account": ACCOUNT, "region": REGION, "baseline": False, **data}
    return Draft(type_, now, data, ACCOUNT, REGION)
