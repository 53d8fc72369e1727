from __future__ import annotations

import dataclasses
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from syncd.model import to_text
from syncd.store import queries
from syncd.store.queries import EventFilter, Follower, ImageFilter, Reader
from tests.store.filled import at


@pytest.fixture
def reader(filled: Path) -> Iterator[Reader]:
    with Reader.open(filled) as reader:
        yield reader


def _ids(reader: Reader, limit: int | None = None, **wanted: Any) -> list[str]:
    return [line.image_id for line in queries.images(reader, ImageFilter(**wanted), limit)]


def test_images_are_one_line_each_with_all_their_places_and_the_newest_first(reader: Reader) -> None:
    assert _ids(reader) == ["img-newest", "img-undecided", "img-held", "img-making", "img-global"]
    everywhere = list(queries.images(reader, ImageFilter()))[-1]
    assert everywhere.accounts == ("alice", "lab")
    assert everywhere.regions == ("cn-sh2", "cn-wlcb")
    assert everywhere.latest.name == 'renamed; "quoted"\nname'
    assert everywhere.statuses == ("Available",)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"account": "alice"}, ["img-global"]),
        ({"region": "cn-sh2"}, ["img-newest", "img-global"]),
        ({"account": "lab", "region": "hk"}, []),
        ({"status": "Making"}, []),
        ({"status": "Available", "region": "cn-sh2"}, ["img-newest", "img-global"]),
        ({"owner": "bob"}, ["img-newest"]),
        ({"owner": "o-2"}, ["img-newest"]),
        ({"name": "*镜像*"}, ["img-held"]),
        ({"name": "name of img-[mn]*"}, ["img-newest", "img-making"]),
        ({"name": "' OR 1=1 --"}, []),
        ({"which": "revoked"}, ["img-old"]),
        ({"which": "revoked", "account": "alice"}, []),
        ({"which": "revoked", "name": "name of img-old"}, ["img-old"]),
        ({"which": "all", "region": "hk"}, ["img-retired"]),
    ],
)
def test_images_are_filtered(reader: Reader, wanted: dict[str, Any], expected: list[str]) -> None:
    assert _ids(reader, **wanted) == expected
    rows = [
        (row.image_id, row.account, row.region)
        for row in queries.images_by_region(reader, ImageFilter(**wanted))
    ]
    assert {image_id for image_id, _, _ in rows} == set(expected)
    assert len(set(rows)) == len(rows)


def test_a_filter_narrows_the_places_of_a_line_too(reader: Reader) -> None:
    [line] = queries.images(reader, ImageFilter(account="lab", region="cn-wlcb", name="*global"))
    assert [(row.account, row.region) for row in line.places] == [("lab", "cn-wlcb")]


def test_a_line_names_no_place_that_is_retired(filled: Path) -> None:
    with closing(sqlite3.connect(filled)) as other:
        other.execute("UPDATE image_rows SET image_id = 'img-global' WHERE region = 'hk'")
        other.commit()
    with Reader.open(filled) as reader:
        [line] = queries.images(reader, ImageFilter(name="name of img-global", account="lab"))
        assert line.regions == ("cn-wlcb",)
        [line] = queries.images(reader, ImageFilter(which="all", region="hk"))
        assert line.regions == ("hk",)


def test_all_images_are_ordered_by_when_they_last_came_or_went(reader: Reader) -> None:
    assert _ids(reader, which="all") == [
        "img-newest", "img-undecided", "img-held", "img-old", "img-making", "img-global", "img-retired",
    ]  # fmt: skip


def test_a_limit_counts_images_and_not_places(reader: Reader) -> None:
    assert _ids(reader, 3) == _ids(reader)[:3]
    rows = list(queries.images_by_region(reader, ImageFilter(name="*global*", which="all")))
    assert len(rows) == 2
    assert len(list(queries.images_by_region(reader, ImageFilter(), 2))) == 2


