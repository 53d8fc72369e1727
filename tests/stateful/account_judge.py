"""What is told to an account as a whole: against what all of its regions showed while it was told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from syncd.model import Target
from tests.stateful.clock import Clock
from tests.stateful.lies import Lies
from tests.stateful.observed import Observed
from tests.sync.ledger import Event, Key
from tests.sync.rig import Rig
from tests.sync.told import Told

Rows = Mapping[Key, dict[str, Any]]

HEARD_WITHIN = timedelta(hours=1)
"""After it was lost by the last region: one that cannot be asked is waited for, for a while."""
SLACK = timedelta(minutes=1)
"""What passes within one step."""


@dataclass
class Loss:
    tick: int
    nowhere_since: timedelta | None = None
    """By a complete sync of the account."""


class AccountJudge:
    def __init__(
        self, rig: Rig, clock: Clock, lies: Lies, observed: Observed, now: Callable[[], int]
    ) -> None:
        self._rig = rig
        self._clock = clock
        self._lies = lies
        self._observed = observed
        self._now = now
        self._unheard: dict[tuple[str, str], Loss] = {}
        """(account, image) that a region lost."""

    def check_gone(self, event: Event, before: Rows, asked_since: int, *, by_hand: bool) -> None:
        """Each other region was without the image while it could be asked, or is named as one that could not."""
        account, image_id, named = event.account, event.image_id or "", set(event.data["unverified_regions"])
        for region in self._others(event):
            assert (
                region in named
                or not self._lies.lookups_are_true(account, region)
                or (self._was_away(account, region, image_id, asked_since))
            ), f"{account} is told that {image_id} is gone, but {region} has it: {event}"
        kept = {key[1] for key in before if key[::2] == (account, image_id)} - {event.region}
        retired = kept - set(self._active(account))
        assert retired <= named, f"{retired - named} had it when they retired, and are not named: {event}"
        if not by_hand:
            needless = {region for region in named if self._could_be_asked(account, region, asked_since)}
            assert not needless, f"{needless} could have been asked: {event}"

    def hear_loss(self, event: Event) -> None:
        """A region lost an image, and the account was not told that it is gone."""
        self._unheard[event.account, event.image_id or ""] = Loss(self._now())

    def hear_shown(self, event: Event) -> None:
        """A region shows an image that another one lost: it answers for it from then on."""
        self._unheard.pop((event.account, event.image_id or ""), None)

    def unheard(self, account: str) -> set[str]:
        """Images that a region lost, while the account believes that it has them; it may yet hear of it."""
        return {image_id for name, image_id in self._unheard if name == account}

    def check_heard(self, told: Told, rows: Rows, account: str, asked_since: int) -> None:
        """Of what its regions lost some time ago the account has heard, unless one of them has it."""
        for key, loss in [item for item in self._unheard.items() if item[0][0] == account]:
            if told.last.get(key) is None or self._is_listed(account, key[1], rows, loss.tick):
                del self._unheard[key]  # a region that lists it answers for it from then on
            elif self._is_somewhere(account, key[1], asked_since):
                loss.nowhere_since = None
            else:
                loss.nowhere_since = loss.nowhere_since or self._clock.passed
                waited = self._clock.passed - loss.nowhere_since
                assert waited < HEARD_WITHIN, f"{account} has not heard for {waited} that {key[1]} is gone"

    def _is_listed(self, account: str, image_id: str, rows: Rows, lost: int) -> bool:
        """Whether a region showed it of late, or was the last to show it, after another one ``lost`` it."""
        return any(
            (account, region, image_id) in rows and self._speaks(Target(account, region), lost)
            for region in self._active(account)
        )

    def _is_somewhere(self, account: str, image_id: str, since: int) -> bool:
        """Whether a region has it, or had it ``since`` then."""
        return any(
            self._rig.world.history(account, region).ever_shared(image_id, since, self._now())
            for region in self._active(account)
        )

    def _speaks(self, target: Target, lost: int) -> bool:
        last = self._observed.last(target)
        return self._observed.is_fresh(target, SLACK) or (last is not None and last.tick > lost)

    def check_told(self, told: Told, rows: Rows, account: str, regions: Iterable[str], by: str) -> None:
        """Of what region ``by`` lists, the status and content told last are such as one of ``regions`` shows."""
        missing = self._missing(account, by)
        for key in [key for key in rows if key[:2] == (account, by) and key[2] not in missing]:
            last = told.last.get((account, key[2]))
            if not isinstance(last, tuple):
                continue
            shown = [rows[other] for region in regions if (other := (account, region, key[2])) in rows]
            assert any(row["status"] == last[0] for row in shown), (
                f"{account} was told that {key[2]} is {last[0]!r}, but {by} listed it and no region shows that"
            )
            assert any({name: row[name] for name in last[1]} == last[1] for row in shown), (
                f"{account} was told of a content of {key[2]} that no region shows after {by} listed it"
            )

    def _others(self, event: Event) -> list[str]:
        return [region for region in self._active(event.account) if region != event.region]

    def _active(self, account: str) -> list[str]:
        return [target.region for target in self._rig.active(account)]

    def _read_once(self, account: str) -> set[str]:
        """Its active regions whose rows are of its present scope: the lists of others were empty at most, so far."""
        sql = "SELECT region FROM targets JOIN accounts USING (account, scope) WHERE account = ? AND targets.active = 1"
        return {region for (region,) in self._rig.rows(sql, account)}

    def _listed(self, account: str, region: str) -> set[str]:
        """What its last list had: lookups that find none of it prove nothing."""
        sql = (
            "SELECT image_id FROM image_rows"
            " WHERE account = ? AND region = ? AND revoked_at IS NULL AND missing_since IS NULL"
        )
        return {image_id for (image_id,) in self._rig.rows(sql, account, region)}

    def _missing(self, account: str, region: str) -> set[str]:
        """Of its live rows those that its last list lacked."""
        sql = "SELECT image_id FROM image_rows WHERE account = ? AND region = ? AND missing_since IS NOT NULL"
        return {image_id for (image_id,) in self._rig.rows(sql, account, region)}

    def _was_away(self, account: str, region: str, image_id: str, since: int) -> bool:
        return self._rig.world.history(account, region).ever_absent(image_id, since, self._now())

    def _could_be_asked(self, account: str, region: str, since: int) -> bool:
        """It answers, has what it listed last, and was fresh by every clock before this step."""
        return (
            region in self._read_once(account)
            and self._listed(account, region) <= set(self._rig.world.shared(account, region))
            and self._lies.lookups_are_true(account, region)
            and self._observed.is_fresh(Target(account, region), -SLACK, before=since)
            and not self._clock.jumps
        )
