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

from syncd.cli.doctor_checks.api import check_account, check_clock
from syncd.cli.doctor_checks.database import check_permissions
from syncd.cli.doctor_checks.finding import Finding, exit_code, failed, ok, warning
from syncd.cli.doctor_checks.service import check_credentials, check_service, check_unit
from syncd.cli.doctor_checks.sinks import check_log
from syncd.cli.doctor_checks.sync_interval import typical_gap
from syncd.cli.doctor_checks.unit import Unit, read_unit
from syncd.cli.probe import Probe
from syncd.config import LogSinkConfig, load
from syncd.errors import ApiError, AuthFailed, ExitCode, Misconfigured, Transient
from syncd.model import to_text
from syncd.simulator import Fault
from syncd.store.lock import FileLock, Holder
from syncd.store.queries import RunRow
from tests.cli.command_line import CommandLine
from tests.config_files import open_up
from tests.store.users import OTHER_UID, needs_root, run_as

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
DAEMON = Holder(7, "daemon", to_text(NOW))


def findings_of(rows: list[dict[str, Any]], check: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["check"] == check]


def states(rows: list[dict[str, Any]]) -> dict[str, str]:
    return {row["check"]: row["state"] for row in rows if row["state"] != "ok"}


async def test_where_all_is_well_each_thing_has_a_line(cli: CommandLine) -> None:
    await cli.run("sync")
    rows = await cli.rows("doctor")
    assert [row["check"] for row in rows] == [
        "configuration", "account lab", "clock", "sink file", "database", "permissions", "file system",
        "disk space", "last sync", "deliveries", "service",
    ]  # fmt: skip
    assert states(rows) == {}
    assert (await cli.run("doctor")).count("✓") == len(rows)


async def test_a_missing_file_is_no_failure_and_says_what_makes_it(cli: CommandLine) -> None:
    rows = await cli.rows("doctor")
    assert states(rows) == {"database": "warning"}
    assert "`syncd run` or `syncd sync` creates it" in await cli.run("doctor")
    assert not cli.db.exists()


@pytest.mark.parametrize(("seconds", "way"), [(3600, "behind"), (-3600, "ahead of")])
async def test_a_clock_that_is_off_is_told_by_how_much_and_which_way(
    cli: CommandLine, seconds: int, way: str
) -> None:
    cli.sim.faults.add(Fault("clock_skew", seconds=seconds))
    (row,) = findings_of(await cli.rows("doctor"), "clock")
    assert row["state"] == "warning"
    assert f" s {way} the API's" in row["message"]
    assert row["message"].split()[0] in ("3599", "3600", "3601")
    assert "chrony" in row["remedy"]


async def test_faults_of_the_configuration_end_with_2_and_hide_nothing_else(cli: CommandLine) -> None:
    await cli.run("sync")
    cli.config.write_text(cli.config.read_text().replace("private_key =", "private_key_env ="))
    rows = await cli.rows("doctor", code=2)
    assert [row["check"] for row in rows][:2] == ["configuration", "database"]
    assert rows[0]["state"] == "failed"


async def test_a_damaged_file_ends_with_5_whatever_else_fails(cli: CommandLine) -> None:
    cli.db.write_bytes(b"no database" * 1000)
    cli.sim.faults.add(Fault("http_error", status=404))
    rows = await cli.rows("doctor", code=5)
    assert states(rows)["database"] == "failed"
    assert findings_of(rows, "database")[0]["remedy"]


async def test_a_stale_target_fails_it(cli: CommandLine) -> None:
    await cli.run("sync")
    with closing(sqlite3.connect(cli.db)) as db, db:
        db.execute("UPDATE targets SET fresh_until = '2026-01-01T00:00:00.000Z' WHERE region = 'cn-b'")
    rows = await cli.rows("doctor", code=3)
    assert states(rows) == {"last sync": "failed"}
    assert "lab/cn-b is stale since 2026-01-01" in findings_of(rows, "last sync")[0]["message"]


