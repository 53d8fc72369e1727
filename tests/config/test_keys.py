"""What each key of the configuration may hold, what stands in for it, and how a fault of it reads."""

from __future__ import annotations

import base64
import json
import os
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncd.config import Config, LogSinkConfig, WebhookSinkConfig, describe, load, to_toml
from syncd.config.keys import KEYS, accepted, unformed
from syncd.config.signing_secret import signing_key
from syncd.config.sinks import FORMATS
from syncd.errors import ConfigError, Fault
from syncd.model import SinkFilter
from syncd.sinks import formats
from tests.config_files import ACCOUNT, CERTIFICATE, WEBHOOK, Files, open_up


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def setting(config: Config, table: str, key: str) -> Any:
    return getattr(getattr(config, table), key)


S, M, H, D = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))

GOOD = [
    ("schedule", "interval", '"90s"', 90 * S),
    ("schedule", "interval", '"1m30s"', 90 * S),
    ("schedule", "interval", '"1.5h"', 90 * M),
    ("schedule", "jitter", '"0s"', 0 * S),
    ("schedule", "run_on_start", "false", False),
    ("api", "base_url", '"http://127.0.0.1:8080"', "http://127.0.0.1:8080"),
    ("api", "base_url", '"HTTPS://API.CompShare.cn:443/"', "https://api.compshare.cn"),
    ("api", "base_url", '"https://[::1]:80/gate/"', "https://[::1]:80/gate"),
    ("api", "timeout", '"5m"', 5 * M),
    ("api", "concurrency", "64", 64),
    ("api", "rate", "0.5", 0.5),
    ("api", "rate", "7", 7.0),
    ("api", "retries", "0", 0),
    ("guard", "min", "1", 1),
    ("guard", "percent", "0", 0.0),
    ("guard", "percent", "12.5", 12.5),
    ("guard", "syncs", "100", 100),
    ("guard", "hold", '"0s"', 0 * S),
    ("guard", "hold_empty", '"2d"', 2 * D),
    ("alerts", "after", "1", 1),
    ("alerts", "repeat", '"12h"', 12 * H),
    ("retention", "events", '"3650d"', 3650 * D),
    ("retention", "deliveries", '"1d"', D),
    ("retention", "runs", '"1h"', H),
    ("database", "group_readable", "true", True),
    ("http", "listen", '"0.0.0.0:80"', None),
    ("log", "level", '"debug"', "debug"),
    ("log", "format", '"console"', "console"),
]


@pytest.mark.parametrize(("table", "key", "text", "value"), GOOD)
def test_a_good_value_is_taken(files: Files, table: str, key: str, text: str, value: Any) -> None:
    config = files.load(f"[{table}]\n{key} = {text}\n")
    if table == "http":
        assert config.http is not None
        assert (config.http.host, config.http.port) == ("0.0.0.0", 80)
    else:
        assert setting(config, table, key) == value


