"""The help of the commands in Chinese: translated when a command is loaded, and wrapped by the width of characters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from inspect import cleandoc

import click

from syncd.cli.language import translate
from syncd.cli.table import width_of

_ATOMS = re.compile(r"\s+|[!-~]+|.", re.DOTALL)
"""A line may be broken between two of these: blanks, a word of ASCII, a Chinese character."""
_NEVER_FIRST = "，。；：！？、）》”’…—"
_NEVER_LAST = "（《“‘"
_BESIDE_COMMENT = re.compile(r"^(  \S.*?)( {2,})(\S.*)$")
"""A line of an example with a comment beside it."""


def translate_command(command: click.Command) -> None:
    """Put all texts of the help into Chinese: those of the command, and of the commands in it that are loaded."""
    command.short_help = translate(command.get_short_help_str(limit=1000))
    command.help = translate(" ".join((command.help or "").split()))
    command.epilog = translate_epilog(command.epilog or "")
    for param in command.params:
        if isinstance(param, click.Option) and param.help:
            param.help = translate(param.help)
    if isinstance(command, click.Group):
        for child in command.commands.values():
            translate_command(child)


def translate_epilog(epilog: str) -> str:
    return "\n\n".join(map(_paragraph, cleandoc(epilog).split("\n\n")))


def epilog_texts(epilog: str) -> Iterator[str]:
    """Each text of an epilog that is translated: paragraphs, and the headings and comments of examples."""
    for paragraph in cleandoc(epilog).split("\n\n"):
        heading, *lines = paragraph.removeprefix("\b\n").split("\n")
        if not any(line.startswith("  ") for line in lines):
            yield " ".join([heading, *lines])
            continue
        yield heading
        yield from (match[3] for line in lines if (match := _BESIDE_COMMENT.match(line)))


def _paragraph(paragraph: str) -> str:
    heading, *lines = paragraph.removeprefix("\b\n").split("\n")
    if not any(line.startswith("  ") for line in lines):
        return translate(" ".join([heading, *lines]))
    return "\n".join(["\b", translate(heading), *map(_example, lines)])


def _example(line: str) -> str:
    match = _BESIDE_COMMENT.match(line)
    return match[1] + match[2] + translate(match[3]) if match else line


class ChineseHelpFormatter(click.HelpFormatter):
    """Breaks lines anywhere between Chinese characters, which take two columns of the screen."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        args = args.replace("[OPTIONS]", "[选项]").replace("COMMAND [ARGS]...", "命令 [参数]...")
        super().write_usage(prog, args, prefix or translate("Usage:"))

    def write_heading(self, heading: str) -> None:
        self.write(f"{'':{self.current_indent}}{translate(heading)}：\n")

    def write_text(self, text: str) -> None:
        indent = " " * self.current_indent
        paragraphs = []
        for paragraph in text.split("\n\n"):
            verbatim = paragraph.removeprefix("\b\n")
            is_verbatim = verbatim != paragraph
            lines = verbatim.split("\n") if is_verbatim else wrap(paragraph, self.width - len(indent))
            paragraphs.append("\n".join(indent + line for line in lines))
        self.write("\n\n".join(paragraphs) + "\n")

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        rows = list(rows)
        first = min(max(width_of(term) for term, _ in rows), col_max) + col_spacing
        margin = " " * self.current_indent
        for term, text in rows:
            lines = wrap(_extras(translate(text)), max(self.width - first - self.current_indent, 20))
            if width_of(term) > first - col_spacing:
                self.write(f"{margin}{term}\n")
                term = ""
            for line in lines or [""]:
                self.write(f"{margin}{term}{' ' * (first - width_of(term))}{line}".rstrip() + "\n")
                term = ""


def wrap(text: str, width: int) -> list[str]:
    """The text in lines of at most so many columns; no line begins with a comma or ends with an opening bracket."""
    lines = [""]
    for atom in _atoms(text):
        if width_of(lines[-1]) + width_of(atom.rstrip()) > width and lines[-1]:
            lines[-1] = lines[-1].rstrip()
            lines.append("")
        if lines[-1] or not atom.isspace():
            lines[-1] += atom
    return [line.rstrip() for line in lines if line]


def _atoms(text: str) -> Iterator[str]:
    """What must stay together: a character with the marks that may not begin, or end, a line."""
    held = ""
    for atom in _ATOMS.findall(" ".join(text.split())):
        if held and (atom in _NEVER_FIRST or held[-1] in _NEVER_LAST):
            held += atom
            continue
        if held:
            yield held
        held = atom
    yield held


def _extras(text: str) -> str:
    """What click adds in brackets."""
    return text.replace("[default: ", "[默认：").replace("[required]", "[必需]")
