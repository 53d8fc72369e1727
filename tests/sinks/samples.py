"""Events of every type as the store writes them, with defaults; and what formats are tried with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from syncd.model import Draft, from_text
from syncd.sinks.sink import Item
from syncd.store.envelope import body
from syncd.sync.alerts import ADVICE

NOW = datetime(2026, 11, 24, 2, 42, 30, tzinfo=UTC)
ZONE = timezone(timedelta(hours=8))
TIME = "2026-11-24T02:41:59.123Z"
EARLIER = "2026-11-24T02:40:58.004Z"

IMAGE: Mapping[str, Any] = {
    "image_id": "compshareImage-1minbz219ceq",
    "name": "训练 pytorch-2.4",
    "status": "Available",
    "image_type": "App",
    "owner_id": "50123",
    "owner_name": "张老师",
    "author": "zhang",
    "container": "True",
    "size_mb": 40960,
    "price_yuan_per_hour": 1.5,
    "visibility": 0,
    "group_id": "group-1",
    "version_name": "v2",
    "description": "CUDA 12.4, ready to train",
    "tags": ["pytorch", "训练"],
    "softwares": {"framework": "PyTorch", "framework_version": "2.4", "cuda_version": "12.4"},
    "source_gpu_type": "4090",
    "failed_reason": None,
    "created_at": "2026-11-01T00:00:00.000Z",
    "published_at": None,
}


def item(seq: int, type_: str, data: Mapping[str, Any], time: str = TIME) -> Item:
    image = data.get("image")
    draft = Draft(
        type_, from_text(time), data, data.get("account"), data.get("region"), image and image["image_id"]
    )
    event_id = f"019aaaaa-0000-7000-8000-{seq:012d}"
    return Item(seq, event_id, body(seq, event_id, draft))


def of_image(
    seq: int = 1,
    type_: str = "image.shared",
    *,
    account: str = "lab",
    region: str = "cn-wlcb",
    image: Mapping[str, Any] | None = None,
    time: str = TIME,
    **extra: Any,
) -> Item:
    """An image event; ``image`` overrides fields of `IMAGE`."""
    if type_ == "image.shared":
        extra = {"reshared": False, **extra}
    if type_ == "image.revoked":
        extra = {"missing_since": EARLIER, "unverified_regions": [], **extra}
    data = {
        "account": account,
        "region": region,
        "scope": "account",
        "baseline": False,
        "observed_after": EARLIER,
        "image": {**IMAGE, **(image or {})},
        "previous": None,
        "changes": [],
        **extra,
    }
    return item(seq, type_, data, time)


def status_changed(seq: int = 1, before: str = "Making", after: str = "Available", **extra: Any) -> Item:
    image = {**extra.pop("image", {}), "status": after}
    changes = [{"field": "status", "from": before, "to": after}]
    return of_image(
        seq, "image.status_changed", image=image, previous={"status": before}, changes=changes, **extra
    )


def updated(seq: int = 1, **extra: Any) -> Item:
    changes = [
        {"field": "name", "from": "训练 pytorch-2.3", "to": "训练 pytorch-2.4"},
        {"field": "size_mb", "from": 39000, "to": 40960},
        {"field": "price_yuan_per_hour", "from": None, "to": 1.5},
        {"field": "tags", "from": ["pytorch"], "to": ["pytorch", "训练"]},
        {"field": "softwares", "from": None, "to": IMAGE["softwares"]},
    ]
    previous = {change["field"]: change["from"] for change in changes}
    return of_image(seq, "image.updated", previous=previous, changes=changes, **extra)


def of_account(seq: int, type_: str, **data: Any) -> Item:
    return item(seq, type_, {"account": "lab", "region": None, "baseline": False, **data})


def of_target(seq: int, type_: str, **data: Any) -> Item:
    return item(seq, type_, {"account": "lab", "region": "cn-wlcb", "baseline": False, **data})


def each_type() -> dict[str, Item]:
    """One event of every type."""
    since = "2026-11-23T22:10:00.000Z"
    failing: dict[str, Any] = {"class": "auth", "regions": ["cn-wlcb", "cn-sh2"], "since": since}
    return {
        "image.shared": of_image(1),
        "image.revoked": of_image(
            2, "image.revoked", missing_since=EARLIER, unverified_regions=["cn-sh2", "cn-bj2"]
        ),
        "image.status_changed": status_changed(3),
        "image.updated": updated(4),
        "sync.baseline": of_account(
            5,
            "sync.baseline",
            images=12,
            regions=["cn-wlcb", "cn-sh2", "cn-gd"],
            pending_regions=["cn-bj2"],
        ),
        "sync.failed": of_account(
            6,
            "sync.failed",
            **failing,
            message="DescribeCompShareSharingImages in cn-wlcb: RetCode 171: Signature VerifyAC Error",
            hint=ADVICE["auth"],
            reminder=False,
        ),
        "sync.recovered": of_account(7, "sync.recovered", **failing, duration_seconds=16319),
        "sync.held": of_target(
            8,
            "sync.held",
            missing=7,
            live=10,
            until="2026-11-24T03:41:59.123Z",
            image_ids=["compshareImage-1", "compshareImage-2"],
            release_command="syncd held release --account lab --region cn-wlcb",
        ),
        "sync.released": of_target(9, "sync.released", reason="returned", returned=6, revoked=1),
        "sink.failed": item(
            10, "sink.failed", {"sink": "ops", "reason": "backing_off", "since": since, "message": "HTTP 503"}
        ),
        "sink.recovered": item(
            11,
            "sink.recovered",
            {"sink": "ops", "reason": "backing_off", "since": since, "duration_seconds": 16319},
        ),
    }


def digest() -> list[Item]:
    """A busy moment: one image in three accounts and regions, one that came and went, one that failed, and trouble."""
    everywhere = [
        of_image(n, account=account, region=region)
        for n, (account, region) in enumerate(
            [("lab", "cn-wlcb"), ("alice", "cn-sh2"), ("bob", "cn-bj2"), ("lab", "cn-sh2")], start=1
        )
    ]
    other = {"image_id": "compshareImage-2", "name": "*bold* [link](http://evil) <at id=all></at> & @all"}
    broken = {"image_id": "compshareImage-3", "name": None, "failed_reason": "disk full"}
    return [
        *everywhere,
        of_image(5, image=other, reshared=True),
        of_image(6, "image.revoked", image=other, time="2026-11-24T02:42:10.000Z"),
        status_changed(7, "Making", "UnAvailable", image=broken),
        each_type()["sync.failed"],
    ]
