"""Changes of one region, from the cloud to the event."""

from __future__ import annotations

from tests.sync.rig import brief


async def begun(rig, *names: str) -> list[str]:
    """Images with these names, known by baseline; an hour later, one sync more."""
    ids = [rig.world.share("lab", "cn-a", Name=name, Status="Making") for name in names]
    await rig.sync()
    rig.advance(minutes=1)
    await rig.settle()
    return ids


async def test_a_new_image_is_shared(rig):
    await begun(rig, "a")
    before = rig.last
    new = rig.world.share("lab", "cn-a", Name="b")
    rig.advance(minutes=1)
    report = await rig.sync()
    (event,) = rig.news()
    assert (event.type, event.image_id, event.scope, event.baseline) == (
        "image.shared",
        new,
        "account",
        False,
    )
    assert (event.data["observed_after"], event.data["reshared"]) == (before, False)
    assert (event.data["image"]["name"], event.data["previous"], event.data["changes"]) == ("b", None, [])
    assert (report.shared, report.live) == (1, 2)
    rig.check()


async def test_a_revoked_image_says_what_it_was_and_since_when_it_was_missing(rig):
    _, gone, *_ = await begun(rig, "a", "b", "c", "d")
    before = rig.last
    rig.world.unshare("lab", "cn-a", gone)
    rig.advance(minutes=1)
    report = await rig.sync()
    (event,) = rig.news()
    assert (event.type, event.image_id, event.scope) == ("image.revoked", gone, "account")
    assert event.data["observed_after"] == before
    assert event.data["missing_since"] == rig.last
    assert event.data["image"]["name"] == "b"
    assert (event.data["previous"], event.data["unverified_regions"]) == (None, [])
    assert (report.revoked, report.live) == (1, 3)
    rig.check()


async def test_an_image_that_comes_back_is_reshared(rig):
    _, gone, *_ = await begun(rig, "a", "b", "c", "d")
    rig.world.unshare("lab", "cn-a", gone)
    await rig.sync()
    lacked = rig.last
    first_seen = rig.value("SELECT first_seen_at FROM all_images WHERE image_id = ?", gone)
    rig.news()
    rig.world.share("lab", "cn-a", gone)
    rig.advance(minutes=1)
    await rig.sync()
    (event,) = rig.news()
    assert (event.type, event.scope, event.data["reshared"]) == ("image.shared", "account", True)
    assert event.data["observed_after"] == lacked
    row = rig.rows("SELECT first_seen_at, shared_at, revoked_at FROM all_images WHERE image_id = ?", gone)
    assert row == [(first_seen, rig.last, None)]
    rig.check()


async def test_a_status_change_and_others_in_one_sync_are_two_events(rig):
    (one,) = await begun(rig, "a")
    before = rig.last
    rig.world.change(one, Status="Available", Name="b", Size=7)
    rig.advance(minutes=1)
    report = await rig.sync()
    status, other = rig.news()
    assert (status.type, other.type) == ("image.status_changed", "image.updated")
    assert status.data["image"] == other.data["image"]
    assert status.data["image"]["name"] == "b"
    assert (
        status.data["previous"]
        == other.data["previous"]
        == {"status": "Making", "name": "a", "size_mb": None}
    )
    assert status.data["changes"] == [{"field": "status", "from": "Making", "to": "Available"}]
    assert other.data["changes"] == [
        {"field": "name", "from": "a", "to": "b"},
        {"field": "size_mb", "from": None, "to": 7},
    ]
    assert status.data["observed_after"] == other.data["observed_after"] == before
    assert (report.status_changed, report.updated) == (1, 1)
    rig.check()


async def test_only_a_status_is_one_event(rig):
    (one,) = await begun(rig, "a")
    rig.world.set_status(one, "Available")
    await rig.sync()
    assert brief(rig.news()) == ["status_changed account"]
    rig.check()