async def test_a_receiver_that_is_down_fails_it_and_its_address_is_not_told(cli: CommandLine) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        with cli.config.open("a") as config:
            config.write(f'[sinks.hook]\ntype = "webhook"\nurl = "http://127.0.0.1:{port}/"\n')
        rows = await cli.rows("doctor", code=3)
    assert states(rows) == {"database": "warning", "sink hook": "failed"}
    (row,) = findings_of(rows, "sink hook")
    assert row["message"] == "the receiver cannot be reached: Connection refused"
    assert str(port) not in str(row)


async def test_a_region_that_is_shut_is_a_warning_unless_it_was_asked_for(cli: CommandLine) -> None:
    cli.sim.faults.add(Fault("retcode", code=293, region="cn-b"))
    rows = await cli.rows("doctor")
    lab = findings_of(rows, "account lab")
    assert [row["state"] for row in lab] == ["ok", "warning"]
    assert "cn-b is not watched" in lab[1]["message"]
    shown = {row["region"]: (row["watched"], row["usable"]) for row in await cli.rows("regions")}
    assert shown == {"cn-a": (True, True), "cn-b": (False, False)}
    text = cli.config.read_text()
    cli.config.write_text(text.replace("[accounts.lab]", '[accounts.lab]\nregions = ["cn-a", "cn-b"]'))
    rows = await cli.rows("doctor", code=3)
    assert [row["state"] for row in findings_of(rows, "account lab")] == ["ok", "failed"]


async def test_regions_of_an_account_that_is_not_there_is_a_slip(cli: CommandLine) -> None:
    await cli.run("regions", "--account", "nope", code=2)
    assert "accounts: lab" in cli.said


def probe_of(
    named: tuple[str, ...] = (),
    configured: tuple[str, ...] | None = None,
    error: ApiError | None = None,
    skew: float | None = None,
    **regions: ApiError | None,
) -> Probe:
    difference = timedelta(seconds=skew) if skew is not None else None
    return Probe("lab", configured, named, error, regions, difference)


SHUT = AuthFailed("RetCode 293", "leave it out", code=293)
DOWN = Transient("timed out", "check the network")
ABSENT = Misconfigured("RetCode 230", "check regions", code=230)


@pytest.mark.parametrize(
    ("probe", "expected"),
    [
        (probe_of(("a", "b"), a=None, b=None), ["ok"]),
        (probe_of(("a", "b"), a=None, b=SHUT), ["ok", "warning"]),
        (probe_of(("a", "b"), a=None, b=ABSENT), ["ok", "warning"]),
        (probe_of(("a", "b"), a=None, b=DOWN), ["ok", "failed"]),
        (probe_of(("a",), a=SHUT), ["failed", "warning"]),
        (probe_of(()), ["failed"]),
        (probe_of((), error=DOWN), ["failed"]),
        (probe_of((), ("a",), error=DOWN, a=DOWN), ["failed"]),
        (probe_of((), ("a",), error=DOWN, a=None), ["warning", "ok"]),
        (probe_of(("a", "b"), ("a",), a=None, b=SHUT), ["ok"]),
        (probe_of(("a",), ("a", "z"), a=None, z=ABSENT), ["ok", "failed"]),
    ],
)
def test_what_the_api_refuses_is_judged_by_what_is_wanted_of_it(probe: Probe, expected: list[str]) -> None:
    findings = list(check_account(probe))
    assert [finding.state for finding in findings] == expected
    assert all(finding.remedy for finding in findings if finding.state != "ok")


@pytest.mark.parametrize(
    ("skews", "states"),
    [([], []), ([None], []), ([1, -2], ["ok"]), ([1, -300], ["warning"]), ([None, 121], ["warning"])],
)
def test_the_worst_skew_counts(skews: list[float | None], states: list[str]) -> None:
    assert [finding.state for finding in check_clock(probe_of(skew=skew) for skew in skews)] == states


