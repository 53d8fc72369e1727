"""What the doctor finds, and what it says to do."""

from __future__ import annotations

import os
import socket
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from syncd.cli.doctor_checks.api import of_account, of_clock
from syncd.cli.doctor_checks.database import of_permissions
from syncd.cli.doctor_checks.finding import Finding, exit_code, failed, ok, warning
from syncd.cli.doctor_checks.service import of_credentials, of_service, of_unit
from syncd.cli.doctor_checks.sync_interval import rhythm_of
from syncd.cli.probe import Inquiry
from syncd.config import load
from syncd.errors import ApiError, AuthFailed, Misconfigured, Transient
from syncd.model import to_text
from syncd.simulator import Fault
from syncd.store.lock import FileLock, Holder
from syncd.store.queries import RunRow
from tests.cli.desk import Desk

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
DAEMON = Holder(7, "daemon", to_text(NOW))


def of(rows: list[dict[str, Any]], check: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["check"] == check]


def states(rows: list[dict[str, Any]]) -> dict[str, str]:
    return {row["check"]: row["state"] for row in rows if row["state"] != "ok"}


async def test_where_all_is_well_each_thing_has_a_line(desk: Desk) -> None:
    await desk.run("sync")
    rows = await desk.rows("doctor")
    assert [row["check"] for row in rows] == [
        "configuration", "account lab", "clock", "sink file", "database", "permissions", "file system",
        "disk space", "last sync", "deliveries", "service",
    ]  # fmt: skip
    assert states(rows) == {}
    assert (await desk.run("doctor")).count("✓") == len(rows)


async def test_a_missing_file_is_no_failure_and_says_what_makes_it(desk: Desk) -> None:
    rows = await desk.rows("doctor")
    assert states(rows) == {"database": "warning"}
    assert "`syncd run` or `syncd sync` makes it" in await desk.run("doctor")
    assert not desk.db.exists()


@pytest.mark.parametrize(("seconds", "way"), [(3600, "behind"), (-3600, "ahead of")])
async def test_a_clock_that_is_off_is_told_by_how_much_and_which_way(
    desk: Desk, seconds: int, way: str
) -> None:
    desk.sim.faults.add(Fault("clock_skew", seconds=seconds))
    (row,) = of(await desk.rows("doctor"), "clock")
    assert row["state"] == "warning"
    assert f" s {way} the API's" in row["message"]
    assert row["message"].split()[0] in ("3599", "3600", "3601")
    assert "chrony" in row["remedy"]


async def test_faults_of_the_configuration_end_with_2_and_hide_nothing_else(desk: Desk) -> None:
    await desk.run("sync")
    desk.config.write_text(desk.config.read_text().replace("private_key =", "private_key_env ="))
    rows = await desk.rows("doctor", code=2)
    assert [row["check"] for row in rows][:2] == ["configuration", "database"]
    assert rows[0]["state"] == "failed"


async def test_a_damaged_file_ends_with_5_whatever_else_fails(desk: Desk) -> None:
    desk.db.write_bytes(b"no database" * 1000)
    desk.sim.faults.add(Fault("http_error", status=404))
    rows = await desk.rows("doctor", code=5)
    assert states(rows)["database"] == "failed"
    assert of(rows, "database")[0]["remedy"]


async def test_a_stale_target_fails_it(desk: Desk) -> None:
    await desk.run("sync")
    with closing(sqlite3.connect(desk.db)) as db, db:
        db.execute("UPDATE targets SET fresh_until = '2026-01-01T00:00:00.000Z' WHERE region = 'cn-b'")
    rows = await desk.rows("doctor", code=3)
    assert states(rows) == {"last sync": "failed"}
    assert "lab/cn-b is stale since 2026-01-01" in of(rows, "last sync")[0]["message"]


async def test_a_receiver_that_is_down_fails_it_and_its_address_is_not_told(desk: Desk) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        with desk.config.open("a") as config:
            config.write(f'[sinks.hook]\ntype = "webhook"\nurl = "http://127.0.0.1:{port}/"\n')
        rows = await desk.rows("doctor", code=3)
    assert states(rows) == {"database": "warning", "sink hook": "failed"}
    (row,) = of(rows, "sink hook")
    assert row["message"] == "the receiver cannot be reached: Connection refused"
    assert str(port) not in str(row)


