"""How much the commands list: programs get everything, people get a page and are told that it is one."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from syncd.cli.main import main
from tests.cli.test_reading_commands import on_a_terminal
from tests.store.filled import fill

COPIES = 250


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A little of everything, and one image, event, run and delivery 250 times over."""
    path = tmp_path_factory.mktemp("crowded") / "syncd.db"
    asyncio.run(fill(path))
    with closing(sqlite3.connect(path)) as db:
        _copy(db, "image_rows", "image_id", "image_id = 'img-newest'", "'copy-' || n")
        _copy(
            db, "events", "seq", "baseline = 0 AND type = 'image.shared'", "(SELECT MAX(seq) FROM events) + n"
        )
        _copy(db, "runs", "id", "1", "(SELECT MAX(id) FROM runs) + n")
        _copy(db, "deliveries", "event_seq", "state = 'delivered'", "1000000 + n")
        db.execute("UPDATE image_rows SET image_type = 'Custom', source_gpu_type = '4090'")
        db.commit()
    return path


def _copy(db: sqlite3.Connection, table: str, key: str, which: str, value: str) -> None:
    columns = [name for _, name, *_ in db.execute(f"PRAGMA table_info({table})")]
    taken = [value if name == key else f"o.{name}" for name in columns]
    if table == "events":
        taken[columns.index("id")] = "o.id || n"
    db.execute("PRAGMA foreign_keys = OFF")
    db.execute(
        f"WITH RECURSIVE copies (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copies WHERE n < {COPIES})"
        f" INSERT INTO {table} SELECT {', '.join(taken)} FROM copies, (SELECT * FROM {table} WHERE {which} LIMIT 1) o"
    )


def run(capsys: pytest.CaptureFixture[str], *line: str | Path, code: int = 0) -> tuple[str, str]:
    assert main([str(word) for word in line]) == code
    said = capsys.readouterr()
    return said.out, said.err


@pytest.mark.parametrize("command", ["images", "images --by-region", "events", "runs", "deliveries"])
@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_programs_get_everything(
    crowded: Path, capsys: pytest.CaptureFixture[str], command: str, form: str
) -> None:
    out, err = run(capsys, *command.split(), "--format", form, "--db", crowded)
    count = len(json.loads(out)) if form == "json" else len(out.splitlines())
    assert count > COPIES
    assert "of" not in err