def test_the_exit_code_is_the_gravest_of_what_failed() -> None:
    api, file, config = (failed("x", "", "", ExitCode(code)) for code in (3, 5, 2))
    assert exit_code([ok("x", ""), warning("x", "")]) == 0
    assert exit_code([api]) == 3
    assert exit_code([api, file]) == 5
    assert exit_code([api, file, config]) == 2


def test_a_file_that_others_can_read_is_named_with_its_remedy(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    open_up(tmp_path)
    assert "closed" not in str(list(check_permissions(path)))
    path.touch(0o640)
    assert [finding.state for finding in check_permissions(path)] == ["ok"]
    path.chmod(0o644)
    (finding,) = check_permissions(path)
    assert (finding.state, finding.remedy) == ("warning", f"chmod o= {path}")
    tmp_path.chmod(0o700)
    assert [finding.state for finding in check_permissions(path)] == ["ok"]


SHIPPED = Path(__file__).parents[2] / "systemd" / "syncd.service"


@pytest.mark.parametrize(
    ("path", "problem", "remedy"),
    [
        ("/srv/syncd/events.jsonl", "ProtectSystem=strict", "ReadWritePaths=/srv/syncd in a drop-in"),
        ("/var/log/syncd.jsonl", "ProtectSystem=strict", "ReadWritePaths=/var/log in a drop-in"),
        ("/etc/syncd/events.jsonl", "ProtectSystem=strict", "or use a path under /var/lib/syncd"),
        ("/home/me/events.jsonl", "ProtectHome=yes", "use a path under /var/lib/syncd"),
        ("/tmp/events.jsonl", "PrivateTmp=yes", "use a path under /var/lib/syncd"),
        ("/var/lib/syncd/events.jsonl", "", ""),
        ("/dev/stderr", "", ""),
    ],
)
def test_what_the_unit_s_sandbox_forbids_is_no_place_to_write(path: str, problem: str, remedy: str) -> None:
    sink = LogSinkConfig("file", path=Path(path))
    finding = check_log(sink, read_unit(SHIPPED, []))
    assert (finding.state, finding.code) == (("failed", 3) if problem else ("ok", 0))
    assert problem in finding.message
    assert remedy in finding.remedy
    found = list(check_permissions(Path(path), read_unit(SHIPPED, [])))
    assert [finding.code for finding in found if finding.state == "failed"] == ([5] if problem else [])


def test_a_drop_in_changes_what_the_unit_allows(tmp_path: Path) -> None:
    folder = tmp_path / "etc/syncd.service.d"
    folder.mkdir(parents=True)
    path = Path("/srv/syncd/events.jsonl")

    def allows(text: str) -> bool:
        (folder / "paths.conf").write_text(text)
        return read_unit(SHIPPED, [folder.parent]).refusal(path) is None

    assert allows("[Service]\nReadWritePaths=/opt \\\n  -/srv/syncd\n")
    assert not allows("[Service]\nReadWritePaths=/srv\nReadWritePaths=\n")
    assert not allows("[Unit]\nReadWritePaths=/srv\n#[Service]\n")
    assert allows("[Service]\nProtectSystem=full\n")
    assert allows("[Service]\nProtectSystem=\n")
    (folder / "zz.conf").write_text("[Service]\nProtectSystem=strict\n")
    assert not allows("[Service]\nProtectSystem=no\n")


@needs_root
def test_root_hears_what_the_user_of_the_service_may_not_write(tmp_path: Path) -> None:
    open_up(tmp_path)
    unit = Unit(SHIPPED, user="nobody")
    path = tmp_path / "events.jsonl"

    def remedy() -> str:
        refusal = unit.refusal(path)
        return refusal.remedy if refusal else ""

    assert remedy() == f"chown nobody {tmp_path}"
    tmp_path.chmod(0o777)
    assert remedy() == ""
    path.touch(0o600)
    assert remedy() == f"chown nobody {path}"
    os.chown(path, 65534, -1)
    assert remedy() == ""
    tmp_path.chmod(0o700)
    assert remedy() == f"chown nobody {tmp_path}"


CHECK_SERVICE = """
import sys
from pathlib import Path
from types import SimpleNamespace
import syncd.store.lock
from syncd.cli.doctor_checks.service import check_service
path = Path(sys.argv[1])
config = SimpleNamespace(path=path.with_name("config.toml"), database=SimpleNamespace(path=path))
for finding in check_service(config, {"HOME": "/nowhere"}):
    print(finding.state, finding.message, finding.remedy)
"""


@needs_root
def test_who_may_not_look_is_not_told_that_no_daemon_runs(tmp_path: Path) -> None:
    open_up(tmp_path)
    db = tmp_path / "state/syncd.db"
    with FileLock.acquire(db, "daemon"):
        said = run_as(CHECK_SERVICE, str(db)).stdout
        assert said.startswith("warning no systemd unit; whether a daemon runs cannot be seen: cannot read ")
        assert (
            f"{tmp_path}/state belongs to root, and you are {OTHER_UID}: run the command with `sudo`" in said
        )
        open_up(db.parent)
        assert "whether a daemon runs cannot be seen" in run_as(CHECK_SERVICE, str(db)).stdout
        (db.parent / "syncd.db.lock").chmod(0o644)
        assert "a daemon runs (pid" in run_as(CHECK_SERVICE, str(db)).stdout


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
    finding = check_unit(unit, running, is_system)
    assert (finding.state, finding.remedy) == (state, remedy)
    assert ("pid 7" in finding.message) == (running is not None)


def test_a_user_s_unit_is_found_at_home(cli: CommandLine, tmp_path: Path) -> None:
    config = load(cli.config, {})
    unit = tmp_path / ".config/systemd/user/syncd.service"
    (finding,) = check_service(config, {"HOME": str(tmp_path)})
    assert "no systemd unit" in finding.message
    unit.parent.mkdir(parents=True)
    unit.touch()
    with FileLock.acquire(cli.db, "daemon"):
        (finding,) = check_service(config, {"HOME": str(tmp_path)})
    assert finding.state == "ok"
    assert str(unit) in finding.message
    assert f"pid {os.getpid()}" in finding.message


def test_a_credential_that_is_newer_than_the_service_asks_for_a_restart(tmp_path: Path) -> None:
    folder = tmp_path / "credentials"

    def after(**age: float) -> list[Finding]:
        moment = (NOW + timedelta(**age)).timestamp()
        os.utime(folder / "key", (moment, moment))
        return list(check_credentials(folder, DAEMON))

    assert list(check_credentials(folder, DAEMON)) == []
    folder.mkdir()
    assert list(check_credentials(folder, DAEMON)) == []
    (folder / "key").touch()
    assert [finding.state for finding in after(minutes=-1)] == ["ok"]
    (finding,) = after(minutes=1)
    assert (finding.state, finding.remedy) == ("warning", "systemctl restart syncd")


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
    cli: CommandLine, minutes: int, state: str, said: str, setting: str
) -> None:
    cli.config.write_text(cli.config.read_text().replace('interval = "1s"', 'interval = "1m"'))
    await cli.run("sync")
    ran(cli.db, minutes)
    (row,) = findings_of(await cli.rows("doctor"), "sync interval")
    assert row["state"] == state
    assert said in row["message"]
    assert setting in row["remedy"]


async def test_of_few_runs_no_rhythm_is_told(cli: CommandLine) -> None:
    await cli.run("sync")
    await cli.run("sync")
    assert findings_of(await cli.rows("doctor"), "sync interval") == []


def test_one_long_pause_is_no_rhythm() -> None:
    starts = [NIGHT + timedelta(minutes=minute) for minute in (0, 1, 2, 600, 601, 602)]
    rows = [replace(RUN, started_at=to_text(at), finished_at=to_text(at)) for at in starts]
    assert typical_gap(rows) == timedelta(minutes=1)
    assert typical_gap(rows[:3]) is None


NIGHT = datetime(2026, 11, 24, tzinfo=UTC)
RUN = RunRow(1, "lab", "cn-a", to_text(NIGHT), to_text(NIGHT), 1, "complete", 1, 3, 0, 0, 0, 0, 0, None)
