"""The reading commands on files that are missing, broken, empty or full of hostile text, and on every terminal."""

from __future__ import annotations

import asyncio
import csv
import fcntl
import io
import json
import os
import pty
import re
import shutil
import sqlite3
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from syncd.cli.main import main
from syncd.store import migrate
from tests.store.filled import fill

READING = (
    "images", "images --by-region", "images --revoked", "image img-held", "events", "status", "runs", "deliveries",
    "held list", "sinks list",
)  # fmt: skip
WIDE = "数字人 一键启动 " * 10
EVIL = "\x1b]0;owned\x07\x1b[31m=cmd|'/c calc'!A1\u202e\x9b2J\x7f\u2066\n\r\tnext 镜像"
OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What no output may hold but for tab and line break."""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "syncd.db"
    asyncio.run(fill(path))
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE image_rows SET name = ?, owner_name = ? WHERE image_id = 'img-held'", (EVIL, EVIL))
        db.execute("UPDATE image_rows SET name = ? WHERE image_id = 'img-newest'", (WIDE,))
        db.execute(
            "UPDATE events SET body = json_set(body, '$.data.image.name', ?) WHERE image_id = 'img-held'",
            (EVIL,),
        )
        for table, column in (("runs", "error"), ("deliveries", "last_error"), ("targets", "last_error")):
            db.execute(f"UPDATE {table} SET {column} = ?", (EVIL,))
        db.commit()
    return path


@pytest.fixture
def full(hostile: Path, tmp_path: Path) -> Path:
    """A little of everything; names, owners and errors are hostile."""
    return Path(shutil.copy(hostile, tmp_path / "syncd.db"))


def _missing(path: Path) -> None:
    path.unlink()


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _nothing(path: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path) -> None:
    path.write_text("no database\n" * 500)


def _damaged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[100:4000] = b"\x99" * 3900
    path.write_bytes(content)


def _newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE alembic_version SET version_num = '0999'")
        db.commit()


@pytest.mark.parametrize("breaking", [_missing, _folder, _nothing, _text, _damaged, _newer])
def test_a_file_that_cannot_be_used_is_code_5_and_a_line_with_a_remedy(
    full: Path, breaking: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    breaking(full)
    for line in READING:
        assert main([*line.split(), "--db", str(full)]) == 5, line
        captured = capsys.readouterr()
        assert captured.out == ""
        said, remedy = captured.err.splitlines()
        assert said.startswith("syncd: ")
        assert str(full) in said
        assert "folder" in said or breaking is not _folder
        assert remedy.strip()


@pytest.mark.parametrize("line", ["images", "status"])
def test_a_missing_file_leads_to_the_one_that_is_there(
    full: Path, tmp_path: Path, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usual = tmp_path / "state/syncd/syncd.db"
    usual.parent.mkdir(parents=True)
    full.rename(usual)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert main([line, "--db", str(full)]) == 5
    assert (
        capsys.readouterr().err
        == f"syncd: {full} does not exist\n  {usual} is there; --db {usual} reads it\n"
    )
    assert main([line, "--db", str(usual)]) in (0, 3)


FAULTY = {
    "a fault elsewhere": '[database]\npath = "syncd.db"\n[guard]\nmin = 0\n',
    "no TOML at all": "[database\n",
    "a fault of the path": "[database]\npath = 1\n",
}


@pytest.mark.parametrize("fault", FAULTY)
@pytest.mark.parametrize("line", READING)
def test_with_a_faulty_configuration_the_database_is_read_where_it_is(
    full: Path,
    tmp_path: Path,
    line: str,
    fault: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(FAULTY[fault])
    place = full
    if fault != "a fault elsewhere":
        place = tmp_path / "state/syncd/syncd.db"
        place.parent.mkdir(parents=True)
        full.rename(place)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert main([*line.split(), "--config", str(config)]) in (0, 3)
    said = capsys.readouterr().err
    assert said.startswith(f"warning: {config}: ")
    assert (
        f"fault{'s' if fault != 'no TOML at all' else ''} (`syncd config check` lists them); reading {place}\n"
        in said
    )
    place.unlink()
    assert main([*line.split(), "--config", str(config)]) == 2
    assert f"name it with --db, as in --db {place}" in capsys.readouterr().err


def test_a_faulty_configuration_is_no_base_to_change_a_file_on(
    full: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(FAULTY["a fault elsewhere"])
    assert main(["db", "upgrade", "--config", str(config)]) == 2
    assert f"--db {full}" in capsys.readouterr().err


@pytest.mark.parametrize("line", READING)
def test_every_form_can_be_read_by_machines_and_harms_no_terminal(
    full: Path, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    counts: dict[str, int] = {}
    for form in ("json", "jsonl", "csv", "table"):
        assert main([*line.split(), "--db", str(full), "--format", form]) in (0, 3), form
        output = capsys.readouterr().out
        assert not OBEYED.search(output), form
        match form:
            case "json":
                counts[form] = len(json.loads(output))
            case "jsonl":
                counts[form] = len([json.loads(entry) for entry in output.split("\n") if entry])
            case "csv":
                rows = list(csv.reader(io.StringIO(output)))
                assert len({len(row) for row in rows}) == 1
                assert not [cell for row in rows for cell in row if cell[:1] in ("=", "+", "@")]
                counts[form] = len(rows) - 1
            case _:
                assert output
    assert len(set(counts.values())) == 1
    assert counts["json"]


def test_what_a_stranger_wrote_survives_in_json(full: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["images", "--db", str(full), "--format", "json", "--name", "*镜像"])
    (row,) = json.loads(capsys.readouterr().out)
    assert row["name"] == EVIL


@pytest.mark.parametrize("line", READING)
def test_an_empty_answer_says_why(tmp_path: Path, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "syncd.db"
    migrate.upgrade_file(path)
    expected = {"image img-held": 2, "status": 3}
    for form in ("table", "json"):
        assert main([*line.split(), "--db", str(path), "--format", form]) == expected.get(line, 0)
        captured = capsys.readouterr()
        assert "no" in captured.err or line == "status"
        assert form == "table" or line.startswith("image ") or isinstance(json.loads(captured.out), list)
    if line == "status":
        main(["status", "--db", str(path)])
        assert "unhealthy: nothing was ever synced" in capsys.readouterr().out


def on_a_terminal(columns: int, *arguments: str | Path, **environ: str) -> str:
    """What a command writes where a person looks."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    with subprocess.Popen(
        [sys.executable, "-m", "syncd", *map(str, arguments)],
        stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL, env=kept | {"TERM": "xterm"} | environ,
    ) as process:  # fmt: skip
        os.close(theirs)
        written = bytearray()
        try:
            while piece := os.read(ours, 65536):
                written += piece
        except OSError:  # as Linux says that the other end was closed
            pass
        os.close(ours)
        assert process.wait(20) in (0, 3)
    return written.decode().replace("\r\n", "\n")