async def test_a_region_that_is_shut_is_a_warning_unless_it_was_asked_for(desk: Desk) -> None:
    desk.sim.faults.add(Fault("retcode", code=293, region="cn-b"))
    rows = await desk.rows("doctor")
    found = of(rows, "account lab")
    assert [row["state"] for row in found] == ["ok", "warning"]
    assert "cn-b is not watched" in found[1]["message"]
    shown = {row["region"]: (row["watched"], row["usable"]) for row in await desk.rows("regions")}
    assert shown == {"cn-a": (True, True), "cn-b": (False, False)}
    text = desk.config.read_text()
    desk.config.write_text(text.replace("[accounts.lab]", '[accounts.lab]\nregions = ["cn-a", "cn-b"]'))
    rows = await desk.rows("doctor", code=3)
    assert [row["state"] for row in of(rows, "account lab")] == ["ok", "failed"]


async def test_regions_of_an_account_that_is_not_there_is_a_slip(desk: Desk) -> None:
    await desk.run("regions", "--account", "nope", code=2)
    assert "accounts: lab" in desk.said


def asked(
    named: tuple[str, ...] = (),
    configured: tuple[str, ...] | None = None,
    error: ApiError | None = None,
    skew: float | None = None,
    **regions: ApiError | None,
) -> Inquiry:
    told = timedelta(seconds=skew) if skew is not None else None
    return Inquiry("lab", configured, named, error, regions, told)


SHUT = AuthFailed("RetCode 293", "leave it out", code=293)
DOWN = Transient("timed out", "check the network")
ABSENT = Misconfigured("RetCode 230", "check regions", code=230)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (asked(("a", "b"), a=None, b=None), ["ok"]),
        (asked(("a", "b"), a=None, b=SHUT), ["ok", "warning"]),
        (asked(("a", "b"), a=None, b=ABSENT), ["ok", "warning"]),
        (asked(("a", "b"), a=None, b=DOWN), ["ok", "failed"]),
        (asked(("a",), a=SHUT), ["failed", "warning"]),
        (asked(()), ["failed"]),
        (asked((), error=DOWN), ["failed"]),
        (asked((), ("a",), error=DOWN, a=DOWN), ["failed"]),
        (asked((), ("a",), error=DOWN, a=None), ["warning", "ok"]),
        (asked(("a", "b"), ("a",), a=None, b=SHUT), ["ok"]),
        (asked(("a",), ("a", "z"), a=None, z=ABSENT), ["ok", "failed"]),
    ],
)
def test_what_the_api_refuses_is_judged_by_what_is_wanted_of_it(found: Inquiry, expected: list[str]) -> None:
    findings = list(of_account(found))
    assert [one.state for one in findings] == expected
    assert all(one.remedy for one in findings if one.state != "ok")


@pytest.mark.parametrize(
    ("skews", "states"),
    [([], []), ([None], []), ([1, -2], ["ok"]), ([1, -300], ["warning"]), ([None, 121], ["warning"])],
)
def test_the_worst_skew_counts(skews: list[float | None], states: list[str]) -> None:
    assert [one.state for one in of_clock(asked(skew=skew) for skew in skews)] == states


def test_the_exit_code_is_the_gravest_of_what_failed() -> None:
    api, file, config = (failed("x", "", "", code) for code in (3, 5, 2))
    assert exit_code([ok("x", ""), warning("x", "")]) == 0
    assert exit_code([api]) == 3
    assert exit_code([api, file]) == 5
    assert exit_code([api, file, config]) == 2