def test_one_image_is_shown_wherever_it_is_or_was(reader: Reader) -> None:
    assert [(row.account, row.region) for row in queries.image(reader, "img-global")] == [
        ("alice", "cn-wlcb"), ("lab", "cn-sh2"), ("lab", "cn-wlcb"),
    ]  # fmt: skip
    [old] = queries.image(reader, "img-old")
    assert old.revoked_at == to_text(at(30))
    [retired] = queries.image(reader, "img-retired")
    assert not retired.active
    assert queries.image(reader, "img-nowhere") == []


def test_a_row_has_its_lists_as_lists_and_says_when_it_was_last_seen(reader: Reader) -> None:
    [held] = queries.image(reader, "img-held")
    assert held.tags == ("cuda", "torch")
    assert held.softwares == {
        "framework": "PyTorch",
        "framework_version": "2.9",
        "applications": ["jupyter"],
    }
    assert (held.missing_since, held.last_seen_at) == (to_text(at(55)), to_text(at(54)))
    [newest] = queries.image(reader, "img-newest")
    assert (newest.tags, newest.softwares) == ((), None)
    assert newest.last_seen_at == to_text(at(59))
    assert queries.payload(reader, "img-newest", "lab", "cn-sh2") == '{"CompShareImageId":"img-newest"}'
    assert queries.payload(reader, "img-newest", "lab", "nowhere") is None


def test_held_rows_say_since_and_until_when_and_undecided_ones_are_shown_on_demand(reader: Reader) -> None:
    [held] = queries.missing(reader)
    assert (held.image_id, held.name, held.held) == ("img-held", "held 镜像", True)
    assert (held.missing_since, held.until, held.missing_syncs) == (to_text(at(55)), to_text(at(115)), 2)
    both = queries.missing(reader, undecided=True)
    assert [(row.image_id, row.held, row.until is None) for row in both] == [
        ("img-held", True, False),
        ("img-undecided", False, True),
    ]
    assert queries.missing(reader, "alice") == []
    assert queries.missing(reader, "lab", "cn-sh2") == []


def test_events_come_oldest_first_and_a_limit_keeps_the_newest(reader: Reader) -> None:
    everything = list(queries.events(reader, EventFilter()))
    assert [event.seq for event in everything] == list(range(1, queries.last_seq(reader) + 1))
    assert list(queries.events(reader, EventFilter(), 3)) == everything[-3:]
    assert queries.first_events(reader, EventFilter(after=2), 3) == everything[2:5]
    assert list(queries.events(reader, EventFilter(after=len(everything)))) == []


@pytest.mark.parametrize(
    ("wanted", "keeps"),
    [
        ({"types": ("sync.*",)}, lambda event: event.type.startswith("sync.")),
        (
            {"types": ("image.revoked", "sync.held")},
            lambda event: event.type in ("image.revoked", "sync.held"),
        ),
        ({"types": ("nothing.*",)}, lambda event: False),
        ({"image_id": "img-global"}, lambda event: event.image_id == "img-global"),
        (
            {"image_id": "img-making", "types": ("*.status_changed",)},
            lambda event: event.image_id == "img-making" and event.type == "image.status_changed",
        ),
        ({"after": at(26)}, lambda event: event.observed_at >= to_text(at(26))),
        (
            {"after": at(26), "types": ("image.shared",)},
            lambda event: event.observed_at >= to_text(at(26)) and event.type == "image.shared",
        ),
        ({"after": 5, "image_id": "img-old"}, lambda event: event.seq > 5 and event.image_id == "img-old"),
        ({"after": at(500)}, lambda event: False),
    ],
)
@pytest.mark.parametrize("limit", [None, 2, 100])
def test_events_are_filtered(reader: Reader, wanted: dict[str, Any], keeps: Any, limit: int | None) -> None:
    expected = [event for event in queries.events(reader, EventFilter()) if keeps(event)]
    found = list(queries.events(reader, EventFilter(**wanted), limit))
    assert found == (expected if limit is None else expected[-limit:])
    assert queries.first_events(reader, EventFilter(**wanted), 2) == expected[:2]


