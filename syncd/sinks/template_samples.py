"""Events to try a template with: of every type, one with awkward text in it and one that is as empty as possible."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec

from syncd.model import Change, Draft, Image
from syncd.sinks.samples import samples
from syncd.store.envelope import body, new_id

AWKWARD = 'says "no" \\ to\n<b>&</b> {{ 训练 }}'
"""Text that a name may hold, and that breaks a JSON body which does not use ``tojson``."""

_NOW = datetime(2026, 11, 24, 2, 41, 59, 123000, tzinfo=UTC)
_TEXTS = ("name", "owner_name", "author", "version_name", "description", "failed_reason")
"""The fields of an image whose text strangers write."""


def template_samples(type_: str) -> list[dict[str, Any]]:
    """Events of one of EVENT_TYPES, decoded as a template gets them."""
    draft = samples(_NOW)[type_]
    drafts = [_awkward(draft), _empty(draft)] if draft.image_id else [_awkward(draft)]
    return [json.loads(body(42, new_id(_NOW), draft)) for draft in drafts]


def _awkward(draft: Draft) -> Draft:
    data: dict[str, Any] = {**draft.data}
    data |= {name: AWKWARD for name in ("message", "hint") if name in data}
    if draft.image_id:
        data["image"] = msgspec.structs.replace(data["image"], **dict.fromkeys(_TEXTS, AWKWARD))
    return msgspec.structs.replace(draft, data=data)


def _empty(draft: Draft) -> Draft:
    """An image of which only the id is known, and not what it was before."""
    changes = [Change(change.field, None, None) for change in draft.data["changes"]]
    data = {
        **draft.data,
        "observed_after": None,
        "image": Image(image_id=draft.image_id or ""),
        "previous": {change.field: None for change in changes} if changes else None,
        "changes": changes,
    }
    if "unverified_regions" in data:
        data["unverified_regions"] = []
    return msgspec.structs.replace(draft, data=data)
