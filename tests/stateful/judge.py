"""Whether an event about an image is true: against all that the world showed, and what the events before it said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from syncd.config import GuardConfig
from syncd.model import Target
from tests.stateful.figures import FIGURES
from tests.stateful.lies import BELIEVED_AFTER, Lies
from tests.stateful.observed import Moment, Observed
from tests.stateful.truth import Recorded, differ
from tests.sync.ledger import Event, Key, check_envelope, schema
from tests.sync.rig import Rig

GUARD = GuardConfig()

Rows = Mapping[Key, dict[str, Any]]


class Judge:
    """Moments of the world are ticks, which never jump."""

    def __init__(
        self,
        rig: Rig,
        lies: Lies,
        observed: Observed,
        now: Callable[[], int],
        shelves: Mapping[tuple[str, str], Recorded],
    ) -> None:
        self._rig = rig
        self._lies = lies
        self._observed = observed
        self._now = now
        self._shelves = shelves
        self.reading: dict[Target, int] = {}
        """The targets that this step syncs, and since when."""
        self.by_hand = False
        """This step calls rows revoked on a person's word."""
        self._first_read: dict[Target, int] = {}
        self._hidden_at_first: set[Target] = set()
        """Whose baseline, or that of another project, hid some of what was there."""
        self._told_gone: set[Key] = set()
        """Where it comes back, that is news: in its region, or ("*") in any of the account."""
        self._last: dict[Key, dict[str, Any]] = {}
        self._given_up: set[Key] = set()
        """Gone on a person's word; where another region hides that at first, it is told late."""

    @property
    def asked_since(self) -> int:
        """What this step asked the cloud, it asked since then."""
        return min(self.reading.values(), default=0)

    def read_begins(self, target: Target, tick: int) -> None:
        self.reading[target] = tick
        self._first_read.setdefault(target, tick)

    def note_baseline(self, target: Target) -> None:
        """This step read its baseline."""
        if self._lies.hides_some(target):
            self._hidden_at_first.add(target)

    def next_step(self) -> None:
        self.reading.clear()
        self.by_hand = False

    def check(self, event: Event, before: Rows, dated: bool) -> None:
        """``before`` are the rows that the events before it leave live; ``dated``: the clock never jumped."""
        if dated:
            check_envelope(event)
        else:
            schema().validate(event.body)
        match event.type:
            case "image.revoked":
                self._check_revoked(event, before)
            case "image.shared" | "image.status_changed" | "image.updated":
                self._check_shown(event, before)
                if event.type == "image.shared":
                    self._check_news(event)
                self._last[_key(event)] = event.data["image"]

    def check_guard(self, events: Sequence[Event], before: Rows) -> None:
        """Of a target's ``before`` live rows many go at once, or all, only after the hold, and none in haste."""
        revoked = [event for event in events if event.type == "image.revoked" and not event.baseline]
        # What a sync of this step added counts among the live rows of the next one.
        listed = Counter(_target(event) for event in events if event.type == "image.shared")
        gone: dict[Target, dict[Key, Event]] = {}
        for event in revoked if not self.by_hand else ():
            if _key(event) in before:
                gone.setdefault(_target(event), {})[_key(event)] = event
        for target, lost_by_key in gone.items():
            lost = list(lost_by_key.values())
            live = sum(key[:2] == target for key in before)
            emptied = len(lost) == live and target not in listed
            most = live + listed[target]
            many = len(lost) >= GUARD.min and len(lost) * 100 > GUARD.percent * most
            least = GUARD.hold_empty if emptied else GUARD.hold if many else None
            if least is None:
                continue
            for event in lost:
                waited = self._observed.waited(target, self._missing_since(event).tick)
                assert waited >= least, f"{len(lost)} of {live} revoked, observed for {waited} only: {event}"

    def _check_revoked(self, event: Event, before: Rows) -> None:
        """It was really away, or else the cloud lied as `Lies.excuse` allows; its last state is the last one told."""
        key, target = _key(event), _target(event)
        if key in before:
            assert not differ(event.data["image"], before[key]), event
        else:
            assert event.scope == "account", (
                f"a loss that other regions hid is told late, and only to all: {event}"
            )
        if self.by_hand:
            self._given_up.add(key)
        if not event.baseline:
            self._told_gone.add((target.account, "*" if event.scope == "account" else target.region, key[2]))
        if event.baseline or key in self._given_up:
            return
        FIGURES.revoked += 1
        history = self._rig.world.history(*target)
        if key in before and self._lies.lookups_are_true(*target):
            away = history.ever_absent(key[2], self.asked_since, self._now())
            assert away, f"a lookup would have found it: {event}"
        since = self._missing_since(event).tick
        if not history.ever_absent(key[2], since, self._now()):
            waited = self._observed.waited(target, since)
            assert self._lies.excuse(event, since, waited), f"it was there, observed for {waited}: {event}"
            FIGURES.believed += 1

    def _missing_since(self, event: Event) -> Moment:
        began = self._observed.began.get(event.data["missing_since"])
        assert began is not None, f"no sync began when it is said to be missing since: {event}"
        return began

    def _check_shown(self, event: Event, before: Rows) -> None:
        """The region showed just this while it was read; what a sync tells of another region, it showed before."""
        key, target = _key(event), _target(event)
        assert key in before or event.type == "image.shared", event
        since = self.reading.get(target, 0) if self._tells_of_itself(event) else 0
        shown = self._shelves[target].shown(key[2], since)
        image, kept = event.data["image"], self._as_last_told(key, target.region)
        self._given_up.discard(key)
        assert any(not differ(one | kept, image) or not differ(one, image) for one in shown), event
        if since:
            history = self._rig.world.history(*target)
            assert history.ever_shared(key[2], since, self._now()), event

    def _tells_of_itself(self, event: Event) -> bool:
        """Whether the sync that told it read the region that it is about."""
        return (event.region,) in self._rig.rows("SELECT region FROM runs WHERE id = ?", event.run_id)

    def _check_news(self, event: Event) -> None:
        """What was there before its region was read for the first time, and ever since, is no news.

        Unless it was told as gone meanwhile, or the first lists that were not empty hid it, or empty ones lasted.
        """
        key, target = _key(event), _target(event)
        told_gone = {key, (target.account, "*", key[2])} & self._told_gone
        if event.baseline or told_gone or target in self._hidden_at_first:
            return
        first = self._first_read.get(target, 0)
        if not self._rig.world.history(*target).ever_absent(key[2], first, self._now()):
            waited = self._observed.waited(target, first)
            assert waited >= BELIEVED_AFTER, f"it was there before the watch began: {event}"

    def _as_last_told(self, key: Key, region: str) -> dict[str, Any]:
        """What of a row that cannot be read stays as it was; null in a new one."""
        last = self._last.get(key, {})
        return {name: last.get(name) for name in self._lies.unreadable(region)}


def _target(event: Event) -> Target:
    assert event.region
    return Target(event.account, event.region)


def _key(event: Event) -> Key:
    assert event.image_id
    return (*_target(event), event.image_id)
