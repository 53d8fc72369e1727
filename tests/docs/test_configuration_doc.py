"""The example and the docs, in both languages, know every key, and nothing else."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from syncd.config import Config, describe, load
from syncd.config.keys import KEYS, accepted
from syncd.config.values import parse_duration
from syncd.sinks.template_check import template_faults
from tests.config_files import CERTIFICATE, ENVIRON

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "config.example.toml").read_text()
PAGES = {
    "en": (ROOT / "docs" / "configuration.md").read_text(),
    "zh": (ROOT / "docs" / "zh" / "configuration.md").read_text(),
}
SECRET = {"en": "secret", "zh": "敏感"}
"""The word that marks a secret key."""


def uncommented(*, alternatives: bool = False) -> str:
    """The example with every key in force; ``alternatives`` are the ones marked ## instead of their neighbour."""
    text = re.sub(r"^#(?=[a-z\[])", "", EXAMPLE, flags=re.MULTILINE)
    if alternatives:
        text = re.sub(r"^##(?=[a-z])", "", text, flags=re.MULTILINE)
        text = re.sub(r"^interval = \"1m\"$", "", text, flags=re.MULTILINE)
    return text


def loaded(tmp_path: Path, text: str) -> Config:
    file = tmp_path / "config.toml"
    file.write_text(text)
    file.chmod(0o600)
    (tmp_path / "ca.pem").write_text(CERTIFICATE)
    profiles = tmp_path / "compshare.json"
    profiles.write_text(json.dumps({"profiles": {"default": {"public_key": "a", "private_key": "b"}}}))
    profiles.chmod(0o600)
    environ = ENVIRON | {"HOME": str(tmp_path), "COMPSHARE_CONFIG_FILE": str(profiles)}
    return load(file, environ, [template_faults])


def test_the_example_is_a_start(tmp_path: Path) -> None:
    config = loaded(tmp_path, EXAMPLE)
    assert (list(config.accounts), list(config.sinks), config.warnings) == (["default"], ["log"], ())


@pytest.mark.parametrize("alternatives", [False, True])
def test_the_example_loads_with_every_key_in_force(tmp_path: Path, alternatives: bool) -> None:
    config = loaded(tmp_path, uncommented(alternatives=alternatives))
    assert config.warnings == ()
    assert (config.schedule.cron is not None) == alternatives
    assert {type(sink).__name__ for sink in config.sinks.values()} == {"LogSinkConfig", "WebhookSinkConfig"}


@pytest.mark.parametrize("kind", KEYS)
def test_the_example_has_every_key(kind: str) -> None:
    values: Any = {}
    for alternatives in (False, True):
        tables = tomllib.loads(uncommented(alternatives=alternatives))[kind.removesuffix(".NAME")]
        for table in tables.values() if kind.endswith(".NAME") else [tables]:
            values |= table
    missing = [
        key
        for key in KEYS[kind]
        if not any(form in values for form in accepted(kind) if form.startswith(key))
    ]
    assert missing == []


def test_what_the_example_says_of_a_default_is_the_default(tmp_path: Path) -> None:
    """A commented key shows its default, except where it is a sample."""
    samples = {"accounts", "sinks", "http", "heartbeat"}
    shown = describe(loaded(tmp_path, EXAMPLE))
    wide = describe(loaded(tmp_path, uncommented()))
    for table in KEYS.keys() - samples - {"accounts.NAME", "sinks.NAME"}:
        for key, value in shown[table].items():
            if key != "path":
                assert wide[table][key] == value, f"{table}.{key}"
    for key in ("events", "accounts", "names", "regions", "scope", "baseline", "group_wait"):
        assert wide["sinks"]["team"][key] == (shown["sinks"]["log"] | {"group_wait": "10s"})[key]


def section(language: str, kind: str) -> str:
    """What the page says about this table."""
    return PAGES[language].split(f"\n## `[{kind}]`\n")[1].split("\n## ")[0]


def rows(language: str, kind: str) -> dict[str, str]:
    """Key → default, of the page's section about this table."""
    return dict(re.findall(r"^\| `(\w+)` \| (?:`(.*?)`)? ?\|", section(language, kind), re.MULTILINE))


each_language = pytest.mark.parametrize("language", PAGES)


@each_language
@pytest.mark.parametrize("kind", KEYS)
def test_the_page_has_every_key_and_no_other(language: str, kind: str) -> None:
    assert rows(language, kind).keys() == KEYS[kind].keys()


@each_language
@pytest.mark.parametrize("kind", KEYS)
def test_the_page_tells_the_defaults(tmp_path: Path, language: str, kind: str) -> None:
    minimal = """
        [accounts.a]
        public_key = "p"
        private_key = "q"
        [sinks.a]
        type = "webhook"
        url = "https://example.com"
        [sinks.b]
        type = "webhook"
        format = "slack"
        url = "https://example.com"
        [sinks.c]
        type = "webhook"
        format = "template"
        url = "https://example.com"
        body = "{}"
        [heartbeat]
        url = "https://example.com"
        """
    told = describe(loaded(tmp_path, minimal))
    tables = told[kind.removesuffix(".NAME")]
    found: dict[str, Any] = {}
    for table in reversed(tables.values()) if kind.endswith(".NAME") else [tables]:
        found |= table
    for key, default in rows(language, kind).items():
        if default and key != "type":
            assert spelled(tomllib.loads(f"it = {default}")["it"]) == spelled(found[key]), key


def spelled(value: Any) -> Any:
    """24h and 1d are one duration."""
    return (isinstance(value, str) and parse_duration(value)) or value


@each_language
def test_secrets_are_named_as_such(language: str) -> None:
    for kind, keys in KEYS.items():
        for key, use in keys.items():
            line = re.search(rf"^\| `{key}` \|.*$", section(language, kind), re.MULTILINE)
            assert line is not None
            assert (SECRET[language] in line[0].split("|", 2)[2]) == bool(use), f"{kind}.{key}"
