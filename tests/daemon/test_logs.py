"""The log is lines that a person and a machine can read, whatever strangers wrote into what is logged."""

from __future__ import annotations

import io
import json
import logging
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
import structlog

from syncd.daemon import logs

EVIL = "\x1b]0;owned\x07\x1b[31m\u202egnp.exe\x9b2J\x7f\u2066\r\x00"
OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    libraries = {
        name: logging.getLogger(name).level for name in (*logs.ALWAYS_QUIET, *logs.QUIET_UNLESS_DEBUGGING)
    }
    yield
    for name, heard in libraries.items():
        logging.getLogger(name).setLevel(heard)
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def written(form: str, level: str = "debug", **environ: str) -> str:
    stream = io.StringIO()
    logs.configure(level, form, stream=stream, environ=environ)
    log = structlog.get_logger()
    log.warning("sync_failed", error=EVIL, region="cn-a" + EVIL, reasons=[EVIL], text="a\nb")
    logging.getLogger("library").warning("it said %s\nready", EVIL)
    try:
        raise ValueError(EVIL)
    except ValueError:
        log.error("internal_error", exc_info=True)
    return stream.getvalue()


@pytest.mark.parametrize("form", ["console", "json"])
@pytest.mark.parametrize("level", ["debug", "info"])
def test_no_line_holds_what_a_terminal_obeys_and_none_is_forged(form: str, level: str) -> None:
    text = written(form, level)
    assert OBEYED.search(text) is None
    assert not any(line.startswith("ready") for line in text.splitlines())
    assert len(text.splitlines()) == 3 or (form == "console" and level == "debug")


def test_json_keeps_what_was_said() -> None:
    first, second, third = map(json.loads, written("json").splitlines())
    assert (first["event"], first["error"], first["reasons"]) == ("sync_failed", EVIL, [EVIL])
    assert second["event"] == f"it said {EVIL}\nready"
    assert third["exception"].startswith("Traceback")


def test_a_traceback_is_shown_at_debug_only_and_the_text_of_the_error_too() -> None:
    last = json.loads(written("json", "info").splitlines()[-1])
    assert "exception" not in last
    assert re.fullmatch(r"ValueError at test_logs\.py:\d+", last["error"])


@pytest.mark.parametrize("name", ["aiosqlite", "sqlalchemy.engine.Engine", "asyncio"])
def test_at_debug_the_database_driver_is_not_heard(name: str) -> None:
    stream = io.StringIO()
    logs.configure("debug", "json", stream=stream, environ={})
    logging.getLogger(name).debug("executing")
    logging.getLogger(name).info("SELECT payload")
    logging.getLogger(name).warning("pool is full")
    structlog.get_logger().debug("sync")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["pool is full", "sync"]


def test_people_read_local_time_and_programs_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        local = datetime.now(ZoneInfo("Asia/Shanghai"))
        assert f"{local:%Y-%m-%d %H:}" in written("console")
        assert (
            f"{local.astimezone(UTC):%Y-%m-%dT%H:}"
            in json.loads(written("json").splitlines()[0])["timestamp"]
        )
    finally:
        monkeypatch.undo()
        time.tzset()
