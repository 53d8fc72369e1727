"""The unit under a real systemd: installed as the README says, then started, reloaded, killed, frozen and stopped."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.systemd.container import PYTHON, Container, missing, pristine

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(900)]

PROJECT = Path(__file__).parent.parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", "/var/tmp")) / "syncd-tests"
PORT = 8080
EXPOSURE = 1.2
SINCE_254 = ("'RestartSteps'", "'RestartMaxDelaySec'")
"""What an older systemd says of keys that it does not need."""

HOLD = """
import sys
from pathlib import Path
from syncd.store.lock import FileLock
with FileLock.acquire(Path("/var/lib/syncd/syncd.db"), sys.argv[1]):
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    if why := missing():
        pytest.skip(why)
    root = tmp_path_factory.mktemp("systemd") / "root"
    subprocess.run(["cp", "-a", "--reflink=auto", pristine(CACHE), root], check=True)
    try:
        put_files(root)
        with Container(root) as container:
            install(container)
            yield container
    finally:
        shutil.rmtree(root, ignore_errors=True)


def put_files(root: Path) -> None:
    wheels = root / "wheels"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", wheels, PROJECT], check=True)
    (wheel,) = wheels.glob("compshare_syncd-*.whl")
    subprocess.run(
        [*pip, "download", "--only-binary=:all:", f"--python-version={PYTHON}", "-c", PROJECT / "constraints.txt",
         "-d", wheels, wheel],
        check=True,
    )  # fmt: skip
    shutil.copytree(PROJECT / "systemd", root / "units")


def install(box: Container) -> None:
    box.run("python3", "-m", "venv", "/opt/syncd")
    box.run("/opt/syncd/bin/pip", "install", "-q", "--no-index", "--find-links", "/wheels", "compshare-syncd")
    box.run("install", "-Dm644", "/units/syncd.sysusers.conf", "/etc/sysusers.d/syncd.conf")
    box.run("systemd-sysusers")
    box.run("install", "-d", "-m", "750", "-g", "syncd", "/etc/syncd")
    box.run("install", "-d", "-m", "700", "/etc/syncd/credentials")
    box.run("install", "-m", "644", "/units/syncd.service", "/etc/systemd/system/syncd.service")
    printed = box.run(
        "timeout", "3", "/opt/syncd/bin/python", "-m", "syncd.simulator", "--port", str(PORT), check=False
    )
    account = tomllib.loads(printed.stdout)["accounts"]["lab"]
    credential(box, "private_key", account["private_key"])
    configure(box, account["public_key"])
    drop_in = "/etc/systemd/system/syncd.service.d"
    box.run("mkdir", "-p", drop_in)
    write(box, f"{drop_in}/test.conf", "[Service]\nWatchdogSec=4\nRestartSec=1\n")
    box.run("systemctl", "daemon-reload")
    box.run(
        "systemd-run", "--unit=cloud", "/opt/syncd/bin/python", "-m", "syncd.simulator", "--port", str(PORT)
    )
    box.run("systemctl", "start", "syncd")


def write(box: Container, path: str, text: str, mode: int = 0o640) -> None:
    file = box.root / path.lstrip("/")
    file.write_text(text)
    file.chmod(mode)


def credential(box: Container, name: str, value: str) -> None:
    write(box, f"/etc/syncd/credentials/{name}", value + "\n", 0o600)


def configure(
    box: Container, public_key: str, regions: str = '["cn-wlcb", "cn-sh2"]', more: str = ""
) -> None:
    write(
        box,
        "/etc/syncd/config.toml",
        f'[schedule]\ninterval = "1s"\njitter = "0s"\n[api]\nbase_url = "http://127.0.0.1:{PORT}"\n'
        f'[accounts.lab]\npublic_key = "{public_key}"\nprivate_key_credential = "syncd_private_key"\n'
        f'regions = {regions}\n[sinks.journal]\ntype = "log"\n{more}',
    )
    box.run("chgrp", "syncd", "/etc/syncd/config.toml")


def control(box: Container, path: str, body: object) -> Any:
    """Change the pretend cloud."""
    code = (
        "import sys, urllib.request as u;"
        f"print(u.urlopen(u.Request('http://127.0.0.1:{PORT}/_control/{path}', sys.argv[1].encode())).read().decode())"
    )
    return json.loads(box.run("python3", "-c", code, json.dumps(body)).stdout)


def show(box: Container, name: str) -> str:
    return box.run("systemctl", "show", "-P", name, "syncd").stdout.strip()


def journal(box: Container, holds: str) -> str:
    return box.until("journalctl", "-u", "syncd", "-o", "cat", "--no-pager", holds=holds)


def share(box: Container) -> str:
    shared = control(box, "share", {"account": "lab", "region": "cn-wlcb", "fields": {"Name": "新镜像"}})
    return str(shared["images"][0])


def public_key(box: Container) -> str:
    config = tomllib.loads((box.root / "etc/syncd/config.toml").read_text().split("[guard]")[0])
    key: str = config["accounts"]["lab"]["public_key"]
    return key


