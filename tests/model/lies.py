"""The cloud's faults in the model, and what a lie may excuse."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from syncd.model import Target, from_text
from tests.model.figures import FIGURES
from tests.model.truth import Recorded
from tests.sync.ledger import Event
from tests.sync.rig import Rig

Fault = tuple[str, dict[str, Any]]

LIES: list[Fault] = [
    ("page_local_total", {}), ("wrong_total", {"by": 3}), ("no_total", {}), ("text_total", {}),
    ("short_page", {"by": 2}), ("empty_page", {"skip": 1, "every": 3}), ("repeated_page", {"skip": 1, "every": 2}),
    ("over_long_page", {"extra": 3}), ("past_the_end", {"code": 8401}), ("past_the_end", {"code": 230}),
    ("shuffled", {"probability": 0.3}), ("hidden_rows", {"count": 2}), ("hidden_rows", {"count": 9}),
    ("doubled_id", {}), ("doubled_id", {"differ": True}), ("rows_without_id", {}), ("null_list", {}),
    ("null_list", {"total": 0, "form": "absent"}), ("blank", {}), ("blank", {"probability": 0.5}),
    ("list_changes", {"unshare": 0, "status": 1}), ("list_changes", {"unshare": 1, "share": 1}),
    ("type_drift", {"to": "list"}), ("type_drift", {"to": "object", "fields": ("Name", "Status"), "count": 2}),
]  # fmt: skip
FAILURES: list[Fault] = [
    ("throttled", {}), ("throttled", {"retry_after": 90}), ("throttled", {"http": True}), ("retcode", {"code": 130}),
    ("retcode", {"code": 171}), ("retcode", {"code": 230}), ("retcode", {"code": 293}),
    ("retcode", {"code": 130, "probability": 0.3}), ("http_error", {}), ("html", {}), ("html", {"status": 502}),
    ("truncated", {}), ("reset", {}), ("reset", {"sent": 40}), ("cut", {"probability": 0.5}), ("digit_retcode", {}),
    ("body", {}), ("body", {"text": "[]"}), ("content_type", {}), ("clock_skew", {}), ("huge", {"declared": True}),
    ("drip", {"size": 4000, "pause": 0.0}), ("latency", {"seconds": 0.001}),
]  # fmt: skip
LOOKUP_LIES: list[Fault] = [
    ("lookup_ignores_id", {}), ("lookup_refused", {}), ("lookup_refused", {"known": False}), ("lookup_fails", {}),
    ("lookup_wrong_row", {}), ("null_list", {"total": 0}), ("no_total", {}), ("rows_without_id", {}), ("html", {}),
    ("lookup_ignores_id", {"probability": 0.5}), ("retcode", {"code": 230}),
]  # fmt: skip

HIDERS: list[Fault] = [
    ("blank", {}), ("null_list", {"total": 0}), ("hidden_rows", {"count": 1}), ("hidden_rows", {"count": 2}),
    ("hidden_rows", {"count": 4}),
]  # fmt: skip
DENIALS: list[Fault] = [("lookup_refused", {}), ("null_list", {"total": 0})]
ANSWERS: list[Fault] = [
    ("retcode", {"code": 130}),
    ("html", {}),
    ("null_list", {}),
    ("retcode", {"code": 230}),
]

HIDING = {"blank", "null_list", "hidden_rows"}
"""Lies of a list that hide images in every answer."""
DENYING = {"null_list", "lookup_refused"}
"""Lies of lookups that say of an image that it is not there."""
DRIFTING = frozenset({"name", "status", "size_mb", "price_yuan_per_hour", "visibility"})
"""Compared fields that `type_drift` makes unreadable."""
BELIEVED_AFTER = timedelta(days=1)
BELIEVED_WITH_LOOKUPS_AFTER = timedelta(minutes=10)
"""If the region's lookups deny as well: an empty list has no control."""


class Lies:
    def __init__(self, rig: Rig, shelves: Mapping[tuple[str, str], Recorded]) -> None:
        self._rig = rig
        self._shelves = shelves
        self._hiding: set[str] = set()
        self._denying: set[str] = set()
        self._deceived: dict[Target, int] = {}
        """Since when every list that a target read hid images."""
        self._drifted: set[str] = set()

    def tell(self, about: str | None, name: str, options: dict[str, Any], region: str | None) -> None:
        """``about`` the list, the lookup of one image, or (None) whatever is asked."""
        FIGURES.faults[f"{name} of a {about}" if about else name] += 1
        self._rig.fault(name, region, **options, **({"on": about} if about else {}))
        if region is None:
            return
        if about == "lookup" and name in DENYING:
            self._denying.add(region)
        if about == "list" and name in HIDING:
            self._hiding.add(region)
        if name == "type_drift":
            self._drifted.add(region)

    def deny(self, account: str, region: str, images: Collection[str]) -> None:
        """Lookups do not find these images, and find the others."""
        FIGURES.faults["some images denied by lookups"] += 1
        self._shelves[account, region].denied = frozenset(images)

    def end(self) -> None:
        self._rig.sim.faults.clear()
        for shelf in self._shelves.values():
            shelf.denied = frozenset()
        self._hiding.clear()
        self._denying.clear()

    def read_begins(self, target: Target, tick: int) -> None:
        if target.region in self._hiding:
            self._deceived.setdefault(target, tick)

    def read_ends(self, target: Target) -> None:
        """Its list was read to the end."""
        if target.region not in self._hiding:
            self._deceived.pop(target, None)

    def unreadable(self, region: str) -> frozenset[str]:
        """Fields that a row of the region may have kept from earlier, or lacks since it was new."""
        return DRIFTING if region in self._drifted else frozenset()

    def excuse(self, event: Event, since: int) -> bool:
        """The one way to a revocation of an image that was there: a lie told all the while, for as long as it takes.

        Every list that was read hid images since before this one was said to be missing, for 24 hours; with lookups
        that denied everything, for the 10 minutes after which a list that is empty is believed; or just now, where
        lookups found others and denied this one: list and lookup agree, and the control was found.
        """
        assert event.region
        place = event.account, event.region
        if event.image_id in self._shelves[place].denied:
            least = timedelta(0)
        else:
            least = BELIEVED_WITH_LOOKUPS_AFTER if event.region in self._denying else BELIEVED_AFTER
        deceived = self._deceived.get(Target(*place))
        waited = event.time - from_text(event.data["missing_since"])
        return deceived is not None and deceived <= since and waited >= least
