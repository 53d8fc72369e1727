"""What must always be true of syncd on its file, whatever the world does; checked after every step, and at rest."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis.stateful import invariant

from syncd.model import Target
from tests.stateful.expected import ROUTES
from tests.stateful.figures import FIGURES
from tests.stateful.outbox import HOUR
from tests.stateful.stage import ACCOUNTS, Stage
from tests.sync.ledger import Event, Key, fold
from tests.sync.rig import REGIONS
from tests.sync.told import LIVE, Told

Watch = tuple[str, dict[str, str]]
"""An account's scope, and its active regions with the scope of their rows."""

SLOW_PLAN = timedelta(hours=12)
"""At rest, so that a few syncs observe a day."""


class Witness(Stage):
    def __init__(self) -> None:
        super().__init__()
        self.folded: dict[Key, dict[str, Any]] = {}
        self.told = Told()
        self.watched: dict[str, Watch] = {}
        self.known: set[Target] = set()
        """Targets that ever had a baseline."""
        self._jumps_seen: dict[str, int] = {}
        """How often the clock had been set when an account last listed something."""
        self.read_to = 0
        self.sound = True
        """Nothing was found wrong."""

    # what must always be true

    @invariant()
    def is_true(self) -> None:
        self.sound = False
        new = self.rig.events(self.read_to)
        watched = self._scopes()
        complete = self.observed.note()
        self.judge.check_guard(new, self.folded)
        silent = {name for name in watched if self._changes_silently(name, watched[name])}
        for event in new:
            self._hear(event, event.account in silent)
        self.read_to = new[-1].seq if new else self.read_to
        assert self.folded == self.rig.live()
        self._check_counts()
        self._check_remembered()
        self._follow(watched, silent)
        if not self.is_cut_short:
            self._check_told({target for target in complete if target.account not in silent})
        self.alarms.check(self._watched())
        self.run(self.alarms.check_fresh())
        self.outbox.check()
        self.judge.next_step()
        self.is_cut_short = False
        self.sound = True
        FIGURES.steps += 1

    def _hear(self, event: Event, silent: bool) -> None:
        FIGURES.events[event.type] += 1
        self.story.tell_event(event)
        self.judge.check(event, self.folded, dated=not self.clock.jumps)
        self.alarms.hear(event)
        if event.type == "image.revoked" and not silent:
            self._check_loss(event)
        if event.type == "image.shared":
            self.account_judge.hear_shown(event)
        self.folded = fold([event], self.folded)
        self.outbox.owe(event)
        (self.told.overhear if silent else self.told.hear)([event])

    def _check_loss(self, event: Event) -> None:
        since = self.judge.asked_since
        if event.scope == "account" and not event.baseline:
            self.account_judge.check_gone(event, self.folded, since, by_hand=self.judge.by_hand)
        elif event.scope == "region" and not event.baseline:
            self.account_judge.hear_loss(event)

    def _check_remembered(self) -> None:
        """What the syncer remembers of a target, and would compare the next list with, is what the database has."""
        memory = self.rig.syncer._memory
        for name, account in self.rig.accounts.items():
            for region in REGIONS:
                settled = memory.settled(Target(name, region), account, self.clock.monotonic())
                if settled is not None:
                    FIGURES.remembered += 1
                    live = self.rig.rows(
                        "SELECT image_id, fingerprint, missing_since FROM image_rows"
                        " WHERE account = ? AND region = ? AND revoked_at IS NULL",
                        name,
                        region,
                    )
                    assert {row[0]: row[1] for row in live} == settled.known
                    assert not any(row[2] for row in live)
                    assert self.rig.value("SELECT alert_class FROM accounts WHERE account = ?", name) is None

    def _check_counts(self) -> None:
        """A target says how many of its rows are live, and how many of those are held."""
        counted = "SELECT COUNT(*), COALESCE(SUM(held), 0) FROM image_rows WHERE account = ? AND region = ?"
        for account, region, *said in self.rig.rows(
            "SELECT account, region, live_count, held_count FROM targets"
        ):
            assert [tuple(said)] == self.rig.rows(f"{counted} AND revoked_at IS NULL", account, region)

    def _check_told(self, listed: Collection[Target]) -> None:
        """What an account was told of what its target just listed is what one of its regions shows.

        The first list after a clock was set counts only to the next one: what it is compared with may lie ahead of it.
        """
        for account, by in listed:
            regions = self._speaking(account)
            if by in regions and sum(target.account == account for target in listed) == 1:
                if self._jumps_seen.get(account, 0) == self.clock.jumps:
                    self.account_judge.check_told(self.told, self.folded, account, regions, by)
                self.account_judge.check_heard(self.told, self.folded, account, self.judge.asked_since)
            self._jumps_seen[account] = self.clock.jumps

    def _speaking(self, account: str) -> set[str]:
        """Its active regions whose rows are of its present scope."""
        scope, regions = self.watched[account]
        return {region for region, of in regions.items() if of == scope}

    def _scopes(self) -> dict[str, Watch]:
        watched: dict[str, Watch] = {
            account: (scope, {}) for account, scope in self.rig.rows("SELECT account, scope FROM accounts")
        }
        sql = "SELECT account, region, scope FROM targets WHERE active = 1 AND scope IS NOT NULL"
        for account, region, scope in self.rig.rows(sql):
            watched[account][1][region] = scope
        return watched

    def _changes_silently(self, account: str, now: Watch) -> bool:
        """Whether its scope is another, or a region left it, returned, or went over to another scope."""
        was = self.watched.get(account, now)[1]
        returned = {Target(account, region) for region in now[1].keys() - was.keys()} & self.known
        return (
            bool(returned)
            or not was.keys() <= now[1].keys()
            or _rescoped(self.watched.get(account, now), now)
        )

    def _follow(self, watched: dict[str, Watch], silent: Iterable[str]) -> None:
        before, self.watched = self.watched, watched
        for account, (_, regions) in watched.items():
            for region in {*regions.items()} - {*before.get(account, ("", {}))[1].items()}:
                self.judge.note_baseline(Target(account, region[0]))
        for account in silent:
            heard = not _rescoped(before.get(account, watched[account]), watched[account])
            listed = {
                key[2] for key in self.folded if key[0] == account and key[1] in self._speaking(account)
            }
            waiting = self.account_judge.unheard(account) & self.told.live(account) if heard else set()
            self.told.correct(account, listed | waiting, heard=heard)
            if not heard:
                self._forget_contents(account)
        for account in watched.keys() - self.rig.configs.keys():
            self.alarms.dismiss(account)
            self.outbox.dismiss(account)
        self.known |= {Target(account, region) for account in watched for region in watched[account][1]}

    def _forget_contents(self, account: str) -> None:
        """Another project's baseline said what its images are, without telling."""
        for key, last in self.told.last.items():
            if key[0] == account and last is not None:
                self.told.last[key] = LIVE

    # the end

    def teardown(self) -> None:
        try:
            if self.sound:
                self._rest()
        except AssertionError:
            self.sound = False
            raise
        finally:
            if not self.sound:
                print(self.story.last(60))  # noqa: T201  # shown when a test fails
            self.run(self.stack.aclose())
            self.runner.close()
            self.folder.cleanup()

    def _rest(self) -> None:
        """The faults are over: two complete syncs, the guard's time, a day; then everything is known and told."""
        self.story.tell("REST")
        self._begin_rest()
        self._sync_times(2)
        self._check_truth(waiting=lambda key: True)
        self.rig.clock.at += HOUR
        self._sync_times(3)
        self._check_truth(waiting=lambda key: not self.rig.world.shared(*key[:2]))
        for _ in range(3):
            self.rig.clock.at += SLOW_PLAN
            self._sync_times(1)
        self._check_truth(waiting=lambda key: False)
        self._check_all_told()
        self.run(self.outbox.finish())
        self.is_true()
        self.outbox.check_finished()

    def _begin_rest(self) -> None:
        self.lies.end()
        self.clock.set_right()
        self.outbox.routes = ROUTES
        for account in ACCOUNTS:
            if account not in self.rig.configs:
                self.rig.configure(account, REGIONS)
        self.run(self.rig.restart(settings=replace(self.rig.settings, routes=ROUTES)))
        self.plan(SLOW_PLAN)
        self.run(self._discover())

    def _sync_times(self, count: int) -> None:
        for _ in range(count):
            self.look_at_all()

    def _check_truth(self, waiting: Callable[[Key], bool]) -> None:
        """Every live row is as the world shows it, but for missing ones that may still wait.

        So may the rows of another project, where the first lists of the new one are empty.
        """
        rows = (
            "SELECT account, region, image_id FROM image_rows JOIN targets USING (account, region)"
            " WHERE (missing_since IS NOT NULL OR empty_since IS NOT NULL) AND revoked_at IS NULL"
        )
        left_out = {row for row in self.rig.rows(rows) if waiting(row)}
        live = {key: row for key, row in self.rig.live().items() if key not in left_out}
        truth = {key: row for key, row in self.rig.truth().items() if key not in left_out}
        wrong = {key for key in live.keys() | truth.keys() if live.get(key) != truth.get(key)}
        assert not wrong, f"not as the world shows it: {wrong}, missing ones that may wait: {left_out}"

    def _check_all_told(self) -> None:
        """The accounts were told what their regions list, and that whatever was wrong is right again."""
        live = self.rig.live()
        self.rig.check_facts(live)
        self._check_known()
        for account in ACCOUNTS:
            regions = self.watched[account][1]
            listed = {key[2] for key in live if key[0] == account and key[1] in regions}
            wrong = self.told.live(account) ^ listed
            assert not wrong, f"{account} was told otherwise of {wrong} than its regions show"
        self.alarms.check_rest(self._watched())

    def _check_known(self) -> None:
        """What an account is taken to know of an image is what one of its regions shows."""
        shown = (
            "EXISTS (SELECT 1 FROM image_rows r JOIN targets t USING (account, region) WHERE r.account = f.account"
            " AND r.image_id = f.image_id AND r.revoked_at IS NULL AND t.active = 1 AND {})"
        )
        status = shown.format("COALESCE(r.status, '') = f.status")
        content = shown.format("substr(r.fingerprint, 1, 16) = f.digest")
        wrong = self.rig.rows(
            f"SELECT account, image_id FROM facts f WHERE live = 1 AND NOT ({status} AND {content})"
        )
        assert not wrong, f"taken as known, but shown by no region: {wrong}"


def _rescoped(was: Watch, now: Watch) -> bool:
    both = now[1].keys() & was[1].keys()
    return now[0] != was[0] or any(now[1][region] != was[1][region] for region in both)
