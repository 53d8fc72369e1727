"""`syncd config`, as a process: every fault at once, secrets never."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.config_files import ACCOUNT, CERTIFICATE, open_up

SECRETS = {
    name: f"{name}-0123456789"
    for name in (
        "InlinePublic", "InlinePrivate", "FilePrivate", "EnvPublic", "EnvPrivate", "CredentialPrivate", "Header",
        "Misplaced", "Mistyped", "Robot", "Proxy", "Url", "Heartbeat", "Profile",
    )
}  # fmt: skip


class Shell:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {"HOME": str(folder), "PATH": os.environ["PATH"]}

    def run(self, *line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "syncd", *line],
            capture_output=True, text=True, env=self.environ, cwd=self.folder, timeout=30, check=False,
        )  # fmt: skip

    def write(self, name: str, text: str, mode: int = 0o600) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


BAD = f"""
stray = 1
interval = "1m"

[databse]
path = "x"

[database]
group_readable = "yes"

[schedule]
interval = 15
cron = "61 * * * *"
timezone = "Mars/Olympus"
jitter = "5 minutes"
intervall = "1m"

[api]
base_url = "https://{SECRETS["Misplaced"]}@api.compshare.cn"
rate = 0
retries = true
ca_file = "nowhere.pem"
proxy = "socks5://{SECRETS["Proxy"]}"

[guard]
min = 0
percent = 300

[alerts]
after = "three"

[retention]
events = "1 year"

[accounts.Lab]
public_key = "{SECRETS["InlinePublic"]}"
private_key = "{SECRETS["InlinePrivate"]}"
private_key_file = "key"

[accounts.one]
publik_key = "{SECRETS["Mistyped"]}"
private_key_file = "{SECRETS["Misplaced"]}"
regions = "cn-wlcb"

[accounts.two]
public_key = ["{SECRETS["InlinePublic"]}"]
private_key_file = "open"

[accounts.three]
profile = "nobody"
private_key_env = "{SECRETS["Misplaced"]}"

[accounts]
four = "{SECRETS["Misplaced"]}"

[sinks.a]
type = "webhok"

[sinks.b]
type = "webhook"
format = "slack"
url = "{SECRETS["Url"]}"
secrets = ["{SECRETS["Robot"]}"]
regions = ["cn-wlcb"]
scope = "account"
events = ["image.shard"]
accounts = ["lba"]
headers = {{ "bad name" = "{SECRETS["Header"]}", Host = "{SECRETS["Header"]}" }}

[sinks.c]
type = "webhook"
format = "template"
url_credential = "{SECRETS["Misplaced"]}"
body = "{{% if %}}"

[sinks.d]
type = "webhook"
url = "https://example.com"
secrets = ["whsec_{SECRETS["Robot"]}"]

[http]
listen = "localhost"

[heartbeat]
url = "{SECRETS["Heartbeat"]}"

[log]
level = "loud"
"""


@pytest.mark.parametrize(
    "line", [["config", "check"], ["config", "show"], ["--log-level", "debug", "config", "check"]]
)
def test_every_fault_comes_at_once_without_a_secret(shell: Shell, line: list[str]) -> None:
    shell.write("open", SECRETS["FilePrivate"], 0o644)
    open_up(shell.folder)
    path = shell.write("config.toml", BAD)
    done = shell.run("--config", str(path), *line)
    faults = [found for found in done.stderr.splitlines() if found.startswith("  ") and ": " in found]
    kinds = {found.split(": ", 1)[1] for found in faults}
    assert (done.returncode, done.stdout) == (2, "")
    assert len(kinds) >= 30
    assert ("Traceback" in done.stderr) == ("debug" in line)
    assert [name for name, secret in SECRETS.items() if secret in done.stderr] == []
    for key in (
        "stray", "interval", "databse", "database.group_readable", "schedule.interval", "schedule.cron",
        "schedule.timezone", "schedule.jitter", "schedule.intervall", "api.base_url", "api.rate", "api.retries",
        "api.ca_file", "api.proxy", "guard.min", "guard.percent", "alerts.after", "retention.events", "accounts.Lab",
        "accounts.Lab.private_key", "accounts.one.publik_key", "accounts.one.public_key",
        "accounts.one.private_key_file", "accounts.one.regions", "accounts.two.public_key",
        "accounts.two.private_key_file", "accounts.three.profile", "accounts.four", "sinks.a.type", "sinks.b.url",
        "sinks.b.secrets", "sinks.b.scope", "sinks.b.events", "sinks.b.accounts", "sinks.b.headers.bad name",
        "sinks.b.headers.Host", "sinks.c.url_credential", "sinks.c.body", "sinks.d.secrets", "http.listen",
        "heartbeat.url", "log.level",
    ):  # fmt: skip
        assert any(fault.startswith((f"  {key} = ", f"  {key}: ")) for fault in faults), key


GOOD = f"""
[accounts.lab]
public_key = "{SECRETS["InlinePublic"]}"
private_key = "{SECRETS["InlinePrivate"]}"

[accounts.files]
public_key_env = "THE_PUBLIC_KEY"
private_key_file = "key"

[accounts.unit]
public_key_env = "THE_PUBLIC_KEY"
private_key_credential = "syncd_key"

[accounts.cli]
profile = "default"
regions = ["cn-wlcb"]