def test_a_terminal_gets_colours_unless_it_is_told_not_to(full: Path) -> None:
    assert "\x1b[32mAvailable" in on_a_terminal(120, "images", "--db", full)
    assert "\x1b" not in on_a_terminal(120, "images", "--db", full, NO_COLOR="1")


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_no_line_is_wider_than_the_terminal_and_no_id_is_cut(full: Path, columns: int) -> None:
    from rich.cells import cell_len

    output = on_a_terminal(columns, "images", "--db", full, NO_COLOR="1")
    for image in ("img-newest", "img-undecided", "img-held", "img-making", "img-global"):
        assert image in output
    if columns > 40:  # below, each value has a line of its own, and a long one is wrapped by the terminal
        assert max(map(cell_len, output.splitlines())) <= columns


def test_a_reader_that_leaves_ends_a_long_answer(full: Path) -> None:
    with closing(sqlite3.connect(full)) as db:
        db.execute(
            "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 3000)"
            " INSERT INTO events (id, type, observed_at, body) SELECT 'e' || i, 'sync.failed', e.observed_at, e.body"
            " FROM c, events AS e WHERE e.type = 'sync.failed'"
        )
        db.commit()
    syncd = f"{sys.executable} -m syncd events --db {full} --limit 5000 --format jsonl"
    command = f"{syncd} | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=60)
    line, code = done.stdout.splitlines()
    assert json.loads(line)["seq"]
    assert (code, done.stderr) == ("141", "")


HEAVY = ("sqlalchemy", "aiosqlite", "alembic", "apscheduler", "jinja2", "aiohttp")


def test_reading_needs_nothing_heavy(full: Path) -> None:
    script = (
        "import sys; from syncd.cli.main import main\n"
        f"for line in {READING!r}: main([*line.split(), '--db', sys.argv[1], '--format', 'json'])\n"
        f"found = set({HEAVY!r}) & set(sys.modules); assert not found, found"
    )
    done = subprocess.run([sys.executable, "-c", script, full], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
