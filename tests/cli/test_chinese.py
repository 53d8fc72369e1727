"""The command line as a user with a Chinese locale has it: real processes, and no English sentence in what they say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from syncd.cli.command_list import COMMANDS
from syncd.cli.language import choose
from syncd.cli.main import syncd as program
from syncd.errors import UsageError
from tests.cli.command_line import CommandLine
from tests.processes import syncd

pytestmark = pytest.mark.slow
"""Each runs a command as a process in Chinese; `test_catalogue.py` holds the texts in the fast tests."""

LOCALE = {"LANG": "zh_CN.UTF-8", "LC_ALL": "", "LC_MESSAGES": "", "LANGUAGE": "", "SYNCD_LANGUAGE": ""}
ENGLISH = re.compile(r"(?<![\w\"'`./\[<{|=-])[a-z]{2,} [a-z]{2,} [a-z]{2,}")
"""Three English words in a row: no name, command or key is like that."""


def english_in(text: str) -> list[str]:
    """The lines with an English sentence; commands in backquotes and lines of examples are none."""
    lines = (re.sub(r"`[^`]*`", "", line) for line in text.splitlines())
    return [
        line
        for line in lines
        if not line.startswith(("用法：", "    syncd ", "    eval ")) and ENGLISH.search(line)
    ]


async def said(*args: str | Path, code: int = 0, **environ: str) -> str:
    async with syncd(*args, **LOCALE | environ) as process:
        output = await process.stdout()
        assert await process.exit_code() == code
        return output + "\n".join(process.stderr)


def names(command: click.Command, *path: str) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        for name in COMMANDS if command is program else command.commands:
            child = command.get_command(click.Context(command), name)
            assert child is not None
            yield from names(child, *path, name)


@pytest.mark.parametrize("command", list(names(program)), ids=" ".join)
async def test_help_is_chinese(command: tuple[str, ...]) -> None:
    text = await said(*command, "--help")
    assert text.startswith("用法：")
    assert english_in(text) == []


async def test_lines_of_help_fit_the_screen() -> None:
    from syncd.cli.table import width_of

    text = await said("events", "--help", COLUMNS="60")
    assert max(map(width_of, text.splitlines())) <= 60
    assert not [line for line in text.splitlines() if line.lstrip()[:1] in tuple("，。；：、）”")]


@pytest.mark.parametrize(
    "args",
    [
        ("bogus",), ("imagess",), ("images", "--nosuch"), ("images", "--limt", "3"), ("images", "--limit", "many"),
        ("images", "--limit", "-1"), ("images", "--format", "xml"), ("image",), ("image", "a", "b"), ("sinks",),
        ("sinks", "nosuch"), ("images", "--db"), ("events", "--follow=3"), ("demo", "--for", "soon"), ("completion",),
    ],
    ids=" ".join,
)  # fmt: skip
async def test_errors_of_usage_are_chinese(args: tuple[str, ...]) -> None:
    text = await said(*args, code=2)
    assert re.search("[一-鿿]", text)
    assert english_in(text) == []


async def test_what_commands_print_is_chinese(cli: CommandLine) -> None:
    async def shown(*args: str, code: int = 0) -> str:
        text = await said(*args, "--config", cli.config, code=code)
        assert english_in(text) == [], args
        return text

    assert "数据库" in await shown("doctor")
    await shown("sync")
    assert "名称" in await shown("images")
    assert "新共享" in await shown("events", "--baseline")
    for args in (
        ("runs",),
        ("deliveries",),
        ("sinks", "list"),
        ("held", "list"),
        ("regions",),
        ("config", "check"),
    ):
        await shown(*args)
    assert "正常：" in await shown("status")
    assert "没有接收端 nosuch" in await shown("sinks", "enable", "nosuch", code=2)
    assert "没有地域 nosuch" in await shown("images", "--region", "nosuch", code=2)


async def test_machine_formats_do_not_change_with_the_language(cli: CommandLine) -> None:
    await cli.run("sync")
    for args in (("images",), ("events", "--baseline"), ("sinks", "list")):
        for form in ("json", "csv"):
            command = (*args, "--format", form, "--config", cli.config)
            chinese = await said(*command)
            english = await said(*command, SYNCD_LANGUAGE="en")
            assert chinese == english
    findings = json.loads(await said("doctor", "--format", "json", "--config", cli.config))
    assert not re.search("[一-鿿]", json.dumps(findings, ensure_ascii=False))


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US.UTF-8", "LC_ALL": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "zh_CN:en"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LANGUAGE": "en:zh_CN"}, "en"),
        ({"LANG": "C.UTF-8", "LANGUAGE": "zh_CN"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "SYNCD_LANGUAGE": "en"}, "en"),
        ({"LC_ALL": "C", "SYNCD_LANGUAGE": "zh"}, "zh"),
    ],
)
def test_the_locale_chooses_and_a_variable_of_ours_goes_first(environ: dict[str, str], language: str) -> None:
    assert choose(environ) == language


def test_another_language_is_refused() -> None:
    with pytest.raises(UsageError, match="SYNCD_LANGUAGE is 'fr'"):
        choose({"SYNCD_LANGUAGE": "fr"})


async def test_a_wrong_language_is_one_clear_error() -> None:
    assert "SYNCD_LANGUAGE is 'fr'" in await said("--help", code=2, SYNCD_LANGUAGE="fr")