BAD = [
    ("schedule", "interval", "15", "such as"),
    ("schedule", "interval", '"15"', "such as"),
    ("schedule", "interval", '"15 s"', "such as"),
    ("schedule", "interval", '"-5s"', "such as"),
    ("schedule", "interval", '""', "such as"),
    ("schedule", "interval", '"1w"', "such as"),
    ("schedule", "interval", f'"{"9" * 400}d"', "such as"),
    ("schedule", "interval", '"0s"', 'from "1s"'),
    ("schedule", "interval", '"32d"', 'to "31d"'),
    ("schedule", "cron", '"* * * *"', "five fields"),
    ("schedule", "cron", '"61 * * * *"', "61 is not a valid minute"),
    ("schedule", "cron", "5", "text in quotes"),
    ("schedule", "timezone", '"Asia/Shanghai"', "for cron only"),
    ("schedule", "jitter", '"2m"', "not be longer"),
    ("schedule", "run_on_start", '"yes"', "true or false"),
    ("schedule", "run_on_start", "1", "true or false"),
    ("api", "base_url", '"api.compshare.cn"', "must begin with"),
    ("api", "base_url", '"ftp://api.compshare.cn"', "must begin with"),
    ("api", "base_url", '"https://"', "names no host"),
    ("api", "base_url", '"https://a b"', "not a URL"),
    ("api", "base_url", '"https://a:99999"', "not a URL"),
    ("api", "base_url", '"http://[x"', "not a URL"),
    ("api", "base_url", '"http://no..name"', "not a URL"),
    ("api", "base_url", f'"http://{"a" * 64}.cn"', "not a URL"),
    ("api", "base_url", '"https://a/?b=c"', "no user, query or fragment"),
    ("api", "timeout", '"0s"', "must be from"),
    ("api", "timeout", '"6m"', "must be from"),
    ("api", "concurrency", "0", "from 1 to 64"),
    ("api", "concurrency", "4.0", "whole number"),
    ("api", "rate", "0", "a number from"),
    ("api", "rate", "nan", "a number from"),
    ("api", "rate", "inf", "a number from"),
    ("api", "retries", "true", "whole number"),
    ("api", "retries", "-1", "whole number"),
    ("api", "ca_file", '"nowhere.pem"', "No such file"),
    ("api", "ca_file", '"config.toml"', "PEM"),
    ("api", "ca_file", '"a\\u0000b"', "not a path"),
    ("guard", "min", "0", "from 1"),
    ("guard", "percent", "101", "to 100"),
    ("guard", "percent", '"30%"', "a number"),
    ("guard", "syncs", "0", "from 1"),
    ("guard", "hold", '"31d"', "to"),
    ("guard", "hold_empty", "24", "such as"),
    ("alerts", "after", "0", "from 1"),
    ("alerts", "repeat", '"0s"', "must be from"),
    ("retention", "events", '"0s"', "must be from"),
    ("retention", "deliveries", '"4000d"', "must be from"),
    ("retention", "runs", "30", "such as"),
    ("database", "path", "1", "text in quotes"),
    ("database", "path", '""', "text in quotes"),
    ("database", "group_readable", '"no"', "true or false"),
    ("http", "listen", '"9477"', "address and a port"),
    ("http", "listen", '":9477"', "address and a port"),
    ("http", "listen", '"::1:9477"', "address and a port"),
    ("http", "listen", '"localhost"', "address and a port"),
    ("http", "listen", '"localhost:"', "address and a port"),
    ("http", "listen", '"localhost:65536"', "address and a port"),
    ("http", "listen", '"localhost:²"', "address and a port"),
    ("http", "listen", '"localhost:80/x"', "address and a port"),
    ("http", "listen", "9477", "text in quotes"),
    ("heartbeat", "interval", '"2d"', "must be from"),
    ("log", "level", '"warn"', 'did you mean "warning"?'),
    ("log", "format", '"yaml"', "one of auto, console, json"),
]


@pytest.mark.parametrize(("table", "key", "text", "remedy"), BAD)
def test_a_bad_value_is_named_with_its_remedy(
    files: Files, table: str, key: str, text: str, remedy: str
) -> None:
    faults = files.faults(f"[{table}]\n{key} = {text}\n")
    assert list(faults) == [f"{table}.{key}"]
    assert remedy in faults[f"{table}.{key}"]


def test_a_gateway_with_a_user_in_it_is_not_shown(files: Files) -> None:
    faults = files.faults('[api]\nbase_url = "https://someone:hunter2@api.compshare.cn"')
    assert faults == {"api.base_url": "***: must have no user, query or fragment"}


@pytest.mark.parametrize(("size", "fits"), [(23, False), (24, True), (64, True), (65, False)])
def test_a_signing_secret_has_24_to_64_bytes(files: Files, size: int, fits: bool) -> None:
    """What the signature takes and what the configuration takes are the same."""
    secret = "whsec_" + base64.b64encode(b"x" * size).decode()
    assert (not files.faults(WEBHOOK + f'secrets = ["{secret}"]')) == fits
    with nullcontext() if fits else pytest.raises(ValueError, match="24"):
        signing_key(secret)


def test_without_tables_the_defaults_are_those_of_the_settings(files: Files) -> None:
    config = files.load("")
    assert config.schedule.interval == M
    assert config.api.base_url == "https://api.compshare.cn"
    assert (config.http, config.heartbeat, dict(config.sinks)) == (None, None, {})
    assert config.log.level == "info"


def test_a_short_interval_shortens_the_default_jitter(files: Files) -> None:
    assert files.load('[schedule]\ninterval = "2s"').schedule.jitter == 2 * S


def test_cron_takes_the_interval_s_place(files: Files) -> None:
    schedule = files.load('[schedule]\ncron = "0 9 * * 1-5"\ntimezone = "Asia/Shanghai"').schedule
    assert (schedule.interval, schedule.cron, schedule.timezone) == (
        None,
        "0 9 * * mon,tue,wed,thu,fri",
        "Asia/Shanghai",
    )