def test_a_file_that_others_can_read_is_named_with_its_remedy(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    assert "closed" not in str(list(of_permissions(path)))
    path.touch(0o640)
    assert [one.state for one in of_permissions(path)] == ["ok"]
    path.chmod(0o644)
    (found,) = of_permissions(path)
    assert (found.state, found.remedy) == ("warning", f"chmod o= {path}")


UNIT = Path("/etc/systemd/system/syncd.service")


@pytest.mark.parametrize(
    ("unit", "running", "is_system", "state", "remedy"),
    [
        (UNIT, DAEMON, True, "ok", ""),
        (UNIT, None, True, "warning", "systemctl enable --now syncd"),
        (UNIT, None, False, "warning", "systemctl --user enable --now syncd"),
        (None, DAEMON, True, "warning", "install systemd/syncd.service, see the README"),
        (None, None, True, "warning", "install systemd/syncd.service, see the README"),
        (None, DAEMON, False, "ok", ""),
        (None, None, False, "ok", ""),
    ],
)
def test_a_service_has_its_unit_and_runs(
    unit: Path | None, running: Holder | None, is_system: bool, state: str, remedy: str
) -> None:
    found = of_unit(unit, running, is_system)
    assert (found.state, found.remedy) == (state, remedy)
    assert ("pid 7" in found.message) == (running is not None)


def test_a_user_s_unit_is_found_at_home(desk: Desk, tmp_path: Path) -> None:
    config = load(desk.config, {})
    unit = tmp_path / ".config/systemd/user/syncd.service"
    (found,) = of_service(config, {"HOME": str(tmp_path)})
    assert "no systemd unit" in found.message
    unit.parent.mkdir(parents=True)
    unit.touch()
    with FileLock.acquire(desk.db, "daemon"):
        (found,) = of_service(config, {"HOME": str(tmp_path)})
    assert found.state == "ok"
    assert str(unit) in found.message
    assert f"pid {os.getpid()}" in found.message


def test_a_credential_that_is_newer_than_the_service_asks_for_a_restart(tmp_path: Path) -> None:
    folder = tmp_path / "credentials"

    def after(**age: float) -> list[Finding]:
        moment = (NOW + timedelta(**age)).timestamp()
        os.utime(folder / "key", (moment, moment))
        return list(of_credentials(folder, DAEMON))

    assert list(of_credentials(folder, DAEMON)) == []
    folder.mkdir()
    assert list(of_credentials(folder, DAEMON)) == []
    (folder / "key").touch()
    assert [one.state for one in after(minutes=-1)] == ["ok"]
    (found,) = after(minutes=1)
    assert (found.state, found.remedy) == ("warning", "systemctl restart syncd")


def ran(db: Path, minutes: int, count: int = 5) -> None:
    """Both regions were synced so many times, so many minutes apart, the last time now."""
    ago = f"strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-{minutes * (count - 1)} minutes')"
    with closing(sqlite3.connect(db)) as file, file:
        file.execute("UPDATE runs SET outcome = 'complete'")
        file.execute(f"UPDATE runs SET count = {count}, started_at = {ago}")


@pytest.mark.parametrize(
    ("minutes", "state", "said", "setting"),
    [
        (60, "warning", "stale", 'interval = "1h"'),
        (90, "warning", "stale", 'interval = "90m"'),
        (10, "warning", "every 10 min, but [schedule] promises one every 60 s", 'interval = "10m"'),
        (1, "ok", "as [schedule] asks for", ""),
    ],
)
async def test_runs_that_come_more_rarely_than_planned_are_named_and_what_to_set(
    desk: Desk, minutes: int, state: str, said: str, setting: str
) -> None:
    desk.config.write_text(desk.config.read_text().replace('interval = "1s"', 'interval = "1m"'))
    await desk.run("sync")
    ran(desk.db, minutes)
    (row,) = of(await desk.rows("doctor"), "rhythm")
    assert row["state"] == state
    assert said in row["message"]
    assert setting in row["remedy"]


async def test_of_few_runs_no_rhythm_is_told(desk: Desk) -> None:
    await desk.run("sync")
    await desk.run("sync")
    assert of(await desk.rows("doctor"), "rhythm") == []


def test_one_long_pause_is_no_rhythm() -> None:
    starts = [NIGHT + timedelta(minutes=minute) for minute in (0, 1, 2, 600, 601, 602)]
    rows = [replace(RUN, started_at=to_text(at), finished_at=to_text(at)) for at in starts]
    assert rhythm_of(rows) == timedelta(minutes=1)
    assert rhythm_of(rows[:3]) is None


NIGHT = datetime(2026, 11, 24, tzinfo=UTC)
RUN = RunRow(1, "lab", "cn-a", to_text(NIGHT), to_text(NIGHT), 1, "complete", 1, 3, 0, 0, 0, 0, 0, None)
