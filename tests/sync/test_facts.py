"""Facts: whether one region's news changes what the account was last told."""

from __future__ import annotations

from datetime import datetime

import pytest

from syncd.model import fingerprint
from syncd.store.records import Fact
from syncd.sync.facts import Telling, tell_revoked, tell_shared, tell_status, tell_updated, without_doubt
from syncd.sync.other_regions import OtherRegions
from tests.sync.make import T0, image, minutes

SHOWN = fingerprint(image(name="a", status="Available"))
OTHER_STATUS = fingerprint(image(name="a", status="Offline"))
OTHER_NAME = fingerprint(image(name="b", status="Available"))


def fact(live: bool = True, baseline_at: datetime | None = None, mark: bytes = SHOWN) -> Fact:
    return Fact(live, mark[16:].decode(), mark[:16], baseline_at)


def shared(known: Fact | None, *, baseline: bool = False, last: float | None = 0):
    last_complete = None if last is None else T0 + minutes(last)
    return tell_shared(known, SHOWN, baseline=baseline, last_complete=last_complete, now=T0 + minutes(9))


def test_the_first_region_to_show_an_image_tells_the_account():
    telling = shared(None)
    assert (telling.scope, telling.fact) == ("account", fact())


def test_the_next_region_to_show_it_does_not():
    assert shared(fact()).scope == "region"
    assert shared(fact()).fact == fact()


def test_an_image_told_as_gone_is_told_when_it_comes_back():
    telling = shared(fact(live=False, mark=OTHER_NAME))
    assert (telling.scope, telling.fact) == ("account", fact())


def test_a_baseline_makes_an_image_known_without_telling():
    telling = shared(None, baseline=True, last=None)
    assert (telling.scope, telling.fact) == ("account", fact(baseline_at=T0 + minutes(9)))


@pytest.mark.parametrize(
    ("written", "last", "scope"),
    [
        (5, 4, "account"),  # another target's baseline wrote it after this target's last complete sync
        (4, 5, "region"),  # it was there when this target last looked and did not list it
        (4, 4, "region"),
        (5, None, "region"),  # this target's own first listing
    ],
)
def test_what_a_later_baseline_wrote_does_not_make_an_image_known(written, last, scope):
    telling = shared(fact(baseline_at=T0 + minutes(written)), last=last)
    assert telling.scope == scope
    assert (telling.fact.baseline_at is None) == (scope == "account")


def test_a_second_baseline_changes_nothing():
    known = fact(baseline_at=T0 + minutes(5))
    telling = shared(known, baseline=True, last=4)
    assert (telling.scope, telling.fact) == ("region", known)


def test_a_status_other_than_the_last_told_is_told_once():
    telling = tell_status(fact(), OTHER_STATUS)
    assert (telling.scope, telling.fact.status, telling.fact.digest) == ("account", "Offline", SHOWN[:16])
    assert tell_status(telling.fact, OTHER_STATUS).scope == "region"


def test_another_field_than_the_last_told_is_told_once():
    telling = tell_updated(fact(), OTHER_NAME)
    assert (telling.scope, telling.fact.status, telling.fact.digest) == (
        "account",
        "Available",
        OTHER_NAME[:16],
    )
    assert tell_updated(telling.fact, OTHER_NAME).scope == "region"


def test_status_and_other_fields_are_told_apart():
    both = fingerprint(image(name="b", status="Offline"))
    first = tell_status(fact(), both)
    second = tell_updated(first.fact, both)
    assert (first.scope, second.scope, second.fact) == ("account", "account", fact(mark=both))


@pytest.mark.parametrize("tell", [tell_status, tell_updated])
def test_a_change_of_an_image_told_as_gone_is_the_region_s(tell):
    gone = fact(live=False)
    assert tell(gone, OTHER_STATUS).scope == "region"
    assert tell(gone, OTHER_NAME).fact == gone


def lost(known: Fact | None, others: OtherRegions, *, baseline: bool = False, wait: bool = True) -> Telling:
    now = T0 + minutes(9)
    return tell_revoked(known, SHOWN, "cn-a", others, baseline=baseline, wait=wait, now=now)


@pytest.mark.parametrize("others", [OtherRegions(), OtherRegions(unverified=("b", "c"))])
def test_the_last_region_to_lose_an_image_tells_the_account(others):
    telling = lost(fact(), others)
    assert (telling.scope, telling.unverified) == ("account", others.unverified)
    assert telling.fact == fact(live=False)


def test_while_another_region_lists_it_the_account_is_not_told_and_the_fact_is_in_doubt():
    telling = lost(fact(), OtherRegions(listed=True))
    assert (telling.scope, telling.fact.live) == ("region", True)
    assert (telling.fact.lost_region, telling.fact.doubted_at) == ("cn-a", T0 + minutes(9))
    assert telling.fact.found_at is None


def test_one_that_a_lookup_finds_elsewhere_is_not_told_either():
    telling = lost(fact(), OtherRegions(found=True, unverified=("b",)))
    assert (telling.scope, telling.unverified) == ("region", ("b",))
    assert telling.fact.found_at == T0 + minutes(9)


@pytest.mark.parametrize(("wait", "scope"), [(True, "region"), (False, "account")])
def test_a_region_that_is_about_to_be_read_is_waited_for_unless_a_person_says_so(wait, scope):
    assert lost(fact(), OtherRegions(awaited=True), wait=wait).scope == scope


def test_what_a_region_lacks_in_a_new_scope_is_not_lost():
    assert lost(fact(), OtherRegions(listed=True), baseline=True).fact == fact()


def test_a_loss_that_was_told_is_not_told_again():
    assert lost(fact(live=False), OtherRegions()).scope == "region"


@pytest.mark.parametrize(
    "telling",
    [tell_status(None, OTHER_STATUS), tell_updated(None, OTHER_NAME)],
)
def test_a_row_without_a_fact_takes_its_own_state_as_told(telling):
    assert (telling.scope, telling.fact.live) == ("region", True)


def test_a_row_without_a_fact_is_told_as_gone():
    telling = lost(None, OtherRegions())
    assert (telling.scope, telling.fact) == ("account", fact(live=False))


def test_what_agrees_again_is_in_doubt_no_longer():
    doubtful = lost(fact(), OtherRegions(found=True)).fact
    assert without_doubt(doubtful) == fact()