@pytest.mark.parametrize("zone", ["Mars/Olympus", "America", "../etc/passwd", "/etc/localtime"])
def test_a_time_zone_must_exist(files: Files, zone: str) -> None:
    assert "IANA" in files.faults(f'[schedule]\ncron = "0 9 * * *"\ntimezone = "{zone}"')["schedule.timezone"]


def test_interval_and_cron_exclude_each_other(files: Files) -> None:
    assert "keep one" in files.faults('[schedule]\ninterval = "1m"\ncron = "0 9 * * *"')["schedule.cron"]


@pytest.mark.parametrize(
    ("text", "key", "remedy"),
    [
        ('[databse]\npath = "x"', "databse", "did you mean [database]?"),
        ("[zzz]", "zzz", "there are database, schedule"),
        ("[schedule]\nintervall = 1", "schedule.intervall", 'did you mean "interval"?'),
        ("[guard]\nx = 1", "guard.x", "there are min, percent"),
        ("[accounts.lab.more]\nx = 1", "accounts.lab.more", "is not a key"),
        ("[[http]]\nlisten = 1", "http", "must be a table"),
        ("[sinks]\nhook = 5", "sinks.hook", "must be a table"),
        ('[sinks]\nurl_file = "x"', "sinks.url_file", "[sinks.NAME]"),
    ],
)
def test_what_is_unknown_or_no_table_is_a_fault(files: Files, text: str, key: str, remedy: str) -> None:
    faults = files.faults(text)
    assert list(faults) == [key]
    assert remedy in faults[key]


def test_a_key_above_all_tables_is_sent_to_its_own(files: Files) -> None:
    assert files.faults("", account='interval = "5m"\n' + ACCOUNT) == {
        "interval": ": belongs in [schedule] or [heartbeat]"
    }


@pytest.mark.parametrize(
    ("content", "remedy"),
    [
        (b"[schedule]\ninterval = \n", "at line 2"),
        (b"[a]\nx=1\n[a]\n", "is not TOML"),
        (b"a = '\xff'", "line 1 is not UTF-8: save the file as UTF-8"),
        ("# 账号\n".encode("gbk"), "probably GBK: save the file as UTF-8, or convert it: iconv -f GB18030"),
        (ACCOUNT.encode("utf-16"), "is UTF-16, but TOML must be UTF-8"),
        (ACCOUNT.encode("utf-16-le"), "iconv -f UTF-16"),
        ("[log]\nlevel = “info”".encode(), 'line 2, column 9); there is “ in that line, where TOML wants "'),
        ('[log]\nlevel = "info”'.encode(), "there is ” in that line"),
        ("【log】".encode(), "there is 【 in that line, where TOML wants ["),
        ('[log]\nlevel ＝ "info"'.encode(), "there is ＝ in that line, where TOML wants ="),
        ('[log]\nlevel\u3000= "info"'.encode(), "a special space (U+3000) in that line"),
        ('[a]\nx = ["b"，"c"]'.encode(), "there is ， in that line, where TOML wants ,"),
        (b"a = " + b"[" * 100_000, "TOML"),
    ],
)
def test_a_file_that_is_not_toml_is_one_fault(files: Files, content: bytes, remedy: str) -> None:
    path = files.write("config.toml", content)
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    (fault,) = caught.value.faults
    assert (fault.key, fault.value) == ("file", str(path))
    assert remedy in fault.remedy


def test_a_byte_order_mark_is_no_fault(files: Files) -> None:
    assert load(
        files.write("config.toml", b"\xef\xbb\xbf" + ACCOUNT.encode()), files.environ
    ).accounts.keys() == {"lab"}


def test_a_quote_in_a_text_is_not_blamed_for_another_mistake(files: Files) -> None:
    path = files.write("config.toml", 'a = "“b”"\nc = \n')
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    assert "there is" not in caught.value.faults[0].remedy


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("nowhere.toml", "cannot be read: No such file or directory; `syncd config init`"),
        ("no/where.toml", "/no does not exist); `syncd config init`"),
        ("file/x.toml", "/file is not a folder)"),
        (".", "cannot be read: Is a directory"),
        ("/dev/full", "is a device, not a file"),
    ],
)
def test_what_is_no_file_is_one_fault(files: Files, name: str, remedy: str) -> None:
    files.write("file", "")
    with pytest.raises(ConfigError) as caught:
        load(files.folder / name, {})
    assert remedy in caught.value.faults[0].remedy