def test_a_clock_that_was_set_back_does_not_bring_old_events_into_a_time(filled: Path) -> None:
    with closing(sqlite3.connect(filled)) as other:
        last = other.execute(
            "INSERT INTO events (id, type, observed_at, body) VALUES ('late', 'sync.held', ?, '{}')",
            (to_text(at(0)),),
        ).lastrowid
        other.commit()
    with Reader.open(filled) as reader:
        since = [event.seq for event in queries.events(reader, EventFilter(after=at(50)))]
        assert since
        assert last not in since
        assert [event.seq for event in queries.events(reader, EventFilter(after=at(-1)), 1)] == [last]


def test_the_history_of_an_image_spans_accounts_and_regions(reader: Reader) -> None:
    told = [(event.account, event.region, event.type) for event in queries.history(reader, "img-global")]
    assert told == [
        ("lab", "cn-wlcb", "image.shared"),
        ("lab", "cn-sh2", "image.shared"),
        ("alice", "cn-wlcb", "image.shared"),
        ("lab", "cn-sh2", "image.updated"),
    ]


def test_accounts_show_their_open_alert(reader: Reader) -> None:
    alice, lab = queries.accounts(reader)
    assert (alice.account, alice.alert_class, alice.alert_since) == ("alice", "auth", to_text(at(10)))
    assert alice.discovery_error == "RetCode 171"
    assert (lab.alert_class, lab.discovered_at, lab.active) == (None, to_text(at(5)), True)


def test_targets_show_freshness_failure_and_whether_they_are_retired(reader: Reader) -> None:
    found = {(row.account, row.region): row for row in queries.targets(reader)}
    assert list(found) == [("alice", "cn-wlcb"), ("lab", "cn-sh2"), ("lab", "cn-wlcb"), ("lab", "hk")]
    assert found["alice", "cn-wlcb"].failures == 12
    assert found["alice", "cn-wlcb"].failing_since == to_text(at(10))
    assert [row.active for row in found.values()] == [True, True, True, False]
    assert [row.account for row in queries.targets(reader, "alice")] == ["alice"]


def test_sinks_show_their_backlog(reader: Reader, filled: Path) -> None:
    feishu, log = queries.sinks(reader)
    with closing(sqlite3.connect(filled)) as connection:
        [(pending, oldest)] = connection.execute(
            "SELECT COUNT(*), MIN(event_seq) FROM deliveries WHERE sink = 'feishu' AND state = 'pending'"
        )
    assert (feishu.name, feishu.state, feishu.last_error) == ("feishu", "backing_off", "HTTP 502")
    assert (feishu.pending, feishu.oldest_pending_seq, feishu.dead) == (pending, oldest, 1)
    [event] = queries.first_events(reader, EventFilter(after=oldest - 1), 1)
    assert feishu.oldest_pending_at == event.observed_at
    assert (log.name, log.pending, log.oldest_pending_at, log.dead) == ("log", 0, None, 0)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, ["complete", "complete", "failed", "held", "incomplete"]),
        ({"account": "lab"}, ["complete", "complete", "held", "incomplete"]),
        ({"account": "lab", "region": "cn-sh2"}, ["incomplete"]),
        ({"outcome": "failed"}, ["failed"]),
        ({"limit": 2}, ["held", "incomplete"]),
    ],
)
def test_runs_are_filtered_and_the_newest_come_last(
    reader: Reader, wanted: dict[str, Any], expected: list[str]
) -> None:
    assert [run.outcome for run in queries.runs(reader, **wanted)] == expected


def test_a_quiet_run_counts_those_it_stands_for(reader: Reader) -> None:
    assert [run.count for run in queries.runs(reader, "lab", "cn-wlcb")] == [1, 2, 1]


@pytest.mark.parametrize("limit", [None, 1, 3, 100])
@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"sink": "feishu"},
        {"state": "dead"},
        {"sink": "feishu", "state": "pending"},
        {"sink": "log", "state": "dead"},
    ],
)
def test_deliveries_are_filtered_and_the_newest_come_last(
    reader: Reader, filled: Path, wanted: Any, limit: int | None
) -> None:
    where = " AND ".join(f"{name} = :{name}" for name in wanted) or "1"
    with closing(sqlite3.connect(filled)) as connection:
        expected = connection.execute(
            f"SELECT event_seq, sink, state FROM deliveries WHERE {where} ORDER BY event_seq, sink", wanted
        ).fetchall()
    found = [
        (row.event_seq, row.sink, row.state) for row in queries.deliveries(reader, **wanted, limit=limit)
    ]
    assert found == (expected if limit is None else expected[-limit:])


