"""The Chinese catalogue is complete: each text of the program is in it, and nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from inspect import cleandoc

import click
import pytest

import syncd.errors
from syncd.cli.chinese import TEXTS, in_chinese, match, split, unescape
from syncd.cli.chinese.click_texts import CLICK
from syncd.cli.chinese.words import WORDS
from syncd.cli.command_list import COMMANDS
from syncd.cli.help import epilog_texts
from syncd.cli.main import syncd as program
from tests.cli.source_texts import HOLE, PACKAGE, Scope, Source, called, has_words, numbered

ERRORS = {
    name
    for name, value in vars(syncd.errors).items()
    if isinstance(value, type) and issubclass(value, syncd.errors.SyncdError)
} | {"BadSecretError", "BadCronError", "kind"}
LAST_ARGUMENT = {"Fault", "fault", "_fault"}
PRINTING = {"say", "tell", "confirm", "translate", "Column", "Progress"}
FINDINGS = {"ok", "warning", "failed", "_failed", "Concern", "Problem"}
ROOMS_OF_PROSE = (
    "cli",
    "config",
    "monitoring/health.py",
    "store/filesystem.py",
    "errors.py",
    "file_access.py",
    "sinks/template_check.py",
)
"""Where each literal that reads like a sentence is something that a user may be shown."""

SAME_IN_EACH_LANGUAGE = re.compile(
    r"\s*(→ .*|chmod o= .*|systemctl .*|syncd \S.*|sqlite3 .*|GPU|id|HTTP (429|\{0\})|\d+:?|\{\d+\}: \{\d+\})"
)
"""Commands and terms."""
NOT_SHOWN = re.compile(
    r".*\x08.*|[A-Z]+ .*|.*\bPRAGMA .*|.* -box .*|%.*|syncd\.\S+|.*\[database\].*"
    r"|; `syncd config init` writes a commented start|.*at line .*|.*(_COMPLETE|\\x1b).*",
    re.DOTALL,
)
"""Queries, formats, a file's beginning."""


@cache
def source() -> Source:
    paths = [
        path
        for path in sorted(PACKAGE.rglob("*.py"))
        if not {"simulator", "chinese", "chat", "migrations"} & set(path.relative_to(PACKAGE).parts)
    ]
    return Source(paths)


def given(name: str, call: ast.Call, scope: Scope) -> list[ast.expr]:
    """The arguments of the call that are texts for users."""
    in_cli = "cli" in scope.file.path.parts
    by_name = [word.value for word in call.keywords if word.arg in ("hint", "remedy", "message")]
    if name in ERRORS:
        return [*call.args, *by_name]
    if name in LAST_ARGUMENT and not in_cli:  # there it is the simulator's
        return [*call.args[-1:], *by_name]
    if name in FINDINGS and (in_cli or name[0].isupper()):
        return [*call.args, *by_name]
    if name in PRINTING and in_cli:
        return [argument.body if isinstance(argument, ast.Lambda) else argument for argument in call.args[:1]]
    return []


@cache
def said() -> dict[str, str]:
    """Template → where it stands."""
    found: dict[str, str] = {}
    for name, call, scope in source().calls():
        for argument in given(name, call, scope):
            for template in source().templates(argument, scope):
                if has_words(template):
                    found.setdefault(template, f"{scope.file.path.relative_to(PACKAGE)}:{call.lineno}")
    return found | concluded()


def concluded() -> dict[str, str]:
    """What is wrong with the health, or with the access to a file: texts that functions return or yield."""
    found: dict[str, str] = {}
    for file in source().files:
        # The line for systemd stays English, as the log does.
        if str(file.path.relative_to(PACKAGE)) in ("monitoring/health.py", "file_access.py"):
            for node, scope in file.scopes.items():
                if scope.function is not None and scope.function.name == "status_line":
                    continue
                text = node.elt if isinstance(node, ast.GeneratorExp) else getattr(node, "value", None)
                if isinstance(node, ast.Yield | ast.Return | ast.GeneratorExp) and isinstance(
                    text, ast.JoinedStr
                ):
                    for template in source().templates(text, scope):
                        found.setdefault(template, f"{file.path.name}:{text.lineno}")
    return found


def commands(command: click.Command) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        names = COMMANDS if command is program else command.commands
        for name in names:
            child = command.get_command(click.Context(command), name)
            assert child is not None
            yield from commands(child)


@cache
def help_texts() -> dict[str, str]:
    found = {entry.summary: "command_list.py" for entry in COMMANDS.values()}
    for command in commands(program):
        name = str(command.name)
        found[" ".join((command.help or "").split())] = name
        if command is not program:
            found[command.get_short_help_str(limit=1000)] = name
        found |= dict.fromkeys(epilog_texts(cleandoc(command.epilog or "")), name)
        found |= {
            param.help: name for param in command.params if isinstance(param, click.Option) and param.help
        }
    return {text: place for text, place in found.items() if text}


