"""No question that a reading command asks walks over all events, deliveries or payloads."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import pytest

from syncd.cli.command_list import COMMANDS
from syncd.cli.main import main
from syncd.cli.main import syncd as root
from syncd.model import to_text
from syncd.store import queries
from syncd.store.queries import EventFilter, ImageFilter, Reader
from tests.bench import cache
from tests.store.filled import at

Asked = list[tuple[str, Any]]

NEWEST, LIVE, SORTED = (
    "SCAN r USING INDEX image_rows_newest",
    "SCAN r USING INDEX image_rows_live",
    "TEMP B-TREE",
)
PLANS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "images": (lambda r: queries.images(r, ImageFilter(), 50), (NEWEST,)),
    "of a region": (lambda r: queries.images(r, ImageFilter(region="r"), 50), (NEWEST,)),
    "by region": (lambda r: queries.images_by_region(r, ImageFilter(name="*x*"), 50), (NEWEST,)),
    "revoked": (lambda r: queries.images(r, ImageFilter(which="revoked"), 50), ("SCAN targets",)),
    "all": (lambda r: queries.images(r, ImageFilter(which="all"), 50), (NEWEST, "SCAN targets")),
    "image": (lambda r: queries.image(r, "img-global"), (SORTED,)),
    "payload": (lambda r: [queries.payload(r, "img-global", "lab", "cn-wlcb")], ()),
    "missing": (lambda r: queries.missing(r, undecided=True), (LIVE, SORTED)),
    "last": (lambda r: [queries.last_seq(r)], ()),
    "events": (lambda r: queries.events(r, EventFilter(), 50), ()),
    "since": (lambda r: queries.events(r, EventFilter(after=at(10)), 50), ()),
    "of types": (lambda r: queries.events(r, EventFilter(after=at(10), types=("sync.*",)), 50), ()),
    "of an image": (lambda r: queries.events(r, EventFilter(after=3, image_id="img-old"), 50), (SORTED,)),
    "history": (lambda r: queries.history(r, "img-global", 50), (SORTED,)),
    "follow": (lambda r: queries.first_events(r, EventFilter(after=5, types=("image.*",)), 50), ()),
    "deliveries": (lambda r: queries.deliveries(r, limit=50), ("SCAN deliveries",)),
    "dead": (lambda r: queries.deliveries(r, state="dead", limit=50), ("SCAN sinks",)),
    "of a sink": (lambda r: queries.deliveries(r, "log", limit=50), ()),
    "runs": (lambda r: queries.runs(r, limit=50), ("SCAN runs",)),
    "runs of a target": (lambda r: queries.runs(r, "lab", "cn-wlcb", limit=50), ()),
    "sinks": (lambda r: queries.sinks(r), ("SCAN sinks",)),
    "targets": (lambda r: queries.targets(r), ("SCAN targets",)),
    "accounts": (lambda r: queries.accounts(r), ("SCAN accounts",)),
    "known statuses": (lambda r: queries.known_values(r, "status"), (NEWEST, "SCAN (subquery", SORTED)),
    "known sinks": (lambda r: queries.known_values(r, "sink"), ("SCAN sinks",)),
}
"""Each question with all that its plans may scan (in the order of an index up to a limit, or a small table) or sort."""


@pytest.fixture
def reader(filled: Path) -> Iterator[Reader]:
    with Reader.open(filled) as reader:
        yield reader


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Every statement that is read with from now on."""
    noted: Asked = []
    rows = Reader.rows

    def noting(self: Reader, sql: str, parameters: Any = ()) -> Iterator[tuple[Any, ...]]:
        noted.append((sql, parameters))
        return rows(self, sql, parameters)

    monkeypatch.setattr(Reader, "rows", noting)
    return noted


def plans_of(reader: Reader, asked: Asked) -> list[list[str]]:
    return [
        [row[3] for row in reader.all(f"EXPLAIN QUERY PLAN {sql}", values)]
        for sql, values in list(asked)
        if not sql.startswith("PRAGMA")
    ]


@pytest.mark.parametrize("name", PLANS)
def test_no_question_with_a_limit_scans_or_sorts_images_events_or_deliveries(
    reader: Reader, asked: Asked, name: str
) -> None:
    ask, allowed = PLANS[name]
    list(ask(reader))
    plans = plans_of(reader, asked)
    some_images = "SEARCH r USING INDEX image_rows_by_image (image_id=?)"
    steps = [
        step
        for plan in plans
        if some_images not in plan or name == "image"
        for step in plan
        if "SCAN" in step or SORTED in step
    ]
    assert plans
    assert [step for step in steps if not any(each in step for each in allowed)] == []
    assert [each for each in allowed if not any(each in step for step in steps)] == []


