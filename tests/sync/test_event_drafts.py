"""News: the data of each event, exactly as its receivers read it."""

from __future__ import annotations

import msgspec

from syncd.model import Change
from syncd.store.records import AccountState, Fact
from syncd.sync import event_drafts
from syncd.sync.event_drafts import Occasion
from syncd.sync.facts import Telling
from tests.sync.make import LAB, T0, alert, image, minutes, missing

NOW = T0 + minutes(30)
WHEN = "2026-11-24T02:30:00.000Z"
BEFORE = "2026-11-24T02:29:00.000Z"
ACCOUNT = Telling("account", Fact(True, "", b""))
WHERE = {"account": "lab", "region": "cn-a"}


def test_shared():
    draft = event_drafts.shared(Occasion(LAB, NOW), ACCOUNT, image(name="n"), NOW - minutes(1), reshared=True)
    assert (draft.type, draft.time, draft.account, draft.region, draft.image_id) == (
        "image.shared",
        NOW,
        "lab",
        "cn-a",
        "i",
    )
    assert (draft.scope, draft.baseline, draft.names) == ("account", False, ("n",))
    assert draft.data == WHERE | {
        "scope": "account",
        "baseline": False,
        "observed_after": BEFORE,
        "image": image(name="n"),
        "previous": None,
        "changes": (),
        "reshared": True,
    }


def test_a_baseline_says_so_and_has_no_moment_before():
    draft = event_drafts.shared(Occasion(LAB, NOW, baseline=True), ACCOUNT, image(), None, reshared=False)
    assert (draft.baseline, draft.data["baseline"], draft.data["observed_after"]) == (True, True, None)
    assert "reason" not in draft.data


def test_a_rebaseline_says_why():
    draft = event_drafts.shared(Occasion(LAB, NOW, True, True), ACCOUNT, image(), None, reshared=False)
    assert draft.data["reason"] == "scope_changed"


def test_revoked_has_the_last_known_row_and_nothing_previous():
    telling = msgspec.structs.replace(ACCOUNT, unverified=("cn-b",))
    draft = event_drafts.revoked(Occasion(LAB, NOW), telling, image(name="n"), missing(28))
    assert (draft.type, draft.names) == ("image.revoked", ("n",))
    assert draft.data == WHERE | {
        "scope": "account",
        "baseline": False,
        "observed_after": "2026-11-24T02:27:00.000Z",
        "image": image(name="n"),
        "previous": None,
        "changes": (),
        "missing_since": "2026-11-24T02:28:00.000Z",
        "unverified_regions": ("cn-b",),
    }


def test_a_status_change_and_other_changes_share_previous_and_divide_changes():
    before = image(name="old", status="Making", size_mb=1)
    after = image(name="new", status="Available", size_mb=2)
    changes = (Change("name", "old", "new"), Change("status", "Making", "Available"), Change("size_mb", 1, 2))
    told = (ACCOUNT, before, after, changes, NOW - minutes(1))
    first, second = (
        event_drafts.status_changed(Occasion(LAB, NOW), *told),
        event_drafts.updated(Occasion(LAB, NOW), *told),
    )
    assert (first.type, second.type) == ("image.status_changed", "image.updated")
    assert first.data["image"] == second.data["image"] == after
    assert first.data["previous"] == second.data["previous"]
    assert first.data["previous"] == {"name": "old", "status": "Making", "size_mb": 1}
    assert first.data["changes"] == [changes[1]]
    assert second.data["changes"] == [changes[0], changes[2]]
    assert first.names == second.names == ("new", "old")


def test_hello():
    draft = event_drafts.hello("lab", 12, ["cn-a"], ["cn-b"], NOW)
    assert (draft.type, draft.account, draft.region, draft.scope) == ("sync.baseline", "lab", None, None)
    assert (draft.baseline, draft.regions) == (False, ("cn-a", "cn-b"))
    assert draft.data == {
        "account": "lab",
        "region": None,
        "baseline": False,
        "images": 12,
        "regions": ["cn-a"],
        "pending_regions": ["cn-b"],
    }


def test_failed_and_recovered():
    state = AccountState("lab", "s", "k")
    draft = event_drafts.failed(alert("auth"), state, ["cn-a"], "refused", False, NOW)
    hint = draft.data["hint"]
    assert (draft.type, draft.regions) == ("sync.failed", ("cn-a",))
    assert "key" in hint
    assert draft.data == {
        "account": "lab",
        "region": None,
        "baseline": False,
        "class": "auth",
        "regions": ["cn-a"],
        "since": "2026-11-24T02:00:00.000Z",
        "message": "refused",
        "hint": hint,
        "reminder": False,
    }
    draft = event_drafts.recovered(alert("auth"), state, ["cn-a"], NOW)
    assert draft.data == {
        "account": "lab",
        "region": None,
        "baseline": False,
        "class": "auth",
        "regions": ["cn-a"],
        "since": "2026-11-24T02:00:00.000Z",
        "duration_seconds": 1800,
    }


def test_held_names_20_ids_and_until_when():
    ids = [f"i{number:02d}" for number in range(30, 0, -1)]
    draft = event_drafts.held(LAB, ids, 31, 40, NOW, NOW)
    assert (draft.type, draft.region, draft.regions) == ("sync.held", "cn-a", ("cn-a",))
    assert draft.data == WHERE | {
        "baseline": False,
        "missing": 31,
        "live": 40,
        "until": WHEN,
        "image_ids": sorted(ids)[:20],
        "release_command": "syncd held release --account lab --region cn-a",
    }


def test_released():
    draft = event_drafts.released(LAB, "returned", 3, 0, NOW)
    assert draft.type == "sync.released"
    assert draft.data == WHERE | {"baseline": False, "reason": "returned", "returned": 3, "revoked": 0}
