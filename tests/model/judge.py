"""Whether an event is true: against all that the world ever showed, and what the events before it said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any, TypeVar

from syncd.config import GuardConfig
from syncd.model import Target, from_text, to_text
from tests.model.figures import FIGURES
from tests.model.lies import Lies
from tests.model.truth import Recorded, differ
from tests.sync.ledger import Event, Key, check_envelope, schema
from tests.sync.rig import Rig

GUARD = GuardConfig()

T = TypeVar("T")
Rows = Mapping[Key, dict[str, Any]]


class Judge:
    """Moments of the world are ticks, which never jump."""

    def __init__(
        self, rig: Rig, lies: Lies, ticks: count[int], shelves: Mapping[tuple[str, str], Recorded]
    ) -> None:
        self._rig = rig
        self._lies = lies
        self._ticks = ticks
        self._shelves = shelves
        self.began: dict[str, int] = {}
        """When a sync began, as the database has it → the tick."""
        self.reading: dict[Target, int] = {}
        """The targets that this step syncs, and since when."""
        self.by_hand = False
        """This step calls rows revoked on a person's word."""
        self._last: dict[Key, dict[str, Any]] = {}
        self._given_up: set[Key] = set()
        """Gone on a person's word; where another region hides that at first, it is told late."""
        self._held: set[Target] = set()
        self._failing: set[str] = set()

    def next_step(self) -> None:
        self.reading.clear()
        self.by_hand = False

    def check(self, event: Event, before: Rows, dated: bool) -> None:
        """``before`` are the rows that the events before it leave live; ``dated``: the clock never went back."""
        if dated:
            check_envelope(event)
        else:
            schema().validate(event.body)
        match event.type:
            case "image.revoked":
                self._check_revoked(event, before)
            case "image.shared" | "image.status_changed" | "image.updated":
                self._check_shown(event, before)
                self._last[event.account, event.region or "", event.image_id or ""] = event.data["image"]
            case "sync.held" | "sync.released":
                self._check_turn(self._held, _target(event), event.type == "sync.held", event)
            case "sync.recovered":
                self._check_turn(self._failing, event.account, False, event)
            case "sync.failed":
                self._failing.add(event.account)

    def check_guard(self, events: Iterable[Event], before: Rows) -> None:
        """Of a target's ``before`` live rows many go at once only after the hold, and none in haste."""
        gone: dict[Target, list[Event]] = {}
        for event in events:
            if event.type == "image.revoked" and not event.baseline and not self.by_hand:
                assert event.image_id
                if (*_target(event), event.image_id) in before:
                    gone.setdefault(_target(event), []).append(event)
        for target, lost in gone.items():
            live = sum(key[:2] == target for key in before)
            if len(lost) >= GUARD.min and len(lost) * 100 > GUARD.percent * live:
                for event in lost:
                    assert event.time - from_text(event.data["missing_since"]) >= GUARD.hold, event

    def is_hidden(self, event: Event, before: Rows) -> bool:
        """Whether the account need not hear of a loss: another region that counted then has the image."""
        counting = self._rig.rows(
            "SELECT t.region FROM targets t JOIN accounts a ON a.account = t.account AND a.scope = t.scope"
            " WHERE t.account = ? AND t.active = 1 AND t.fresh_until > ? AND t.region <> ?",
            event.account,
            to_text(event.time),
            event.region,
        )
        return event.baseline or any(
            (event.account, region, event.image_id) in before for (region,) in counting
        )

    def dismiss(self, account: str) -> None:
        """Nothing is said any more about an account that leaves."""
        self._failing.discard(account)

    def check_rest(self) -> None:
        """Whatever was announced as wrong was announced as right again, wherever it is still watched."""
        watched = {target for name in self._rig.configs for target in self._rig.active(name)}
        assert not self._held & watched
        assert not self._failing

    def _check_revoked(self, event: Event, before: Rows) -> None:
        """It was really away, or else the cloud lied as `Lies.excuse` allows; its last state is the last one told."""
        assert event.region
        assert event.image_id
        key = (event.account, event.region, event.image_id)
        if key in before:
            assert not differ(event.data["image"], before[key]), event
        else:
            assert event.scope == "account", (
                f"a loss that other regions hid is told late, and only to all: {event}"
            )
        if event.scope == "account":
            elsewhere = {other[1] for other in before if other[::2] == key[::2]} - {event.region}
            assert elsewhere <= set(event.data["unverified_regions"]), event
        if self.by_hand:
            self._given_up.add(key)
        if event.baseline or key in self._given_up:
            return
        FIGURES.revoked += 1
        since = self.began[event.data["missing_since"]]
        history = self._rig.world.history(event.account, event.region)
        if not history.ever_absent(event.image_id, since, next(self._ticks)):
            assert self._lies.excuse(event, since), event
            FIGURES.believed += 1

    def _check_shown(self, event: Event, before: Rows) -> None:
        """The region showed just this while it was read; what a sync tells of another region, it showed before."""
        assert event.region
        assert event.image_id
        key = (event.account, event.region, event.image_id)
        assert key in before or event.type == "image.shared", event
        since = self.reading.get(Target(event.account, event.region), 0)
        shown = self._shelves[event.account, event.region].shown(event.image_id, since)
        image, kept = event.data["image"], self._as_last_told(key, event.region)
        self._given_up.discard(key)
        assert any(not differ(one | kept, image) or not differ(one, image) for one in shown), event
        if since:
            history = self._rig.world.history(event.account, event.region)
            assert history.ever_shared(event.image_id, since, next(self._ticks)), event

    def _as_last_told(self, key: Key, region: str) -> dict[str, Any]:
        """What of a row that cannot be read stays as it was; null in a new one."""
        last = self._last.get(key, {})
        return {name: last.get(name) for name in self._lies.unreadable(region)}

    @staticmethod
    def _check_turn(open_: set[T], what: T, begins: bool, event: Event) -> None:
        assert (what in open_) is not begins, event
        (open_.add if begins else open_.discard)(what)


def _target(event: Event) -> Target:
    assert event.region
    return Target(event.account, event.region)
