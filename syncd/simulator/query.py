"""A request as the gateway reads it: its parameters, and what they ask for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from syncd.simulator.accounts import Account

Subject = Literal["list", "lookup", "zones", "projects", "other"]
"""What a request is about: a page of a list, one id, the regions, the projects."""

LIST_ACTION = "DescribeCompShareSharingImages"
ZONES_ACTION = "DescribeCompShareSupportZone"
PROJECTS_ACTION = "GetProjectList"

SUBJECT_OF: Mapping[str, Subject] = {ZONES_ACTION: "zones", PROJECTS_ACTION: "projects"}

DEFAULT_LIMIT = 20
MAX_LIMIT = 100


@dataclass(frozen=True, slots=True, repr=False)
class Query:
    """The parameters of a request. It is never printed, because they have a signature that never expires."""

    params: Mapping[str, str]
    account: Account | None
    """The account whose public key it names, if there is one; the signature is not checked yet."""

    @property
    def action(self) -> str:
        return self.params.get("Action", "")

    @property
    def subject(self) -> Subject:
        if self.action == LIST_ACTION:
            return "lookup" if self.image_id else "list"
        return SUBJECT_OF.get(self.action, "other")

    @property
    def region(self) -> str | None:
        return self.params.get("Region") or None

    @property
    def image_id(self) -> str | None:
        return self.params.get("CompShareImageId") or None

    @property
    def limit(self) -> int | None:
        """None where it is not a number."""
        return _number(self.params.get("Limit"), DEFAULT_LIMIT)

    @property
    def offset(self) -> int | None:
        """None where it is not a number."""
        return _number(self.params.get("Offset"), 0)


def _number(text: str | None, default: int) -> int | None:
    if text is None:
        return default
    return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else None