def wait_for_restart(box: Container, before: str) -> None:
    deadline = time.monotonic() + 40
    while show(box, "MainPID") in ("0", before) or show(box, "ActiveState") != "active":
        assert time.monotonic() < deadline, show(box, "StatusText")
        time.sleep(0.2)


def test_it_is_ready_only_when_it_works_and_says_how_it_is(box: Container) -> None:
    assert show(box, "ActiveState") == "active"
    assert "watching" in show(box, "StatusText")
    assert '"event": "ready"' in journal(box, '"event": "ready"')


def test_an_event_is_in_the_journal(box: Container) -> None:
    journal(box, '"type":"sync.baseline"')
    assert "image.shared" in journal(box, share(box))


def test_the_key_comes_from_a_credential_and_is_nowhere_else(box: Container) -> None:
    key = (box.root / "etc/syncd/credentials/private_key").read_text().strip()
    pid = show(box, "MainPID")
    environ = box.run("cat", f"/proc/{pid}/environ").stdout
    assert "CREDENTIALS_DIRECTORY" in environ
    for text in (environ, box.run("cat", f"/proc/{pid}/cmdline").stdout, journal(box, "ready")):
        assert key not in text


def test_beside_it_a_shell_needs_no_credential_and_root_s_doctor_finds_it(box: Container) -> None:
    journal(box, '"type":"sync.baseline"')
    as_service = ("runuser", "-u", "syncd", "--")
    for who in ((), as_service):
        assert "running: pid" in box.run(*who, "/opt/syncd/bin/syncd", "status").stdout
        assert "nothing is held" in box.run(*who, "/opt/syncd/bin/syncd", "held", "release").stderr
    wanted = {"account lab": "ok", "last sync": "ok", "service": "ok", "credentials": "ok"}
    assert wanted.items() <= doctor(box).items()
    box.run("touch", "/etc/syncd/credentials/private_key")
    assert doctor(box)["credentials"] == "warning"
    box.run("systemctl", "restart", "syncd")
    assert doctor(box)["credentials"] == "ok"


def test_root_s_doctor_says_what_the_sandbox_forbids_and_what_a_drop_in_allows(box: Container) -> None:
    key, drop_in = public_key(box), "/etc/systemd/system/syncd.service.d/paths.conf"
    configure(box, key, more='[sinks.file]\ntype = "log"\npath = "/srv/syncd/events.jsonl"\n')

    def found() -> dict[str, str]:
        shown = box.run("/opt/syncd/bin/syncd", "doctor", "--format", "json", check=False).stdout
        (row,) = (row for row in json.loads(shown) if row["check"] == "sink file")
        return dict(row)

    assert "ProtectSystem=strict" in found()["message"]
    assert "ReadWritePaths=/srv/syncd" in found()["remedy"]
    write(box, drop_in, "[Service]\nReadWritePaths=/srv/syncd\n")
    assert "owner and mode of /srv" in found()["message"]
    box.run("install", "-d", "-o", "syncd", "/srv/syncd")
    box.run("systemctl", "daemon-reload")
    box.run("systemctl", "restart", "syncd")
    assert found()["state"] == "ok"
    image = share(box)
    box.until("cat", "/srv/syncd/events.jsonl", holds=image)
    box.run("rm", drop_in)
    box.run("systemctl", "daemon-reload")
    configure(box, key)
    box.run("systemctl", "restart", "syncd")


def test_stopped_it_lends_its_credentials_to_a_command(box: Container) -> None:
    box.run("systemctl", "stop", "syncd")
    borrowing = "systemd-run --pipe --wait -q -p User=syncd -p LoadCredential=syncd:/etc/syncd/credentials"
    box.run(*borrowing.split(), "/opt/syncd/bin/syncd", "sync")
    box.run("systemctl", "start", "syncd")
    assert set(box.run("find", "/var/lib/syncd", "-printf", "%u\n").stdout.split()) == {"syncd"}


def doctor(box: Container) -> dict[str, str]:
    rows = json.loads(box.run("/opt/syncd/bin/syncd", "doctor", "--format", "json").stdout)
    return {row["check"]: row["state"] for row in rows}


def test_the_state_is_its_own_and_closed_to_others(box: Container) -> None:
    modes = box.run("stat", "-c", "%a %U %n", "/var/lib/syncd", "/var/lib/syncd/syncd.db").stdout
    assert modes.split() == ["750", "syncd", "/var/lib/syncd", "600", "syncd", "/var/lib/syncd/syncd.db"]


def test_the_sandbox_bites(box: Container) -> None:
    pid = show(box, "MainPID")
    assert (
        box.run("nsenter", "-t", pid, "-m", "--", "touch", "/var/lib/syncd/inside", check=False).returncode
        == 0
    )
    for outside in ("/etc/outside", "/usr/outside", "/var/outside", "/opt/syncd/outside"):
        assert box.run("nsenter", "-t", pid, "-m", "--", "touch", outside, check=False).returncode != 0
    assert box.run("cat", f"/proc/{pid}/status").stdout.count("CapBnd:\t0000000000000000") == 1


