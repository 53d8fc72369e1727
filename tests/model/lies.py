"""The cloud's faults in the model, and what a lie may excuse."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from syncd.model import from_text
from tests.model.figures import FIGURES
from tests.sync.ledger import Event
from tests.sync.rig import Rig

Fault = tuple[str, dict[str, Any]]

LIES: list[Fault] = [
    ("page_local_total", {}), ("wrong_total", {"by": 3}), ("no_total", {}), ("text_total", {}),
    ("short_page", {"by": 2}), ("empty_page", {"skip": 1, "every": 3}), ("repeated_page", {"skip": 1, "every": 2}),
    ("over_long_page", {"extra": 3}), ("past_the_end", {"code": 8401}), ("shuffled", {"probability": 0.3}),
    ("hidden_rows", {"count": 2}),
    ("doubled_id", {}), ("doubled_id", {"differ": True}), ("rows_without_id", {}), ("null_list", {}), ("blank", {}),
    ("blank", {"probability": 0.5}), ("list_changes", {"unshare": 0, "status": 1}),
]  # fmt: skip
FAILURES: list[Fault] = [
    ("throttled", {}), ("throttled", {"retry_after": 90}), ("retcode", {"code": 130}), ("retcode", {"code": 171}),
    ("retcode", {"code": 230}), ("retcode", {"code": 130, "probability": 0.3}), ("http_error", {}), ("html", {}),
    ("truncated", {}), ("reset", {}), ("cut", {"probability": 0.5}), ("digit_retcode", {}), ("body", {}),
]  # fmt: skip
LOOKUP_LIES: list[Fault] = [
    ("lookup_ignores_id", {}), ("lookup_refused", {}), ("lookup_refused", {"known": False}), ("lookup_fails", {}),
    ("lookup_wrong_row", {}), ("null_list", {"total": 0}), ("no_total", {}),
]  # fmt: skip

HIDING = {"blank", "null_list", "hidden_rows"}
"""Lies of a list that hide images in every answer."""
BELIEVED_AFTER = timedelta(days=1)
BELIEVED_WITH_LOOKUPS_AFTER = timedelta(minutes=10)
"""If lookups lie as well, and the list is empty."""


class Lies:
    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._hiding: list[tuple[str, int]] = []
        """(region, since when), of the lists' lies in force."""
        self._lookups_lie = False

    def tell(self, about: str | None, name: str, options: dict[str, Any], region: str, tick: int) -> None:
        """``about`` the list, the lookup of one image, or (None) whatever is asked."""
        FIGURES.faults[f"{name} of a {about}" if about else name] += 1
        self._rig.fault(name, region, **options, **({"on": about} if about else {}))
        self._lookups_lie |= about == "lookup"
        if about == "list" and name in HIDING:
            self._hiding.append((region, tick))

    def end(self) -> None:
        self._rig.sim.faults.clear()
        self._hiding.clear()
        self._lookups_lie = False

    def explain(self, event: Event, since: int) -> bool:
        """Whether a lie was told all the while, for as long as it takes to be believed."""
        waited = event.time - from_text(event.data["missing_since"])
        least = BELIEVED_WITH_LOOKUPS_AFTER if self._lookups_lie else BELIEVED_AFTER
        return (
            any(region == event.region and told <= since for region, told in self._hiding) and waited >= least
        )