async def test_counters_covers_and_unheard_of_fields_are_neither_news_nor_writes(rig):
    (one,) = await begun(rig, "a")
    payload = rig.value("SELECT payload FROM images")
    rig.world.change(one, CreatedCount=7, FavoritesCount=8, ImageUseTime=9, Cover="x", Invented={"a": 1})
    await rig.sync()
    assert brief(rig.news()) == []
    assert rig.value("SELECT payload FROM images") == payload
    rig.world.rename(one, "b")
    await rig.sync()
    assert '"Invented"' in rig.value("SELECT payload FROM images")


async def test_a_change_while_an_image_was_missing_lies_after_it_was_last_shown(rig):
    _, one, *_ = await begun(rig, *"abcdef")
    shown = rig.last
    hidden = rig.fault("blank")
    rig.advance(minutes=1)
    await rig.sync()
    hidden.remove()
    rig.world.set_status(one, "Available")
    rig.advance(minutes=1)
    await rig.sync()
    (changed,) = [event for event in rig.news() if event.image_id]
    assert changed.data["observed_after"] == shown
    rig.check()


async def test_a_field_of_an_unexpected_type_is_kept_and_counted(rig):
    (one,) = await begun(rig, "a")
    rig.world.change(one, Size=5)
    await rig.sync()
    rig.news()
    rig.fault("type_drift", fields=["Size"], to="object")
    report = await rig.sync()
    assert (report.outcome, brief(rig.news())) == ("complete", [])
    assert rig.value("SELECT size_mb FROM images") == 5
    assert rig.value("SELECT unreadable FROM runs ORDER BY id DESC LIMIT 1") == 1
    rig.world.set_status(one, "Available")
    await rig.sync()
    assert brief(rig.news()) == ["status_changed account"]
    assert rig.value("SELECT size_mb FROM images") == 5


async def test_an_id_twice_with_different_content_is_left_as_it_was(rig):
    await begun(rig, "a", "b", "c", "d")
    rows = rig.live()
    rig.fault("doubled_id", differ=True)
    await rig.sync()
    assert (brief(rig.news()), rig.live()) == ([], rows)


async def test_an_incomplete_listing_adds_and_changes_but_revokes_nothing(rig):
    a, b, c, d, e = await begun(rig, *"abcde")
    rig.world.unshare("lab", "cn-a", e)
    rig.world.set_status(a, "Available")
    new = rig.world.share("lab", "cn-a", Name="new")
    unread = rig.world.share("lab", "cn-a", Name="on top of the list")
    lying = rig.fault("rows_without_id", count=1)
    report = await rig.sync()
    assert (report.outcome, report.failures, report.missing) == ("incomplete", 1, 0)
    assert sorted(brief(rig.news())) == ["shared account", "status_changed account"]
    assert rig.ids() == {a, b, c, d, e, new}
    rig.check(settled=False)
    lying.remove()
    await rig.sync()
    assert sorted(brief(rig.news())) == ["revoked account", "shared account"]
    assert rig.ids() == {a, b, c, d, new, unread}
    rig.check()


async def test_complete_runs_without_news_are_one_row(rig):
    await begun(rig, "a")
    count = rig.value("SELECT count FROM runs ORDER BY id DESC LIMIT 1")
    for _ in range(5):
        await rig.sync()
    assert rig.rows("SELECT count, outcome FROM runs ORDER BY id DESC LIMIT 1") == [(count + 5, "complete")]
    rig.world.share("lab", "cn-a")
    await rig.sync()
    await rig.sync()
    assert rig.rows("SELECT count, shared FROM runs ORDER BY id DESC LIMIT 2") == [(1, 0), (1, 1)]


async def test_events_name_the_run_that_saw_them(rig):
    await begun(rig, "a")
    rig.world.share("lab", "cn-a")
    await rig.sync()
    assert [event.run_id for event in rig.news()] == [rig.value("SELECT MAX(id) FROM runs")]