@pytest.mark.parametrize("command", ["images", "images --by-region", "events", "runs", "deliveries"])
def test_people_get_a_page_and_are_told_how_much_there_is(
    crowded: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    everything = json.loads(run(capsys, *command.split(), "--format", "json", "--db", crowded)[0])
    out, err = run(capsys, *command.split(), "--db", crowded)
    assert len(out.splitlines()) == 1 + 100
    assert err.startswith(f"100 of {len(everything)} ")
    assert "--limit 0" in err
    out, err = run(capsys, *command.split(), "--limit", "0", "--db", crowded)
    assert (len(out.splitlines()), err) == (1 + len(everything), "")


def test_a_limit_holds_in_every_form_and_says_what_it_left_out(
    crowded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = run(capsys, "images", "--limit", "7", "--format", "jsonl", "--db", crowded)
    assert len(out.splitlines()) == 7
    assert err.startswith("7 of ")


@pytest.mark.parametrize("form", ["table", "jsonl"])
def test_no_event_is_left_out_after_a_number(
    crowded: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    first = json.loads(run(capsys, "events", "--format", "json", "--db", crowded)[0])[0]["seq"]
    out, err = run(capsys, "events", "--since", str(first), "--format", form, "--db", crowded)
    assert len(out.splitlines()) > COPIES - 1
    assert err == ""


@pytest.mark.parametrize(
    ("line", "message", "known"),
    [
        ("images --account lba", "there is no account lba", "did you mean lab?"),
        ("images --region moon", "there is no region moon", "there are "),
        ("images --status available", None, ""),
        ("images --status Gone", "there is no status Gone", "Available"),
        ("images --type Nothing", "there is no type of image Nothing", "there are "),
        ("images --gpu 9999", "there is no GPU 9999", "there are "),
        ("events --account nobody", "there is no account nobody", "lab"),
        ("events --type image.gone", "there is no type of event image.gone", "image.revoked"),
        ("runs --region moon", "there is no region moon", "there are "),
        ("deliveries --sink fieshu", "there is no sink fieshu", "did you mean feishu?"),
    ],
)
def test_a_filter_that_names_what_is_not_there_lists_what_is(
    crowded: Path, capsys: pytest.CaptureFixture[str], line: str, message: str | None, known: str
) -> None:
    out, err = run(capsys, *line.split(), "--db", crowded, code=2 if message else 0)
    if message:
        assert out == ""
        assert err.startswith(f"syncd: {message}\n")
        assert known in err


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("images --name *NEWEST*", True),
        ("images --name newest", False),
        ("images --owner *ZHANG*", True),
    ],
)
def test_globs_take_upper_and_lower_case_for_the_same(
    crowded: Path, capsys: pytest.CaptureFixture[str], line: str, shown: bool
) -> None:
    with closing(sqlite3.connect(crowded)) as db, db:
        db.execute(
            "UPDATE image_rows SET name = 'The Newest One', owner_name = 'zhang' WHERE image_id LIKE 'copy-%'"
        )
    out, _ = run(capsys, *line.split(), "--db", crowded)
    assert ("copy-" in out) is shown


def test_what_was_there_at_the_beginning_is_listed_only_if_asked_for(
    crowded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usual = json.loads(run(capsys, "events", "--format", "json", "--db", crowded)[0])
    whole = json.loads(run(capsys, "events", "--baseline", "--format", "json", "--db", crowded)[0])
    assert {event["baseline"] for event in usual} == {False}
    assert {event["baseline"] for event in whole} == {False, True}
    assert [event for event in whole if not event["baseline"]] == usual


def test_events_of_an_account_a_region_and_a_scope(crowded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    everything = json.loads(run(capsys, "events", "--format", "json", "--db", crowded)[0])
    for key in ("account", "region", "scope"):
        value = next(event[key] for event in everything if event[key])
        out, _ = run(capsys, "events", f"--{key}", value, "--format", "json", "--db", crowded)
        assert json.loads(out) == [event for event in everything if event[key] == value]


def test_an_image_is_shown_with_all_that_is_stored_of_it(
    crowded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(crowded)) as db, db:
        db.execute(
            "UPDATE image_rows SET source_gpu_type = 'H20', price_yuan_per_hour = 1.5, version_name = 'v7',"
            " created_at = '2025-05-06T07:08:09.000Z', softwares ="
            """ '{"framework":"PyTorch","framework_version":"2.9","cuda_version":"12.8"}'"""
            " WHERE image_id = 'copy-1'"
        )
    out, _ = run(capsys, "image", "copy-1", "--db", crowded)
    for text in ("H20", "¥1.5/h", "v7", "2025-05-0", "PyTorch 2.9, CUDA 12.8"):
        assert text in out


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("images --account l", {"lab"}),
        ("images --status ava", {"Available"}),
        ("images --gpu 40", {"4090"}),
        ("image copy-25", {"copy-25", "copy-250"}),
        ("events --type sync.h", {"sync.held"}),
        ("deliveries --sink fei", {"feishu"}),
    ],
)
def test_a_shell_completes_what_the_database_knows(
    crowded: Path, monkeypatch: pytest.MonkeyPatch, words: str, completed: set[str]
) -> None:
    command, *rest = words.split(" ")
    line = " ".join(["syncd", command, "--db", str(crowded), *rest])
    environ = {"_SYNCD_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    done = subprocess.run(
        [sys.executable, "-m", "syncd"],
        env=os.environ | environ,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert {item.removeprefix("plain,") for item in done.stdout.split()} == completed


def test_a_shell_gets_no_error_where_there_is_no_database(tmp_path: Path) -> None:
    line = f"syncd images --db {tmp_path}/none.db --account l"
    environ = {"_SYNCD_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": "5"}
    done = subprocess.run(
        [sys.executable, "-m", "syncd"], env=os.environ | environ, capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_eighty_columns_show_what_happened_and_cut_the_name(crowded: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(crowded, tmp_path / "syncd.db"))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE events SET body = json_set(body, '$.data.image.name', ?)", ("a name " * 30,))
    lines = on_a_terminal(
        80, "events", "--db", path, "--type", "image.status_changed", NO_COLOR="1"
    ).splitlines()
    assert any("status Making → Available" in line and "…" in line for line in lines)
    assert max(map(len, lines)) <= 80


def test_a_wide_terminal_shows_more_of_an_image(crowded: Path) -> None:
    narrow, wide = (on_a_terminal(columns, "images", "--db", crowded) for columns in (80, 220))
    assert "4090" not in narrow
    assert "4090" in wide