def test_a_pipe_is_read_to_its_end_and_does_not_block_if_nobody_writes(files: Files) -> None:
    reading, writing = os.pipe()
    os.write(writing, ACCOUNT.encode())
    os.close(writing)
    assert load(Path(f"/dev/fd/{reading}"), files.environ).accounts.keys() == {"lab"}
    os.close(reading)
    os.mkfifo(files.folder / "pipe")
    with pytest.raises(ConfigError):
        load(files.folder / "pipe", files.environ)


@pytest.mark.parametrize(
    ("path", "remedy"),
    [("folder", '/folder/syncd.db"'), ("pipe", "ordinary file"), ("/dev/full", "ordinary file")],
)
def test_a_database_is_an_ordinary_file(files: Files, path: str, remedy: str) -> None:
    (files.folder / "folder").mkdir()
    os.mkfifo(files.folder / "pipe")
    assert remedy in files.faults(f'[database]\npath = "{path}"')["database.path"]
    assert not (files.folder / f"{path}.lock").exists()


@pytest.mark.parametrize(
    ("path", "remedy"),
    [("folder", '/folder/events.jsonl"'), ("pipe", "ordinary file"), ("/dev/full", "ordinary file")],
)
def test_a_log_s_path_can_keep_events(files: Files, path: str, remedy: str) -> None:
    (files.folder / "folder").mkdir()
    os.mkfifo(files.folder / "pipe")
    assert remedy in files.faults(f'[sinks.a]\ntype = "log"\npath = "{path}"')["sinks.a.path"]
    for fine in ("/dev/stderr", "/dev/null", "new/events.jsonl"):
        assert files.faults(f'[sinks.a]\ntype = "log"\npath = "{fine}"') == {}


class TestAccounts:
    def test_there_must_be_one(self, files: Files) -> None:
        assert "add [accounts.NAME]" in files.faults("[schedule]", account="")["accounts"]
        assert "[accounts.NAME]" in files.faults("", account="accounts = []")["accounts"]

    @pytest.mark.parametrize("name", ["Lab", '"a b"', '"a_b"', "-a", f"{'a' * 64}", '"实验室"'])
    def test_a_name_is_made_of_few_letters(self, files: Files, name: str) -> None:
        faults = files.faults("", account=ACCOUNT.replace("lab]", f"{name}]"))
        assert "a-z, 0-9" in faults[f"accounts.{name.strip(chr(34))}"]

    def test_both_keys_are_needed(self, files: Files) -> None:
        faults = files.faults("", account="[accounts.lab]\n")
        assert faults.keys() == {"accounts.lab.public_key", "accounts.lab.private_key"}
        assert "private_key_file" in faults["accounts.lab.private_key"]

    def test_all_of_it_is_taken(self, files: Files) -> None:
        more = 'project_id = "org-1"\nregions = ["cn-wlcb", "cn-sh2", "cn-wlcb"]'
        lab = files.load(more).accounts["lab"]
        assert (lab.public_key.reveal(), lab.private_key.reveal()) == ("lab-public", "lab-private")
        assert (lab.project_id, lab.regions) == ("org-1", ("cn-wlcb", "cn-sh2"))

    def test_all_regions_are_none_in_particular(self, files: Files) -> None:
        assert files.load('regions = "all"').accounts["lab"].regions is None
        assert files.load("").accounts["lab"].regions is None

    @pytest.mark.parametrize("text", ['"cn-wlcb"', "[]", '[""]', "[1]", '["cn wlcb"]', '["*"]', "5"])
    def test_regions_are_all_or_a_list(self, files: Files, text: str) -> None:
        assert files.faults(f"regions = {text}").keys() == {"accounts.lab.regions"}

    def test_a_project_is_a_text(self, files: Files) -> None:
        assert "text in quotes" in files.faults("project_id = 5")["accounts.lab.project_id"]


