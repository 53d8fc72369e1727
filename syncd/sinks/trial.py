"""Events for trying a template: every type, once full of awkward text and once as empty as it can be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncd.model import EVENT_TYPES, Image, Softwares

AWKWARD = 'says "no" \\ to\n<b>&</b> {{ 训练 }}'
"""What a name may hold, and a body without ``tojson`` cannot."""

_TIME = "2026-11-24T02:41:59.123Z"
_EARLIER = "2026-11-24T02:40:58.004Z"
_FULL = Image(
    image_id="compshareImage-1",
    name=AWKWARD,
    status="Available",
    image_type="Custom",
    owner_id="50123",
    owner_name=AWKWARD,
    author=AWKWARD,
    container="True",
    size_mb=40960,
    price_yuan_per_hour=1.5,
    visibility=0,
    group_id="group-1",
    version_name="v2",
    description=AWKWARD,
    tags=("a", AWKWARD),
    softwares=Softwares("PyTorch", "2.4", "12.4", ("vim",)),
    source_gpu_type="4090",
    failed_reason=AWKWARD,
    created_at=_EARLIER,
    published_at=_EARLIER,
)
_REGIONS = ["cn-wlcb", "cn-sh2"]
_SYNC: Mapping[str, Mapping[str, Any]] = {
    "sync.baseline": {"region": None, "images": 12, "regions": _REGIONS, "pending_regions": []},
    "sync.failed": {
        "region": None, "class": "auth", "regions": _REGIONS, "since": _EARLIER, "message": AWKWARD, "hint": AWKWARD,
        "reminder": False,
    },
    "sync.recovered": {
        "region": None, "class": "auth", "regions": _REGIONS, "since": _EARLIER, "duration_seconds": 61,
    },
    "sync.held": {"region": "cn-wlcb", "missing": 7, "live": 10, "until": _TIME, "image_ids": ["compshareImage-1"]},
    "sync.released": {"region": "cn-wlcb", "reason": "returned", "returned": 6, "revoked": 1},
}  # fmt: skip
_SINK: Mapping[str, Mapping[str, Any]] = {
    "sink.failed": {"sink": "ops", "reason": "backing_off", "since": _EARLIER, "message": AWKWARD},
    "sink.recovered": {"sink": "ops", "since": _EARLIER, "duration_seconds": 61},
}


def trials(type_: str) -> list[dict[str, Any]]:
    """Events of one of EVENT_TYPES, decoded as templates get them."""
    if type_ in _SINK:
        return [_event(type_, dict(_SINK[type_]))]
    if type_ in _SYNC:
        return [_event(type_, {"account": "lab", "baseline": False, **_SYNC[type_]})]
    return [_event(type_, _of_image(type_, image)) for image in (_FULL, Image(image_id="compshareImage-1"))]


def _of_image(type_: str, image: Image) -> dict[str, Any]:
    field, after = ("status", image.status) if type_ == "image.status_changed" else ("name", image.name)
    changed = type_ in ("image.status_changed", "image.updated")
    data: dict[str, Any] = {
        "account": "lab",
        "region": "cn-wlcb",
        "scope": "account",
        "baseline": False,
        "observed_after": _EARLIER if image is _FULL else None,
        "image": _plain(image),
        "previous": {field: None} if changed else None,
        "changes": [{"field": field, "from": None, "to": after}] if changed else [],
    }
    if type_ == "image.shared":
        data["reshared"] = False
    if type_ == "image.revoked":
        data |= {"missing_since": _EARLIER, "unverified_regions": _REGIONS[1:] if image is _FULL else []}
    return data


def _plain(image: Image) -> dict[str, Any]:
    softwares = image.softwares
    plain = {field: getattr(image, field) for field in image.__struct_fields__}
    parts = softwares and {field: getattr(softwares, field) for field in softwares.__struct_fields__}
    return {**plain, "tags": list(image.tags), "softwares": parts}


def _event(type_: str, data: dict[str, Any]) -> dict[str, Any]:
    assert type_ in EVENT_TYPES
    source = ":".join(filter(None, ("urn:syncd", data.get("account"), data.get("region"))))
    image = data.get("image")
    return {
        "specversion": "1.0",
        "id": "01JD0000000000000000000000",
        "source": source,
        "type": type_,
        **({"subject": image["image_id"]} if image else {}),
        "time": _TIME,
        "timestamp": _TIME,
        "sequence": "00000000000000000042",
        "datacontenttype": "application/json",
        "data": data,
    }
