"""Where the configuration and its secrets come from."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from syncd.config import LogSinkConfig, WebhookSinkConfig, find_config_file, load
from syncd.config.keys import KEYS, SECRET_FORMS
from syncd.errors import ConfigError
from tests.config_files import ACCOUNT, WEBHOOK, Files, open_up


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


class TestLookup:
    def test_the_first_that_applies_is_taken(self, files: Files) -> None:
        own = files.write("home/.config/syncd/config.toml", ACCOUNT)
        elsewhere = files.write("xdg/syncd/config.toml", ACCOUNT)
        xdg = files.environ | {"XDG_CONFIG_HOME": str(files.folder / "xdg")}
        assert find_config_file(None, files.environ) == own
        assert find_config_file(None, xdg) == elsewhere
        assert find_config_file(None, xdg | {"SYNCD_CONFIG": "named.toml"}) == Path("named.toml")
        assert find_config_file(Path("explicit.toml"), xdg | {"SYNCD_CONFIG": "named.toml"}) == Path(
            "explicit.toml"
        )

    def test_a_relative_xdg_folder_is_ignored(self, files: Files) -> None:
        own = files.write("home/.config/syncd/config.toml", ACCOUNT)
        assert find_config_file(None, files.environ | {"XDG_CONFIG_HOME": "xdg"}) == own

    def test_the_system_s_file_comes_last(self, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
        system = files.write("etc/config.toml", ACCOUNT)
        monkeypatch.setattr("syncd.config.paths.SYSTEM", system)
        assert find_config_file(None, files.environ) == system
        own = files.write("home/.config/syncd/config.toml", ACCOUNT)
        assert find_config_file(None, files.environ) == own

    @pytest.mark.parametrize("variable", [{}, {"SYNCD_CONFIG": "/nowhere/config.toml"}])
    def test_a_named_file_must_be_there(self, files: Files, variable: dict[str, str]) -> None:
        files.write("home/.config/syncd/config.toml", ACCOUNT)
        explicit = None if variable else Path("/nowhere/config.toml")
        with pytest.raises(ConfigError, match=re.escape("/nowhere/config.toml: 1 fault")):
            load(explicit, files.environ | variable)


PAIR = {"COMPSHARE_PUBLIC_KEY": "env-public", "COMPSHARE_PRIVATE_KEY": "env-private"}


class TestEnvironmentAlone:
    @pytest.fixture(autouse=True)
    def without_system_file(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr("syncd.config.paths.SYSTEM", tmp_path / "none.toml")

    def test_two_keys_are_enough(self, files: Files) -> None:
        config = load(None, files.environ | PAIR)
        default = config.accounts["default"]
        assert (default.public_key.reveal(), default.private_key.reveal()) == ("env-public", "env-private")
        assert (default.regions, dict(config.sinks), config.path) == (
            None,
            {"log": LogSinkConfig("log")},
            None,
        )
        assert config.warnings == ()

    @pytest.mark.parametrize("given", PAIR)
    def test_one_key_is_not(self, files: Files, given: str) -> None:
        with pytest.raises(ConfigError) as caught:
            load(None, files.environ | {given: PAIR[given]})
        (fault,) = caught.value.faults
        assert fault.key == f"${(PAIR.keys() - {given}).pop()}"

    def test_nothing_at_all_names_the_ways_out(self, files: Files) -> None:
        with pytest.raises(ConfigError) as caught:
            load(None, files.environ)
        (fault,) = caught.value.faults
        assert "syncd config init" in fault.remedy
        assert "COMPSHARE_PUBLIC_KEY" in fault.remedy

    def test_with_a_file_they_add_no_account(self, files: Files) -> None:
        assert files.load("", PAIR).accounts.keys() == {"lab"}
        assert "accounts" in files.faults("", PAIR, account="")


class TestPaths:
    def test_the_database_is_where_the_configuration_is_at_home(self, files: Files) -> None:
        assert files.load("").database.path == files.folder / "home/.local/state/syncd/syncd.db"
        state = {"XDG_STATE_HOME": str(files.folder / "state")}
        assert files.load("", state).database.path == files.folder / "state/syncd/syncd.db"

    def test_a_system_s_database_is_under_var_lib(self) -> None:
        from syncd.config.paths import default_database

        state = {"XDG_STATE_HOME": "/state", "HOME": "/root"}
        assert default_database(Path("/etc/syncd/config.toml"), state) == Path("/var/lib/syncd/syncd.db")
        assert default_database(Path("/etcetera/config.toml"), state) == Path("/state/syncd/syncd.db")
        assert default_database(None, state) == Path("/state/syncd/syncd.db")

    @pytest.mark.parametrize(
        ("written", "found"),
        [("cache.db", "cache.db"), ("~/cache.db", "home/cache.db"), ("/srv/cache.db", "/srv/cache.db")],
    )
    def test_a_path_starts_at_the_file_s_folder_or_at_home(
        self, files: Files, written: str, found: str
    ) -> None:
        assert files.load(f'[database]\npath = "{written}"').database.path == files.folder / found

    def test_a_path_does_not_depend_on_where_syncd_is_started(
        self, files: Files, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        files.write("config.toml", ACCOUNT + '[database]\npath = "cache.db"')
        monkeypatch.chdir(files.folder)
        path = load(Path("config.toml"), files.environ).database.path
        assert path == files.folder / "cache.db"


SECRET_KEYS = [
    ("api", "proxy", "http://secret.example.com"),
    ("heartbeat", "url", "https://secret.example.com"),
    ("accounts.lab", "public_key", "secret"),
    ("accounts.lab", "private_key", "secret"),
    ("sinks.hook", "url", "https://secret.example.com"),
    ("sinks.hook", "proxy", "http://secret.example.com"),
    ("sinks.robot", "secret", "secret"),
    ("sinks.hook", "secrets", "whsec_" + "c2VjcmV0" * 5),
]


class TestSecrets:
    """For each key that is one, and for each form."""

    @pytest.fixture
    def sources(self, files: Files) -> Files:
        files.environ["CREDENTIALS_DIRECTORY"] = str(files.folder / "credentials")
        return files

    def table(self, table: str, key: str, form: str, value: str) -> str:
        """A configuration in which this key alone is of this form."""
        others = {
            "accounts.lab": {"public_key": "p", "private_key": "q"},
            "sinks.hook": {"type": "webhook", "url": "https://example.com"},
            "sinks.robot": {"type": "webhook", "format": "feishu", "url": "https://example.com"},
        }.get(table, {})
        written = [f'{name} = "{value}"' for name, value in others.items() if name != key]
        account = "" if table == "accounts.lab" else ACCOUNT
        literal = f'["{value}"]' if key == "secrets" and not form else f'"{value}"'
        return "\n".join([account, f"[{table}]", *written, f"{key}{form} = {literal}"])

    def found(self, sources: Files, text: str, table: str, key: str) -> str:
        config = sources.load(text, account="")
        kind, _, name = table.partition(".")
        owner = getattr(config, kind)
        value = getattr(owner[name] if name else owner, key)
        return str((value[0] if key == "secrets" else value).reveal())

    def test_every_secret_key_is_here(self) -> None:
        known = {
            (kind.removesuffix(".NAME"), key)
            for kind, keys in KEYS.items()
            for key, use in keys.items()
            if use == "secret"
        }
        assert {(table.partition(".")[0], key) for table, key, _ in SECRET_KEYS} == known

    @pytest.mark.parametrize(("table", "key", "secret"), SECRET_KEYS)
    @pytest.mark.parametrize("form", SECRET_FORMS)
    def test_it_is_taken_in_each_form(
        self, sources: Files, table: str, key: str, secret: str, form: str
    ) -> None:
        sources.write("secret", secret + "\n")
        sources.write("credentials/syncd_secret", secret + "\r\n")
        sources.environ["THE_SECRET"] = secret
        value = {"": secret, "_file": "secret", "_env": "THE_SECRET", "_credential": "syncd_secret"}[form]
        assert self.found(sources, self.table(table, key, form, value), table, key) == secret

    @pytest.mark.parametrize(("table", "key", "secret"), SECRET_KEYS)
    @pytest.mark.parametrize("form", ["_file", "_env", "_credential"])
    def test_a_secret_put_where_its_source_belongs_is_not_shown(
        self, sources: Files, table: str, key: str, secret: str, form: str
    ) -> None:
        faults = sources.faults(self.table(table, key, form, secret), account="")
        assert faults[f"{table}.{key}{form}"].startswith("***: ")
        assert "secret" not in str(faults.values()).replace("that is no secret", "").replace(
            "private_key", ""
        )

    @pytest.mark.parametrize(("table", "key", "secret"), SECRET_KEYS)
    @pytest.mark.parametrize("form", ["_file", "_env", "_credential"])
    def test_a_command_that_needs_none_does_without_what_it_cannot_read(
        self, files: Files, table: str, key: str, secret: str, form: str
    ) -> None:
        path = files.write(
            "config.toml", self.table(table, key, form, "/nowhere" if form == "_file" else "X_Y")
        )
        config = load(path, files.environ, secrets=False)
        assert list(config.accounts) == ["lab"]
        with pytest.raises(ConfigError):
            load(path, files.environ)

    def test_in_a_shell_root_reads_what_the_unit_would_load(self, files: Files) -> None:
        text = '[accounts.lab]\npublic_key = "p"\nprivate_key_credential = "syncd_private_key"\n'
        assert "in a shell, root reads" in str(files.faults(text, account=""))
        files.write("credentials/private_key", "of-the-unit\n")
        assert files.load(text, account="").accounts["lab"].private_key.reveal() == "of-the-unit"
        files.write("credentials/private_key", "of-the-unit\n", 0o644)
        open_up(files.folder)
        assert "open to others" in str(files.faults(text, account=""))
        files.environ["CREDENTIALS_DIRECTORY"] = str(files.folder)
        assert "not one of the unit's" in str(files.faults(text, account=""))

    @pytest.mark.parametrize("other", SECRET_FORMS[1:])
    def test_two_forms_are_a_fault(self, sources: Files, other: str) -> None:
        faults = sources.faults(f'private_key{other} = "x"')
        assert faults == {
            "accounts.lab.private_key": f": is given as private_key and private_key{other}: keep one"
        }

    @pytest.mark.parametrize(
        ("text", "remedy"),
        [
            ("", '"": is empty: put the value between the quotes, or use private_key_file'),
            ("  ", "***: is blank"),
            ("…", "***: is only a placeholder"),
            (" ... ", "***: is only a placeholder"),
            ("***", "***: is only a placeholder"),
            ("<your private key>", "***: is only a placeholder"),
        ],
    )
    def test_nothing_and_a_placeholder_are_faults(self, sources: Files, text: str, remedy: str) -> None:
        faults = sources.faults("", account=f'[accounts.lab]\npublic_key = "p"\nprivate_key = "{text}"')
        assert faults["accounts.lab.private_key"].startswith(remedy)

    @pytest.mark.parametrize("text", ["1", "true", '["a"]', '{ a = "b" }', '"a\\nb"', '"a\\u0000b"'])
    def test_what_is_no_line_of_text_is_a_fault(self, sources: Files, text: str) -> None:
        faults = sources.faults("", account=f'[accounts.lab]\npublic_key = "p"\nprivate_key = {text}')
        assert faults["accounts.lab.private_key"].startswith("***: must be")

    def test_a_list_is_one_a_line_or_spaced_in_a_variable(self, sources: Files) -> None:
        first, second = "whsec_" + "b25l" * 8, "whsec_" + "dHdv" * 8
        sources.write("secrets", f"{first}\n{second}\n")
        sources.environ["THE_SECRETS"] = f"{first} {second}"
        for form in (
            'secrets_file = "secrets"',
            'secrets_env = "THE_SECRETS"',
            f'secrets = ["{first}", "{second}"]',
        ):
            hook = sources.load(WEBHOOK + form).sinks["hook"]
            assert isinstance(hook, WebhookSinkConfig)
            assert [secret.reveal() for secret in hook.secrets] == [first, second]

    @pytest.mark.parametrize("form", SECRET_FORMS)
    def test_a_header_is_taken_in_each_form(self, sources: Files, form: str) -> None:
        sources.write("token", "Bearer x\n")
        sources.write("credentials/token", "Bearer x\n")
        sources.environ["THE_TOKEN"] = "Bearer x"
        value = {"": "Bearer x", "_file": "token", "_env": "THE_TOKEN", "_credential": "token"}[form]
        hook = sources.load(
            WEBHOOK + f'headers = {{ Authorization{form} = "{value}", X_Other = "y" }}'
        ).sinks["hook"]
        assert isinstance(hook, WebhookSinkConfig)
        assert {name: secret.reveal() for name, secret in hook.headers.items()} == {
            "Authorization": "Bearer x",
            "X_Other": "y",
        }

    def test_only_one_newline_is_stripped(self, sources: Files) -> None:
        sources.write("secret", "line \n")
        account = '[accounts.lab]\npublic_key = "p"\nprivate_key_file = "secret"'
        assert sources.load("", account=account).accounts["lab"].private_key.reveal() == "line "
        sources.write("secret", "line\n\n")
        assert "one line" in sources.faults("", account=account)["accounts.lab.private_key"]

    @pytest.mark.parametrize(
        ("content", "mode", "remedy"),
        [
            (b"secret", 0o644, "open to others (mode 0644)"),
            (b"secret", 0o604, "open to others (mode 0604)"),
            (b"secret", 0o602, "open to others (mode 0602)"),
            (b"", 0o600, "is empty"),
            (b"\n", 0o600, "is empty"),
            (b"\xff", 0o600, "UTF-8"),
            (b"x" * 70_000, 0o600, "64 KiB"),
        ],
    )
    @pytest.mark.parametrize("form", ["_file", "_credential"])
    def test_a_bad_file_is_refused(
        self, sources: Files, content: bytes, mode: int, remedy: str, form: str
    ) -> None:
        path = sources.write("credentials/key", content, mode)
        open_up(sources.folder)
        value = str(path) if form == "_file" else "key"
        faults = sources.faults(
            f'private_key{form} = "{value}"', account='[accounts.lab]\npublic_key = "p"\n'
        )
        assert faults.keys() == {f"accounts.lab.private_key{form}"}
        assert remedy in faults[f"accounts.lab.private_key{form}"]

    def test_in_a_closed_folder_no_file_is_open(self, sources: Files) -> None:
        path = sources.write("closed/below/key", "secret", 0o644)
        open_up(path.parent)
        account = '[accounts.lab]\npublic_key = "p"\nprivate_key_file = "link"'
        (sources.folder / "link").symlink_to(path)
        assert "open to others" in str(sources.faults("", account=account))
        (sources.folder / "closed").chmod(0o700)
        assert sources.load("", account=account).accounts["lab"].private_key.reveal() == "secret"

    @pytest.mark.parametrize("mode", [0o600, 0o640, 0o400, 0o440])
    def test_a_group_may_read(self, sources: Files, mode: int) -> None:
        sources.write("key", "secret", mode)
        account = '[accounts.lab]\npublic_key = "p"\nprivate_key_file = "key"'
        assert sources.load("", account=account).accounts["lab"].private_key.reveal() == "secret"

    def test_a_pipe_does_not_hang_the_start(self, sources: Files) -> None:
        os.mkfifo(sources.folder / "pipe", 0o600)
        faults = sources.faults("", account='[accounts.lab]\npublic_key = "p"\nprivate_key_file = "pipe"')
        assert "ordinary file" in faults["accounts.lab.private_key_file"]

    @pytest.mark.parametrize(
        ("line", "remedy"),
        [
            ('private_key_file = "/nowhere/key"', '"/nowhere/key": cannot be read: No such file'),
            ('private_key_file = "."', "***: cannot be read: Is a directory"),
            ('private_key_file = "private_key"', '"private_key": cannot be read: No such file'),
            ('private_key_file = "keys/lab2.key"', '"keys/lab2.key": cannot be read: No such file'),
            (
                'private_key_file = "4f2GhW8x0ZkP"',
                "***: cannot be read: No such file or directory (it is not",
            ),
            ('private_key_file = "c2VjcmV0/WxY.k9"', "***: cannot be read: No such file or directory (it is"),
            ("private_key_file = 5", ": must be a text in quotes"),
            (
                'private_key_env = "NO_SUCH_VARIABLE"',
                '"NO_SUCH_VARIABLE": must be the name of a variable that is set',
            ),
            ('private_key_env = ""', ": must be a text in quotes"),
            (
                'private_key_credential = "key"',
                "***: is not one of the unit's credentials; there are: syncd_one, syncd_two",
            ),
            ('private_key_credential = "../key"', "***: must be the name of a credential, without slashes"),
        ],
    )
    def test_a_source_that_gives_nothing_is_a_fault(self, sources: Files, line: str, remedy: str) -> None:
        sources.write("credentials/syncd_two", "x")
        sources.write("credentials/syncd_one", "x")
        faults = sources.faults(line, account='[accounts.lab]\npublic_key = "p"\n')
        (fault,) = faults.values()
        assert fault.startswith(remedy)

    def test_a_credential_needs_systemd(self, files: Files) -> None:
        faults = files.faults('private_key_credential = "key"', account='[accounts.lab]\npublic_key = "p"\n')
        assert "LoadCredential=" in faults["accounts.lab.private_key_credential"]