class TestProfiles:
    PAIR = '{"profiles": {"work": {"public_key": "work-public", "private_key": "work-private"}}}'

    def load(
        self, files: Files, content: str, mode: int = 0o600, profile: str = "work"
    ) -> dict[str, str] | Config:
        files.write("home/.config/compshare/config.json", content, mode)
        account = f'[accounts.lab]\nprofile = "{profile}"\n'
        return files.faults("", account=account) or files.load("", account=account)

    def test_the_official_file_gives_the_keys(self, files: Files) -> None:
        config = self.load(files, self.PAIR)
        assert isinstance(config, Config)
        lab = config.accounts["lab"]
        assert (lab.public_key.reveal(), lab.private_key.reveal()) == ("work-public", "work-private")

    def test_a_variable_names_another_file(self, files: Files) -> None:
        other = files.write("other.json", self.PAIR)
        account = '[accounts.lab]\nprofile = "work"\n'
        assert files.load("", {"COMPSHARE_CONFIG_FILE": str(other)}, account=account).accounts["lab"]

    @pytest.mark.parametrize(
        ("content", "mode", "remedy"),
        [
            ('{"profiles": {"home": {}, "lab": {}}}', 0o600, "there are: home, lab"),
            ('{"profiles": {"work": {"public_key": "work-public"}}}', 0o600, "no public_key and private_key"),
            ('{"profiles": {"work": {"public_key": 1, "private_key": ""}}}', 0o600, "no public_key"),
            ('{"profiles": []}', 0o600, "not a profile"),
            ("[]", 0o600, "no public_key"),
            ("work-private", 0o600, "no public_key"),
            ("[" * 60_000, 0o600, "no public_key"),
            (PAIR, 0o644, "open to others"),
        ],
    )
    def test_a_profile_that_gives_no_keys_is_a_fault(
        self, files: Files, content: str, mode: int, remedy: str
    ) -> None:
        open_up(files.folder)
        faults = self.load(files, content, mode)
        assert isinstance(faults, dict)
        assert remedy in faults["accounts.lab.profile"]
        assert "work-private" not in str(faults)

    def test_a_missing_file_is_a_fault(self, files: Files) -> None:
        faults = files.faults("", account='[accounts.lab]\nprofile = "work"\n')
        assert "config.json: cannot be read" in faults["accounts.lab.profile"]

    def test_keys_and_profile_exclude_each_other(self, files: Files) -> None:
        assert "keep the profile or the keys" in files.faults('profile = "work"')["accounts.lab.profile"]


