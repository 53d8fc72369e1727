"""The cloud's faults in the model, and what a lie may excuse."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from syncd.compshare.list_reading import LIMIT
from syncd.model import Target
from tests.stateful.figures import FIGURES
from tests.stateful.story import Story, short
from tests.stateful.truth import Recorded
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
FIRST_LISTS: list[Fault] = [
    ("blank", {}), ("null_list", {"total": 0}), ("blank", {"probability": 0.5}), ("hidden_rows", {"count": 2}),
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
DRIFTING = frozenset({"name", "status", "size_mb", "price_yuan_per_hour", "visibility"})
"""Compared fields that `type_drift` makes unreadable."""
BELIEVED_AFTER = timedelta(days=1)
"""Observed, of lists that lack an image about which lookups prove nothing."""
PATIENT = timedelta(seconds=1)
"""A client that waits less may miss an answer that is good."""


class Lies:
    def __init__(self, rig: Rig, shelves: Mapping[tuple[str, str], Recorded], story: Story) -> None:
        self._rig = rig
        self._story = story
        self._shelves = shelves
        self._hiding: set[str] = set()
        self._hiding_some: set[str] = set()
        self._hiding_pages: set[str] = set()
        """Of a list of several pages one may be hidden, again and again."""
        self._deceived: dict[Target, int] = {}
        """Since when every list that a target read hid images."""
        self._drifted: set[str] = set()

    def tell(self, about: str | None, name: str, options: dict[str, Any], region: str | None) -> None:
        """``about`` the list, the lookup of one image, or (None) whatever is asked."""
        FIGURES.faults[f"{name} of a {about}" if about else name] += 1
        self._story.tell(f"{region or 'everywhere'}, {about or 'whatever is asked'}: {name} {options or ''}")
        self._rig.fault(name, region, **options, **({"on": about} if about else {}))
        if region is None:
            return
        if about == "list" and name in HIDING:
            self._hiding.add(region)
            if name == "hidden_rows":
                self._hiding_some.add(region)
            if "probability" in options:
                self._hiding_pages.add(region)
        if name == "type_drift":
            self._drifted.add(region)

    def deny(self, account: str, region: str, images: Collection[str]) -> None:
        """Lookups do not find these images, and find the others."""
        FIGURES.faults["some images denied by lookups"] += 1
        self._story.tell(f"{account}/{region}: lookups deny {[short(image) for image in images]}")
        self._shelves[account, region].denied = frozenset(images)

    def hide(self, account: str, region: str, images: Collection[str]) -> None:
        """Lists lack these images, lookups find them."""
        FIGURES.faults["some images hidden from lists"] += 1
        self._story.tell(f"{account}/{region}: lists hide {[short(image) for image in images]}")
        self._shelves[account, region].hidden = frozenset(images)

    def end(self) -> None:
        self._story.tell("no lies, no faults")
        self._rig.sim.faults.clear()
        for shelf in self._shelves.values():
            shelf.denied = shelf.hidden = frozenset()
        self._hiding.clear()
        self._hiding_some.clear()
        self._hiding_pages.clear()

    def hides(self, target: Target) -> bool:
        """Whether each of its lists lacks some images that are there."""
        return target.region in self._hiding or bool(self._shelves[target].hidden)

    def hides_some(self, target: Target) -> bool:
        """Whether lists that are not empty may lack some images: nobody can know of those that were never shown."""
        shelf = self._shelves[target]
        a_page = target.region in self._hiding_pages and len(shelf) > LIMIT
        return target.region in self._hiding_some or bool(shelf.hidden) or a_page

    def read_begins(self, target: Target, tick: int) -> None:
        if self.hides(target):
            self._deceived.setdefault(target, tick)

    def read_ends(self, target: Target) -> None:
        """Its list was read to the end."""
        if not self.hides(target):
            self._deceived.pop(target, None)

    def lookups_are_true(self, account: str, region: str) -> bool:
        """Whether whoever asks there for one image now is told the truth."""
        return (
            not self._shelves[account, region].denied
            and self._rig.api.timeout >= PATIENT
            and not any(
                "lookup" in active.fault.on and active.fault.region in (None, region)
                for active in self._rig.sim.faults
            )
        )

    def unreadable(self, region: str) -> frozenset[str]:
        """Fields that a row of the region may have kept from earlier, or lacks since it was new."""
        return DRIFTING if region in self._drifted else frozenset()

    def excuse(self, event: Event, since: int, waited: timedelta) -> bool:
        """The one way to a revocation of an image that was there: a lie told all the while, by list and lookups.

        Every list that was read hid images since before this one was said to be missing; and lookups found others and
        denied this one just now (list and lookup agree, and the control was found), or they prove nothing and the
        target was observed for a day (``waited``) meanwhile.
        """
        assert event.region
        target = Target(event.account, event.region)
        deceived = self._deceived.get(target)
        if deceived is None or deceived > since:
            return False
        if event.image_id in self._shelves[target].denied:
            return True
        return not self.lookups_are_true(*target) and waited >= BELIEVED_AFTER