def test_a_delivery_says_which_event_it_carries(reader: Reader) -> None:
    [dead] = queries.deliveries(reader, state="dead")
    assert (dead.sink, dead.last_error, dead.attempts) == ("feishu", "HTTP 400", 9)
    assert (dead.event_type, dead.account) == ("sync.baseline", "lab")


def test_every_row_has_a_value_for_every_field_of_its_table(reader: Reader, filled: Path) -> None:
    """A column that moved would put its value under another name."""
    with closing(sqlite3.connect(filled)) as connection:
        connection.row_factory = sqlite3.Row
        for rows, table in (
            (queries.targets(reader), "targets ORDER BY account, region"),
            (queries.accounts(reader), "accounts ORDER BY account"),
            (queries.runs(reader), "runs ORDER BY id"),
            (list(queries.events(reader, EventFilter())), "events ORDER BY seq"),
            (list(queries.images_by_region(reader, ImageFilter())), "images"),
        ):
            stored = [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]
            assert len(rows) == len(stored)
            for row in rows:
                fields = {
                    name: value
                    for name, value in dataclasses.asdict(row).items()
                    if name not in ("tags", "softwares", "revoked_at") and name in stored[0]
                }
                assert any(fields.items() <= each.items() for each in stored)


def test_the_follower_gives_each_new_event_once_and_reads_only_after_a_write(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Follower(filled, 0) as follower, closing(sqlite3.connect(filled)) as other:
        first = follower.poll()
        assert [event.seq for event in first] == list(range(1, len(first) + 1))
        assert follower.poll() == []
        for _ in range(3):
            other.execute(
                "INSERT INTO events (id, type, observed_at, body)"
                " SELECT 'new' || MAX(seq), 'sync.held', '', '{}' FROM events"
            )
            other.commit()
            assert [event.type for event in follower.poll()] == ["sync.held"]
            with monkeypatch.context() as patch:
                patch.setattr(sys.modules[Follower.__module__], "first_events", None)
                assert follower.poll() == []


def test_the_follower_skips_what_is_not_wanted_and_what_was_before(filled: Path) -> None:
    with Follower(filled, 3, EventFilter(types=("image.revoked",))) as follower:
        assert [event.image_id for event in follower.poll()] == ["img-old"]


def test_the_follower_goes_on_with_a_file_that_took_the_others_place(filled: Path, tmp_path: Path) -> None:
    with Follower(filled, 10_000) as follower:
        assert follower.poll() == []
        restored = tmp_path / "restored.db"
        restored.write_bytes(filled.read_bytes())
        with closing(sqlite3.connect(restored)) as other:
            other.execute(
                "INSERT INTO events (seq, id, type, observed_at, body) VALUES (10001, 'a', 'b', '', '')"
            )
            other.commit()
        restored.rename(filled)
        assert [event.seq for event in follower.poll()] == [10001]


def test_the_follower_waits_between_its_polls(filled: Path) -> None:
    class EnoughError(Exception):
        pass

    def sleep(seconds: float) -> None:
        assert 0 < seconds <= 1
        raise EnoughError

    with Follower(filled, 0) as follower:
        events = follower.wait(sleep=sleep)
        assert [next(events).seq for _ in range(10)] == list(range(1, 11))
        with pytest.raises(EnoughError):
            list(events)


def test_the_reading_half_starts_without_anything_heavy() -> None:
    code = (
        "import sys, syncd.store.queries\n"
        "heavy = {'sqlalchemy', 'aiosqlite', 'asyncio', 'alembic', 'aiohttp'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_follower_does_not_read_again_what_its_filter_left_out(filled: Path) -> None:
    with Follower(filled, 0, EventFilter(account="nobody")) as follower, Reader.open(filled) as reader:
        assert follower.poll() == []
        assert follower._seq == queries.last_seq(reader)