def test_its_exposure_is_low_and_its_unit_without_fault(box: Container) -> None:
    analysed = box.run("systemd-analyze", "security", "--no-pager", "syncd.service", check=False).stdout
    found = re.search(r"exposure level for syncd.service: ([\d.]+)", analysed)
    assert found is not None
    assert float(found[1]) <= EXPOSURE
    verified = box.run("systemd-analyze", "verify", "/etc/systemd/system/syncd.service")
    assert [line for line in verified.stderr.splitlines() if not any(key in line for key in SINCE_254)] == []


def test_a_reload_takes_effect_and_a_faulty_one_does_not(box: Container) -> None:
    key, pid = public_key(box), show(box, "MainPID")
    configure(box, key, '["cn-wlcb", "cn-sh2", "cn-bj2"]')
    box.run("systemctl", "reload", "syncd")
    journal(box, '"event": "reloaded"')
    journal(box, '"region": "cn-bj2"')
    configure(box, key, more="[guard]\nmn = 3\n")
    assert box.run("systemctl", "reload", "syncd", check=False).returncode != 0
    assert "guard.mn" in journal(box, '"event": "reload_failed"')
    journal(box, "  guard.mn = 3: is not a key of [guard]")
    assert (show(box, "MainPID"), show(box, "ActiveState")) == (pid, "active")
    configure(box, key)
    box.run("systemctl", "reload", "syncd")


def test_killed_it_is_restarted_and_nothing_is_lost(box: Container) -> None:
    pid = show(box, "MainPID")
    image = share(box)
    box.run("systemctl", "kill", "-s", "KILL", "--kill-who=main", "syncd")
    wait_for_restart(box, pid)
    journal(box, image)
    checked = box.run("/opt/syncd/bin/python", "-c", CHECK)
    assert checked.stdout.strip() == "[]"


def test_frozen_it_is_ended_by_the_watchdog_and_restarted(box: Container) -> None:
    pid = show(box, "MainPID")
    box.run("systemctl", "kill", "-s", "STOP", "--kill-who=main", "syncd")
    wait_for_restart(box, pid)
    box.until("journalctl", "-u", "syncd", "--no-pager", holds="Watchdog timeout")
    assert "image.shared" in journal(box, share(box))


def test_it_waits_for_a_command_for_longer_than_a_start_may_take(box: Container) -> None:
    with held(box, "command", TimeoutStartSec="5"):
        box.run("systemctl", "start", "--no-block", "syncd")
        box.until("systemctl", "show", "-P", "StatusText", "syncd", holds="waiting for another syncd command")
        time.sleep(12)  # more than twice what a start may take by itself
        assert show(box, "ActiveState") == "activating"
        assert show(box, "NRestarts") == "0"
    box.until("systemctl", "is-active", "syncd", holds="active\n")
    box.until("systemctl", "show", "-P", "StatusText", "syncd", holds="watching")


def test_however_often_it_cannot_start_it_is_started_again(box: Container) -> None:
    with held(box, "daemon", RestartSec="100ms"):
        box.run("systemctl", "start", "--no-block", "syncd")
        deadline = time.monotonic() + 120
        while int(show(box, "NRestarts")) < 12:
            assert time.monotonic() < deadline, show(box, "Result")
            time.sleep(0.2)
    box.until("systemctl", "show", "-P", "StatusText", "syncd", holds="watching")


@contextmanager
def held(box: Container, kind: str, **settings: str) -> Iterator[None]:
    """The service stopped, other settings in its unit, and its file in use until the end."""
    box.run("systemctl", "stop", "syncd")
    drop_in = "/etc/systemd/system/syncd.service.d/zz.conf"
    write(box, drop_in, "".join(["[Service]\n", *(f"{name}={value}\n" for name, value in settings.items())]))
    box.run("systemctl", "daemon-reload")
    box.run("runuser", "-u", "syncd", "--", "mkfifo", "/var/lib/syncd/open")
    hold = f"exec /opt/syncd/bin/python -c '{HOLD}' {kind} < /var/lib/syncd/open"
    box.run("systemd-run", "--unit=holder", "-p", "User=syncd", "sh", "-c", hold)
    try:
        with (box.root / "var/lib/syncd/open").open("w"):
            box.until("cat", "/var/lib/syncd/syncd.db.lock", holds=kind)
            yield
    finally:
        box.run("rm", "/var/lib/syncd/open", drop_in)
        box.run("systemctl", "daemon-reload")


def test_it_stops_within_ten_seconds(box: Container) -> None:
    began = time.monotonic()
    box.run("systemctl", "stop", "syncd")
    assert time.monotonic() - began < 10
    assert show(box, "Result") == "success"
    assert show(box, "ExecMainStatus") == "0"


CHECK = (
    "from pathlib import Path; from syncd.store.check import check_file; "
    "print(check_file(Path('/var/lib/syncd/syncd.db')))"
)