[api]
proxy = "http://user:{SECRETS["Proxy"]}@proxy.example.com:3128"
ca_file = "ca.pem"

[sinks."机器人"]
type = "webhook"
format = "feishu"
url = "https://open.feishu.cn/open-apis/bot/v2/hook/{SECRETS["Url"]}"
secret = "{SECRETS["Robot"]}"
prefix = 'the "lab"'
headers = {{ Authorization = "{SECRETS["Header"]}" }}

[http]
listen = "[::1]:9477"

[heartbeat]
url = "https://hc-ping.com/{SECRETS["Heartbeat"]}"
"""


@pytest.fixture
def sound(shell: Shell) -> Shell:
    shell.write("key", SECRETS["FilePrivate"])
    shell.write("credentials/syncd_key", SECRETS["CredentialPrivate"])
    shell.write("ca.pem", CERTIFICATE)
    pair = {"public_key": SECRETS["Profile"], "private_key": SECRETS["Profile"]}
    shell.write(".config/compshare/config.json", json.dumps({"profiles": {"default": pair}}))
    shell.write(
        ".config/syncd/config.toml",
        GOOD.replace('"key"', f'"{shell.folder}/key"').replace('"ca.pem"', f'"{shell.folder}/ca.pem"'),
    )
    shell.environ |= {
        "CREDENTIALS_DIRECTORY": str(shell.folder / "credentials"),
        "THE_PUBLIC_KEY": SECRETS["EnvPublic"],
    }
    return shell


def test_a_sound_configuration_is_counted(sound: Shell) -> None:
    done = sound.run("config", "check")
    assert done.stderr == ""
    path = sound.folder / ".config/syncd/config.toml"
    assert done.stdout == f"{path}: ok, 4 accounts (lab, files, unit, cli), 1 sink (机器人)\n"
    assert done.returncode == 0


def test_what_is_shown_is_toml_or_json_and_has_no_secret(sound: Shell) -> None:
    toml, as_json = sound.run("config", "show"), sound.run("config", "show", "--format", "json")
    told = tomllib.loads(toml.stdout)
    assert {table: values for table, values in json.loads(as_json.stdout).items() if values} == told
    assert [
        name for name, secret in SECRETS.items() if secret in toml.stdout + as_json.stdout + toml.stderr
    ] == []
    assert told["accounts"]["cli"] == {"public_key": "***", "private_key": "***", "regions": ["cn-wlcb"]}
    robot = told["sinks"]["机器人"]
    assert (robot["url"], robot["secret"], robot["headers"]) == ("***", "***", {"Authorization": "***"})
    assert (robot["prefix"], robot["group_wait"], told["api"]["proxy"]) == ('the "lab"', "10s", "***")
    assert told["schedule"] == {"interval": "1m", "jitter": "5s", "run_on_start": True}
    assert told["http"] == {"listen": "[::1]:9477"}


def test_warnings_do_not_fail_the_check(shell: Shell) -> None:
    shell.environ["SYNCD_CONFIG"] = str(shell.write("open.toml", ACCOUNT, 0o644))
    open_up(shell.folder)
    done = shell.run("config", "check")
    assert done.returncode == 0
    assert "warning: " in done.stderr
    assert "open to others: chmod o= " in done.stderr
    assert "ok, 1 account (lab), 0 sinks\n" in done.stdout


class TestInit:
    def test_the_start_is_the_user_s_own_and_loads(self, shell: Shell) -> None:
        done = shell.run("config", "init")
        path = shell.folder / ".config/syncd/config.toml"
        assert (done.returncode, done.stdout) == (0, f"{path}\n")
        assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
        shell.environ |= {"COMPSHARE_PUBLIC_KEY": "p", "COMPSHARE_PRIVATE_KEY": "q"}
        done = shell.run("config", "check")
        assert (done.stderr, done.stdout) == ("", f"{path}: ok, 1 account (default), 1 sink (log)\n")

    def test_it_goes_where_it_is_told(self, shell: Shell) -> None:
        shell.environ["SYNCD_CONFIG"] = "by-variable.toml"
        for line, name in (
            (["config", "init"], "by-variable.toml"),
            (["config", "init", "--config", "by-option.toml"], "by-option.toml"),
            (["config", "init", "by-argument.toml"], "by-argument.toml"),
        ):
            assert shell.run(*line).returncode == 0
            assert (shell.folder / name).read_text().startswith("# The configuration of syncd")

    def test_nothing_is_overwritten(self, shell: Shell) -> None:
        path = shell.write("config.toml", "mine", 0o644)
        done = shell.run("config", "init", "config.toml")
        assert done.returncode == 2
        assert "exists; it was not touched" in done.stderr
        assert (path.read_text(), path.stat().st_mode & 0o777) == ("mine", 0o644)

    def test_a_link_into_nowhere_is_not_followed(self, shell: Shell) -> None:
        (shell.folder / "config.toml").symlink_to(shell.folder / "elsewhere")
        assert "exists; it was not touched" in shell.run("config", "init", "config.toml").stderr
        assert not (shell.folder / "elsewhere").exists()

    def test_a_place_that_cannot_be_is_told(self, shell: Shell) -> None:
        shell.write("file", "")
        done = shell.run("config", "init", "file/config.toml")
        assert done.returncode == 2
        assert "file/config.toml cannot be written: " in done.stderr