def filled(template: str) -> str:
    return re.sub(r"\{(\d+)\}", r"«\1»", template).replace("{{", "{").replace("}}", "}")


def is_translated(template: str) -> bool:
    if SAME_IN_EACH_LANGUAGE.fullmatch(template):
        return True
    with_numbers = re.sub(r"\{(\d+)\}", r"7\1", template)
    with_names = re.sub(r"\{(\d+)\}", r"name\1", template)
    return any(_is_chinese(text) for text in (filled(template), with_numbers, with_names))


def _is_chinese(text: str) -> bool:
    """Without an English sentence that a short template ("sink {0}") took for a value."""
    shown = in_chinese(text)
    return shown != text and not re.search(
        r"(?<![\w-])[a-z]{2,} [a-z]{2,} [a-z]{2,}", re.sub("`[^`]*`|syncd [a-z ]+", "", shown)
    )


def named(missing: dict[str, str]) -> str:
    return "\n".join(f"{place}: {text!r}" for text, place in missing.items())


def test_each_text_of_the_program_has_a_chinese_one() -> None:
    missing = {text: place for text, place in said().items() if not is_translated(text)}
    assert not missing, named(missing)


def test_each_text_of_the_help_has_a_chinese_one() -> None:
    missing = {text: place for text, place in help_texts().items() if text not in TEXTS}
    assert not missing, named(missing)


@cache
def literals() -> dict[str, str]:
    """Every text in the source that is not a docstring, with a hole for each value → where it stands."""
    found: dict[str, str] = {}
    for file in source().files:
        parts = {id(part) for text in file.scopes if isinstance(text, ast.JoinedStr) for part in text.values}
        for node in file.scopes:
            if id(node) in file.docstrings | parts:
                continue
            place = f"{file.path.relative_to(PACKAGE)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.JoinedStr):
                found.setdefault(numbered("".join(map(_piece, node.values))), place)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.setdefault(numbered(node.value), place)
    return found


def _piece(part: ast.expr) -> str:
    return part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else HOLE


def test_what_reads_like_a_sentence_has_a_chinese_one_wherever_it_stands() -> None:
    """A text that reaches the user on a way that `given` does not know of would be forgotten otherwise."""
    known = "\n".join(map(filled, [*said(), *help_texts(), *TEXTS]))
    missing = {
        text: place
        for text, place in literals().items()
        if place.startswith(ROOMS_OF_PROSE)
        and re.search(r"[a-z]{2,}[,:;]? [a-z]{2,}", text)
        and not NOT_SHOWN.fullmatch(text)
        and not all(piece.strip() in known for piece in re.split(r"\{\d+\}", text))
        and not is_translated(text)
    }
    assert not missing, named(missing)


def composed() -> set[str]:
    """Every text that is put together anywhere, with the words that may stand in it."""
    return {
        template
        for file in source().files
        for node, scope in file.scopes.items()
        if isinstance(node, ast.JoinedStr | ast.BinOp)
        for template in source().templates(node, scope)
    }


def test_each_entry_is_a_text_of_the_program() -> None:
    used = said().keys() | help_texts().keys() | literals().keys() | CLICK.keys() | WORDS.keys() | composed()
    texts = list(map(filled, used))
    unused = [text for text in TEXTS if text not in used and not any(_fits(text, made) for made in texts)]
    assert not unused


def _fits(template: str, text: str) -> bool:
    """Some word that stands in the text, such as one of several units, may be a value of the template."""
    return "{0}" in template and match(tuple(map(unescape, split(template))), text) is not None


@pytest.mark.parametrize("entry", TEXTS.items(), ids=lambda entry: entry[0][:40])
def test_no_value_is_lost_or_made_up(entry: tuple[str, str]) -> None:
    english, chinese = entry
    assert set(re.findall(r"\{(\d+)\}", english)) == set(re.findall(r"\{(\d+)(?::text)?\}", chinese))


@pytest.mark.parametrize("english", [text for text in TEXTS if "{0}" in text])
def test_a_text_is_found_by_its_own_template(english: str) -> None:
    chinese = re.sub(r"\{(\d+)(?::text)?\}", r"«\1»", TEXTS[english]).replace("{{", "{").replace("}}", "}")
    assert in_chinese(filled(english)) == chinese


def test_what_is_not_known_stays_as_it_is() -> None:
    assert in_chinese("quite another text") == "quite another text"
    assert numbered("a {b} \0") == "a {{b}} {0}"
    assert called(ast.parse("a.b()").body[0].value) == "b"  # type: ignore[attr-defined]
