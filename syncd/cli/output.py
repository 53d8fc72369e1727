"""What commands print: rows as a table, JSON or CSV on stdout, and talk on stderr.

Names and errors come from strangers: none of the forms lets a terminal or a spreadsheet obey them.
"""

from __future__ import annotations

import csv
import json
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from syncd import terminal
from syncd.cli.language import translate
from syncd.cli.table import table_lines

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: ``text`` makes the cell of a row, ``style`` may colour it.

    ``words`` says that its cells are sentences or words of ours, which are translated; names and ids are not.
    The three before it say how it is laid out: see `table.ColumnLayout`.
    """

    title: str
    text: Callable[[Row], str]
    style: Callable[[Row], str] = lambda _: ""
    align_right: bool = False
    shrink_to: int = 0
    drop_order: int = 0
    words: bool = False

    def cell(self, row: Row) -> str:
        text = plain(self.text(row))
        return translate(text) if self.words else text


def say(text: str) -> None:
    """Talk goes to stderr, since stdout is data."""
    tell(text, err=True)


def tell(text: str, *, err: bool = False) -> None:
    """Print what is written for people, in their language."""
    click.echo(translate(text), err=err)


def print_rows(
    output_format: str, rows: Iterable[Row], columns: Sequence[Column], keys: Sequence[str]
) -> int:
    """Print the rows as they come (a table needs all of them first), and return how many there were.

    ``columns`` are those of a table, ``keys`` those of a CSV file.
    """
    match output_format:
        case "json":
            return _print_json(rows)
        case "jsonl":
            return _print_jsonl(rows)
        case "csv":
            return _print_csv(rows, keys)
        case _:
            return print_table(list(rows), columns)


def print_table(rows: Sequence[Row], columns: Sequence[Column]) -> int:
    """Print it in colour where click allows that: on a terminal, unless NO_COLOR is set."""
    if not rows:
        return 0
    cells = [[(column.cell(row), column.style(row)) for column in columns] for row in rows]
    titled = [replace(column, title=translate(column.title)) for column in columns]
    for line in table_lines(titled, cells):
        click.echo(line)
    return len(rows)


def as_rows(items: Iterable[DataclassInstance]) -> Iterator[Row]:
    return (asdict(item) for item in items)


def plain(text: object) -> str:
    """The text on one line, without control, escape and direction characters."""
    shown = "".join(
        character if unicodedata.category(character)[0] != "C" else " "
        for character in str(text if text is not None else "")
    )
    return " ".join(shown.split())


def _print_json(rows: Iterable[Row]) -> int:
    count = 0
    click.echo("[", nl=False)
    for row in rows:
        click.echo((",\n " if count else "\n ") + _to_json(row), nl=False)
        count += 1
    click.echo("\n]" if count else "]")
    return count


def _print_jsonl(rows: Iterable[Row]) -> int:
    count = 0
    for row in rows:
        click.echo(_to_json(row))
        count += 1
    return count


def _print_csv(rows: Iterable[Row], keys: Sequence[str]) -> int:
    writer = csv.DictWriter(sys.stdout, keys, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    count = 0
    for row in rows:
        writer.writerow({key: _to_cell(row.get(key)) for key in keys})
        count += 1
    return count


def _to_json(value: Any) -> str:
    """json.dumps escapes some of what a terminal obeys; the rest is escaped here."""
    return terminal.escape(json.dumps(value, ensure_ascii=False, default=str))


def _to_cell(value: Any) -> Any:
    """A list or object becomes JSON. A text that a spreadsheet would run as a formula gets a quote before it."""
    if isinstance(value, list | tuple | dict):
        return _to_json(value)
    if isinstance(value, str):
        value = terminal.OBEYED.sub(" ", value)
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t"):
        return "'" + value
    return value