class TestSinks:
    def test_a_log_is_told_where(self, files: Files) -> None:
        config = files.load('[sinks.a]\ntype = "log"\n[sinks.b]\ntype = "log"\npath = "events.jsonl"')
        assert config.sinks["a"] == LogSinkConfig("a")
        assert config.sinks["b"] == LogSinkConfig("b", path=files.folder / "events.jsonl")

    def test_a_webhook_is_told_all(self, files: Files) -> None:
        files.write("ca.pem", CERTIFICATE)
        more = 'timeout = "5s"\nheaders = { A = "b" }\nproxy = "http://p:1"\nca_file = "ca.pem"\n'
        sink = files.load(WEBHOOK + more).sinks["hook"]
        assert isinstance(sink, WebhookSinkConfig)
        assert (sink.url.reveal(), sink.format, sink.timeout) == (
            "https://example.com/hook",
            "standard",
            5 * S,
        )
        assert {name: value.reveal() for name, value in sink.headers.items()} == {"A": "b"}
        assert sink.proxy is not None
        assert (sink.proxy.reveal(), sink.ca_file) == ("http://p:1", files.folder / "ca.pem")

    def test_a_robot_is_told_all(self, files: Files) -> None:
        more = 'format = "feishu"\nsecret = "s"\nlanguage = "zh"\nprefix = "GPU"\ngroup_wait = "0s"\n'
        sink = files.load(WEBHOOK + more).sinks["hook"]
        assert isinstance(sink, WebhookSinkConfig)
        assert sink.secret is not None
        settings = (sink.format, sink.secret.reveal(), sink.language, sink.prefix, sink.group_wait)
        assert settings == ("feishu", "s", "zh", "GPU", 0 * S)

    def test_a_template_is_told_all(self, files: Files) -> None:
        sink = files.load(WEBHOOK + "format = \"template\"\nbody = '{}'\ncontent_type = 'text/plain'").sinks[
            "hook"
        ]
        assert isinstance(sink, WebhookSinkConfig)
        assert (sink.body, sink.content_type) == ("{}", "text/plain")

    @pytest.mark.parametrize(
        ("path", "owner"),
        [
            ("events.jsonl", "sinks.a"),
            ("./folder/../events.jsonl", "sinks.a"),
            ("link.jsonl", "sinks.a"),
            ("syncd.db", "the database"),
            ("syncd.db-wal", "the database"),
            ("config.toml", "this configuration"),
        ],
    )
    def test_a_file_has_one_writer(self, files: Files, path: str, owner: str) -> None:
        (files.folder / "link.jsonl").symlink_to("events.jsonl")
        database = '[database]\npath = "syncd.db"\n'
        logs = "".join(
            f'[sinks.{name}]\ntype = "log"\npath = "{file}"\n'
            for name, file in (("a", "events.jsonl"), ("b", path), ("c", "others.jsonl"))
        )
        (fault,) = files.faults(database + logs).items()
        assert fault[0] == "sinks.b.path"
        assert f"is already used by {owner}" in fault[1]

    @pytest.mark.parametrize(
        ("form", "language"),
        [("feishu", "zh"), ("dingtalk", "zh"), ("wecom", "zh"), ("lark", "en"), ("slack", "en")],
    )
    def test_a_robot_speaks_what_its_platform_reads_unless_told_otherwise(
        self, files: Files, form: str, language: str
    ) -> None:
        other = {"zh": "en", "en": "zh"}[language]
        for more, expected in (("", language), (f'language = "{other}"\n', other)):
            sink = files.load(WEBHOOK + f'format = "{form}"\n' + more).sinks["hook"]
            assert isinstance(sink, WebhookSinkConfig)
            assert sink.language == expected

    def test_the_formats_are_those_that_exist(self) -> None:
        assert set(FORMATS) == set(formats.names())

    @pytest.mark.parametrize("form", FORMATS)
    def test_a_key_of_another_format_is_a_fault(self, files: Files, form: str) -> None:
        own = {
            "secrets": ["whsec_" + "QUFB" * 8],
            "secret": "s",
            "language": "zh",
            "prefix": "p",
            "group_wait": "1s",
            "body": "b",
            "content_type": "text/plain",
        }
        chat = {"language", "prefix", "group_wait"}
        allowed = {
            "standard": {"secrets"},
            "cloudevents": {"secrets"},
            "wecom": chat,
            "slack": chat,
            "template": {"body", "content_type"},
        }.get(form, {"secret", *chat})
        table = {"type": "webhook", "format": form, "url": "https://example.com", **own}
        faults = files.faults(to_toml({"sinks": {"hook": table}}))
        assert faults.keys() == {f"sinks.hook.{key}" for key in own.keys() - allowed}
        assert all("does not belong" in fault for fault in faults.values())

    @pytest.mark.parametrize(
        ("text", "key", "remedy"),
        [
            ("[sinks.hook]", "sinks.hook.type", "is missing"),
            ('[sinks.hook]\ntype = "webhok"', "sinks.hook.type", 'did you mean "webhook"?'),
            (
                '[sinks.hook]\ntype = "webhok"\nurl = "https://e.org"',
                "sinks.hook.type",
                "one of log, webhook",
            ),
            ('[sinks.hook]\ntype = "log"\nurl = "https://e.org"', "sinks.hook.url", "does not belong"),
            ('[sinks.hook]\ntype = "log"\nformat = "slack"', "sinks.hook.format", "does not belong"),
            ('[sinks.hook]\ntype = "webhook"', "sinks.hook.url", "is missing"),
            ('[sinks.hook]\ntype = "webhook"\nurl = "example.com"', "sinks.hook.url", "must begin with"),
            ('[sinks.hook]\ntype = "webhook"\nurl = "http://["', "sinks.hook.url", "not a URL"),
            ('[sinks.hook]\ntype = "webhook"\nurl = ["http://a"]', "sinks.hook.url", "text in quotes"),
            (WEBHOOK + 'path = "x"', "sinks.hook.path", "does not belong"),
            (WEBHOOK + 'format = "fieshu"\nsecret = "x"', "sinks.hook.format", 'did you mean "feishu"?'),
            (WEBHOOK + 'format = "template"', "sinks.hook.body", "is missing"),
            (WEBHOOK + 'format = "slack"\nlanguage = "fr"', "sinks.hook.language", "one of en, zh"),
            (WEBHOOK + 'format = "slack"\ngroup_wait = 5', "sinks.hook.group_wait", "such as"),
            (WEBHOOK + "timeout = 20", "sinks.hook.timeout", "such as"),
            (WEBHOOK + 'proxy = "socks5://a"', "sinks.hook.proxy", "must begin with"),
            (WEBHOOK + 'ca_file = "x"', "sinks.hook.ca_file", "cannot be read"),
            (WEBHOOK + 'headers = "A: b"', "sinks.hook.headers", "must be a table"),
            (WEBHOOK + "headers = { A = 1 }", "sinks.hook.headers.A", "text in quotes"),
            (WEBHOOK + 'headers = { "A b" = "c" }', "sinks.hook.headers.A b", "not a valid header name"),
            (WEBHOOK + 'headers = { A = "b\\nC: d" }', "sinks.hook.headers.A", "one line"),
            (WEBHOOK + 'headers = { A = "b", a = "b" }', "sinks.hook.headers.a", "given twice"),
            (WEBHOOK + 'headers = { content-type = "b" }', "sinks.hook.headers.content-type", "sets itself"),
            (WEBHOOK + 'headers = { Webhook-Id = "b" }', "sinks.hook.headers.Webhook-Id", "sets itself"),
            (WEBHOOK + 'secrets = "whsec_"', "sinks.hook.secrets", "a list of texts"),
            (WEBHOOK + "secrets = []", "sinks.hook.secrets", "a list of texts"),
            (WEBHOOK + 'secrets = ["abc"]', "sinks.hook.secrets", "must begin with whsec_"),
            (WEBHOOK + 'secrets = ["whsec_-_-_"]', "sinks.hook.secrets", "base64"),
            (WEBHOOK + 'secrets = ["whsec_QUFB"]', "sinks.hook.secrets", "24 to 64 bytes, not 3"),
            (WEBHOOK + 'events = "image.*"', "sinks.hook.events", "list of one or more"),
            (WEBHOOK + "events = []", "sinks.hook.events", "list of one or more"),
            (WEBHOOK + 'events = ["image.shard"]', "sinks.hook.events", 'did you mean "image.shared"?'),
            (WEBHOOK + 'events = ["sync"]', "sinks.hook.events", "matches nothing"),
            (WEBHOOK + 'accounts = ["lba"]', "sinks.hook.accounts", 'did you mean "lab"?'),
            (WEBHOOK + "names = [1]", "sinks.hook.names", "list of one or more"),
            (WEBHOOK + 'scope = "image"', "sinks.hook.scope", "one of account, region"),
            (WEBHOOK + "baseline = 1", "sinks.hook.baseline", "true or false"),
            ('[sinks."a b"]\ntype = "log"', "sinks.a b", "the name of a sink"),
        ],
    )
    def test_a_bad_sink_is_one_fault(self, files: Files, text: str, key: str, remedy: str) -> None:
        faults = files.faults(text)
        assert list(faults) == [key]
        assert remedy in faults[key]

    def test_filters_are_taken(self, files: Files) -> None:
        more = """
        events = ["image.*"]
        accounts = ["l*"]
        regions = ["cn-*"]
        names = ["ComfyUI*"]
        owners = ["*zhang*"]
        baseline = true
        """
        wants = files.load(WEBHOOK + more).sinks["hook"].wants
        assert wants == SinkFilter(
            ("image.*",), ("l*",), ("cn-*",), ("ComfyUI*",), ("*zhang*",), "region", baseline=True
        )

    def test_named_regions_are_told_for_each_region(self, files: Files) -> None:
        assert files.load(WEBHOOK).sinks["hook"].wants.scope == "account"
        assert files.load(WEBHOOK + 'scope = "region"').sinks["hook"].wants.scope == "region"
        assert files.load(WEBHOOK + 'regions = ["cn-wlcb"]').sinks["hook"].wants.scope == "region"
        assert (
            files.load(WEBHOOK + 'regions = ["cn-wlcb", "*"]\nscope = "account"').sinks["hook"].wants.scope
            == "account"
        )
        faults = files.faults(WEBHOOK + 'regions = ["cn-wlcb"]\nscope = "account"')
        assert 'must be "region"' in faults["sinks.hook.scope"]

    def test_no_sink_is_worth_a_word(self, files: Files) -> None:
        assert any("nobody is notified" in warning for warning in files.load("").warnings)
        assert files.load(WEBHOOK).warnings == ()