USES = {
    "images": "image_rows_newest", "revoked": "image_rows_lost", "image": "image_rows_by_image",
    "payload": "image_rows_", "missing": "image_rows_live", "since": "events_by_time", "of types": "events_by_type",
    "of an image": "events_by_image", "history": "events_by_image", "follow": "events_by_type",
    "dead": "deliveries_by_sink", "of a sink": "deliveries_by_sink", "runs of a target": "runs_by_target",
    "sinks": "deliveries_",
}  # fmt: skip


@pytest.mark.parametrize("name", USES)
def test_what_is_rare_is_found_by_its_index_and_not_by_walking_to_it(
    reader: Reader, asked: Asked, name: str
) -> None:
    list(PLANS[name][0](reader))
    assert any(USES[name] in step for plan in plans_of(reader, asked) for step in plan)


MANY = 20_000


@pytest.fixture(scope="module")
def crowded(filled_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after much has happened: to other images, and to these."""
    path = Path(shutil.copy(filled_once, tmp_path_factory.mktemp("crowded") / "x.db"))
    with closing(sqlite3.connect(path)) as db:
        count = f"WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < {MANY})"
        db.execute(
            f"{count} INSERT INTO events (id, type, account, region, image_id, observed_at, body)"
            " SELECT 'e' || i, 'image.updated', 'lab', 'cn-wlcb', 'other-' || i, ?, '{}' FROM c",
            (to_text(at(70)),),
        )
        db.execute(
            "INSERT INTO deliveries (event_seq, sink, state) SELECT seq, name, 'delivered' FROM events, sinks"
            " WHERE events.id LIKE 'e%' AND image_id LIKE 'other-%'"
        )
        db.execute(
            f"{count} INSERT INTO runs (account, region, started_at, finished_at, outcome)"
            " SELECT 'alice', 'cn-wlcb', '', '', 'complete' FROM c"
        )
        db.commit()
    return path


@pytest.mark.parametrize("name", sorted(PLANS.keys() - {"since", "of types"}))
def test_no_question_costs_more_because_much_has_happened(crowded: Path, name: str) -> None:
    """Counted in SQLite's own steps: of a walk over all events each takes several.

    Left out is a beginning in time, which looks at the index of all events since.
    """
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 100
        return 0

    with Reader.open(crowded) as reader:
        reader._connection.set_progress_handler(step, 100)
        list(PLANS[name][0](reader))
    assert steps < MANY


def test_every_question_that_there_is_is_looked_at() -> None:
    functions = {name for name in queries.__all__ if name.islower() and not name.startswith("count_")}
    used = {name for ask, _ in PLANS.values() for name in ask.__code__.co_names}
    assert functions - used == set()


WALKS = re.compile(r"SCAN (e|events|d|deliveries|r|image_rows)\b(?! USING INDEX image_rows_(newest|live)\b)")
"""A step that reads a large table from end to end. Both indexes are walked in the order that is asked for: the first
until there are enough lines, the second without a look at the rows."""


def lines(command: click.Command, name: str) -> Iterator[str]:
    if isinstance(command, click.Group):
        for child in command.commands.values():
            yield from lines(child, f"{name} {child.name}")
    elif {"form", "db"} <= {option.name for option in command.params}:
        yield name


def test_every_reading_command_is_measured_and_looked_at() -> None:
    reading = {
        line
        for name in COMMANDS
        if (command := root.get_command(click.Context(root), name)) is not None
        for line in lines(command, name)
    }
    assert {line for line in reading if not any(one.startswith(line) for one in cache.COMMANDS)} == set()


@pytest.mark.parametrize("line", [line for line in cache.COMMANDS if line != "regions"])
def test_no_reading_command_walks_over_a_large_table(
    filled: Path, asked: Asked, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*line.format(image="img-old").split(), "--db", str(filled)]) in (
        0,
        2,
        3,
        4,
    )  # 2: no such region there
    with Reader.open(filled) as reader:
        plans = plans_of(reader, asked)
    assert plans
    large = [step for plan in plans for step in plan if WALKS.search(step)]
    # The newest deliveries are read backwards along their key, and no further than the limit.
    allowed = "SCAN deliveries" if line == "deliveries" else None
    assert [step for step in large if step != allowed] == []
