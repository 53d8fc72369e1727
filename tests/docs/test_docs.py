"""The documents lead somewhere: commands parse, links resolve, settings load."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from syncd.cli.command_list import COMMANDS
from syncd.cli.main import main
from syncd.cli.main import syncd as root
from syncd.config import load
from syncd.simulator import __main__ as simulator
from syncd.sinks.template_check import template_faults
from tests.config_files import ENVIRON, Files

ROOT = Path(__file__).parents[2]
ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
PAGES = [ENGLISH, CHINESE, ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXTS = {page.relative_to(ROOT).as_posix(): page.read_text() for page in PAGES}

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CALL = re.compile(r"(?:^|\$ |\$\(|/bin/|&& )syncd ((?:[a-z-]).*)")
"""A command line of syncd: at the beginning, at a prompt, with its path, inside another command."""


def blocks(text: str, *languages: str) -> list[str]:
    return [code for language, code in FENCE.findall(text) if language in languages]


def spans(text: str) -> list[str]:
    """What stands between backticks outside blocks; in a table \\| is a bar."""
    return [
        code.replace("\\|", "|").replace("\n", " ") for code in re.findall(r"`([^`]+)`", FENCE.sub("", text))
    ]


def calls(text: str) -> Iterator[str]:
    """The arguments of every `syncd …` that the page shows."""
    lines = [line for block in blocks(text, "", "sh", "console") for line in block.splitlines()]
    for line in [*lines, *spans(text)]:
        if found := CALL.search(re.sub(r"\s+#\s.*", "", line)):
            yield re.split(r" [|>&]|\)", found[1])[0].strip()


CALLS = sorted({(name, call) for name, text in TEXTS.items() for call in calls(text)})


def walk(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for child in command.commands.values():
            yield from walk(child, f"{name} {child.name}")
    else:
        yield name, command


def every_command() -> dict[str, click.Command]:
    context = click.Context(root)
    found = ((name, root.get_command(context, name)) for name in COMMANDS)
    return {path: one for name, command in found if command is not None for path, one in walk(command, name)}


def options_of(command: click.Command) -> set[str]:
    return {name for option in command.params for name in option.opts if name.startswith("--")}


NAMES = every_command().keys() | {name for path in every_command() for name in path.split()[:1]}

SHARED = {"--config", "--log-level"}


@pytest.mark.parametrize("name", every_command())
def test_every_command_has_its_line_with_its_options(name: str) -> None:
    page = TEXTS["docs/commands.md"]
    (line,) = re.findall(rf"^\| `syncd {name}(?: \S+)?` \|.*$", page, re.MULTILINE)
    takes = options_of(every_command()[name]) - SHARED
    told = set(re.findall(r"--[a-z-]+", line))
    assert told <= takes
    reading = {"--format", "--limit", "--db"}
    assert takes - told <= (reading if {"--format", "--db"} <= takes else set())
    assert SHARED | reading <= set(re.findall(r"--[a-z-]+", page))


@pytest.mark.parametrize(("page", "call"), CALLS, ids=[f"{page}: {call}" for page, call in CALLS])
def test_every_command_line_parses(
    page: str, call: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reached: list[str] = []
    monkeypatch.setattr(click.Command, "invoke", lambda _, context: reached.append(context.command_path))
    if call in NAMES:
        return  # spoken of, not shown
    arguments = [argument for argument in shlex.split(call) if argument != "…"]
    assert main(arguments) == 0, capsys.readouterr().err
    assert "--help" in call or "--version" in call or len(reached) >= 2


def test_every_page_shows_command_lines_that_are_found() -> None:
    """So that the pattern above does not miss them all unnoticed."""
    for name in ("README.md", "docs/operations.md", "docs/commands.md", "docs/configuration.md"):
        assert len([page for page, _ in CALLS if page == name]) > 5, name


@pytest.mark.parametrize("name", TEXTS)
def test_every_option_that_is_named_alone_exists(name: str) -> None:
    known = {"--help", "--version", *SHARED}.union(*map(options_of, every_command().values()))
    if name == "docs/simulator.md":
        known |= {option for action in simulator._parser()._actions for option in action.option_strings}
    named = {span.split()[0] for span in spans(TEXTS[name]) if span.startswith("--")}
    assert named <= known


def slugs(text: str) -> list[str]:
    """The anchors that GitHub gives to headings, in order."""
    titles = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]


LINKS = sorted(
    (name, link)
    for name, text in TEXTS.items()
    for link in re.findall(r"\]\(([^)\s]+)\)", text)
    if not re.match(r"https?:", link)
)


@pytest.mark.parametrize(("name", "link"), LINKS)
def test_every_link_leads_to_a_file_and_a_heading(name: str, link: str) -> None:
    file, _, anchor = link.partition("#")
    target = (ROOT / name).parent / file if file else ROOT / name
    assert target.is_file()
    assert not anchor or anchor in slugs(target.read_text())


@pytest.mark.parametrize("name", TEXTS)
def test_every_file_of_the_project_that_is_named_exists(name: str) -> None:
    folders = "docs|tests|syncd|systemd|migrations"
    named = [span for span in spans(TEXTS[name]) if re.fullmatch(rf"(?:{folders})/[\w./-]+", span)]
    assert [path for path in named if not (ROOT / path).exists()] == []


SETTINGS = [
    (name, block)
    for name, text in TEXTS.items()
    if not name.endswith("/sinks.md")  # tests/docs/test_sinks_doc.py
    for block in blocks(text, "toml")
]


@pytest.mark.parametrize(("name", "block"), SETTINGS, ids=[name for name, _ in SETTINGS])
def test_every_block_of_settings_loads(name: str, block: str, tmp_path: Path) -> None:
    """With the files that it names, and keys in the place of "…"; a block without an account gets one."""
    files = Files(tmp_path)
    block = block.replace("/home/me", str(tmp_path / "home")).replace('"…"', '"key"')
    for path in re.findall(r'^\w+_file = "(.*)"', block, re.MULTILINE):
        files.write(path, "https://open.feishu.cn/open-apis/bot/v2/hook/0123\n")
    for credential in re.findall(r'^\w+_credential = "(.*)"', block, re.MULTILINE):
        files.write(f"credentials/{credential}", "key\n")
    account = "" if "[accounts." in block else '[accounts.lab]\npublic_key = "a"\nprivate_key = "b"\n'
    config = files.write("config.toml", account + block)
    environ = ENVIRON | files.environ | {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}
    assert load(config, environ, [template_faults]).accounts


def test_the_readmes_show_settings() -> None:
    assert {name for name, _ in SETTINGS} >= {"README.md", "README.zh-CN.md"}


@pytest.mark.parametrize(
    "picture", sorted((ROOT / "docs" / "pictures").glob("*.svg")), ids=lambda path: path.stem
)
def test_a_picture_is_small_shown_and_fetches_nothing(picture: Path) -> None:
    drawn = picture.read_text()
    assert len(drawn) < 60_000
    assert not re.search(r"url\(.?https?:|@import|<image|<script|href", drawn)
    assert any(f"pictures/{picture.name})" in text for text in TEXTS.values())


@pytest.mark.parametrize("page", ["docs/operations.md", "docs/zh/operations.md"])
def test_operations_lists_exactly_the_metrics_with_their_labels(page: str) -> None:
    from syncd.monitoring.metrics import Metrics

    table = re.findall(r"^\| `(syncd_\w+)` \| (.*?) \|", TEXTS[page], re.MULTILINE)
    listed = {name.removesuffix("_total"): re.findall(r"`(\w+)`", labels) for name, labels in table}
    collectors = Metrics().registry._collector_to_names
    assert listed == {one._name: list(one._labelnames) for one in collectors}  # type: ignore[attr-defined]  # the library has no public way to read them