class TestWarnings:
    @pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "sim.localhost", "127.9.9.9:80"])
    def test_plain_http_within_the_machine_is_fine(self, files: Files, host: str) -> None:
        assert files.load(f'[api]\nbase_url = "http://{host}"' + WEBHOOK).warnings == ()

    @pytest.mark.parametrize(
        ("text", "key"),
        [
            (WEBHOOK + '[api]\nbase_url = "http://10.0.0.1"', "api.base_url"),
            (WEBHOOK.replace("https", "http"), "sinks.hook.url"),
            (WEBHOOK + '[heartbeat]\nurl = "http://example.com/hook-secret"', "heartbeat.url"),
        ],
    )
    def test_plain_http_to_elsewhere_is_worth_a_word(self, files: Files, text: str, key: str) -> None:
        (warning,) = files.load(text).warnings
        assert warning.startswith(key)
        assert "example.com" not in warning

    def test_inline_secrets_in_an_open_file_are_worth_a_word(self, files: Files) -> None:
        open_up(files.folder)
        config = load(files.write("config.toml", ACCOUNT + WEBHOOK, 0o644), files.environ)
        assert ["open to others" in warning for warning in config.warnings] == [True]
        account = '[accounts.a]\npublic_key_env = "P_K"\nprivate_key_env = "P_K"\n[sinks.a]\ntype = "log"'
        assert load(files.write("config.toml", account, 0o644), {"P_K": "x"}).warnings == ()
        files.folder.chmod(0o700)
        assert load(files.write("config.toml", ACCOUNT + WEBHOOK, 0o644), files.environ).warnings == ()

    def test_a_short_retention_is_worth_a_word(self, files: Files) -> None:
        (warning,) = files.load(WEBHOOK + '[retention]\nevents = "1h"').warnings
        assert "never delivered" in warning


class TestHeartbeat:
    def test_it_is_off_without_a_url(self, files: Files) -> None:
        assert files.load('[heartbeat]\ninterval = "1m"').heartbeat is None

    def test_it_is_told_where_and_when(self, files: Files) -> None:
        heartbeat = files.load('[heartbeat]\nurl = "https://e.org/x"\ninterval = "1m"').heartbeat
        assert heartbeat is not None
        assert (heartbeat.url.reveal(), heartbeat.interval) == ("https://e.org/x", M)

    def test_its_url_must_be_one(self, files: Files) -> None:
        assert "must begin with" in files.faults('[heartbeat]\nurl = "e.org"')["heartbeat.url"]


def test_a_check_of_an_upper_room_adds_its_faults_to_the_others(files: Files) -> None:
    seen = []

    def check(config: Config) -> list[Fault]:
        seen.append(config.sinks.keys())
        return [Fault("sinks.hook.body", "", "is no template")]

    path = files.write("config.toml", ACCOUNT + WEBHOOK + "[guard]\nmin = 0")
    with pytest.raises(ConfigError) as caught:
        load(path, files.environ, [check])
    assert [fault.key for fault in caught.value.faults] == ["guard.min", "sinks.hook.body"]
    assert seen == [{"hook"}]


PLANTED = "PlantedSecret0123456789"
TEXTS = st.sampled_from(
    [PLANTED, f"https://{PLANTED}", f"http://{PLANTED}:{PLANTED}@", "webhook", "log", "1m", "5", "²"]
)
VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8), TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "x_env", "type"]), inner, max_size=3),
    ),
    max_leaves=4,
)
SECRETS = {key for keys in KEYS.values() for key, use in keys.items() if use}


def tables(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    table = st.dictionaries(
        st.sampled_from([*accepted(kind), "privat_key", "apikey", "body_env"]), VALUES, max_size=6
    )
    return (
        st.dictionaries(st.sampled_from(["lab", "A b"]), table, max_size=2)
        if kind.endswith(".NAME")
        else table
    )


WHOLE = st.fixed_dictionaries({}, optional={kind.removesuffix(".NAME"): tables(kind) for kind in KEYS})


def faults_of(path: Path, environ: dict[str, str]) -> list[Fault]:
    """Of a sound file none, and then it can be described."""
    try:
        assert json.dumps(describe(load(path, environ)))
    except ConfigError as error:
        return error.faults
    return []


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WHOLE)
def test_whatever_is_written_the_answer_is_settings_or_faults(files: Files, written: dict[str, Any]) -> None:
    for fault in faults_of(files.write("config.toml", to_toml(written)), files.environ):
        names = {unformed(name) for name in fault.key.split(".")}
        assert PLANTED not in str(fault) or not names & (SECRETS | {"privat_key", "apikey"})
