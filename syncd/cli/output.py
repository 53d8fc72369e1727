"""Rows on stdout: a table for people, JSON and CSV for programs. Strangers' text does no harm in any of them."""

from __future__ import annotations

import csv
import json
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from syncd.cli.table import table_lines

FORMS = ("table", "json", "jsonl", "csv")

Row = Mapping[str, Any]

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What a terminal obeys; a line break stays, CSV quotes it."""


@dataclass(frozen=True, slots=True)
class Column:
    """Of the table only; ``text`` makes the cell, ``style`` may colour it."""

    title: str
    text: Callable[[Row], str]
    style: Callable[[Row], str] = lambda _: ""
    right: bool = False
    elastic: int = 0
    spare: int = 0
    """How it gives way where the terminal is narrow: see `grid.Shape`."""


def emit(form: str, rows: Iterable[Row], columns: Sequence[Column], keys: Sequence[str]) -> int:
    """Write the rows as they come (a table when all are there); how many there were. ``keys``: those of a CSV."""
    if form == "json":
        return _json(rows)
    if form == "jsonl":
        return _jsonl(rows)
    return _csv(rows, keys) if form == "csv" else print_table(list(rows), columns)


def print_table(rows: Sequence[Row], columns: Sequence[Column]) -> int:
    """Colours go where click lets them: to a terminal, unless NO_COLOR is set."""
    if not rows:
        return 0
    cells = [[(plain(column.text(row)), column.style(row)) for column in columns] for row in rows]
    for line in table_lines(columns, cells):
        click.echo(line)
    return len(rows)


def plain(text: object) -> str:
    """Without control, escape and direction characters: what strangers wrote stays on its line."""
    shown = "".join(
        character if unicodedata.category(character)[0] != "C" else " "
        for character in str(text if text is not None else "")
    )
    return " ".join(shown.split())


def _json(rows: Iterable[Row]) -> int:
    count = 0
    click.echo("[", nl=False)
    for row in rows:
        click.echo((",\n " if count else "\n ") + _line(row), nl=False)
        count += 1
    click.echo("\n]" if count else "]")
    return count


def _jsonl(rows: Iterable[Row]) -> int:
    count = 0
    for row in rows:
        click.echo(_line(row))
        count += 1
    return count


def _csv(rows: Iterable[Row], keys: Sequence[str]) -> int:
    writer = csv.DictWriter(sys.stdout, keys, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    count = 0
    for row in rows:
        writer.writerow({key: _flat(row.get(key)) for key in keys})
        count += 1
    return count


def _line(row: Any) -> str:
    """json.dumps escapes some of what a terminal obeys; the rest is escaped here."""
    return _CONTROLS.sub(
        lambda found: f"\\u{ord(found[0]):04x}", json.dumps(row, ensure_ascii=False, default=str)
    )


def _flat(value: Any) -> Any:
    """A list or object as JSON; a text that a spreadsheet would run as a formula is quoted."""
    if isinstance(value, list | tuple | dict):
        return _line(value)
    if isinstance(value, str):
        value = _CONTROLS.sub(" ", value)
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t"):
        return "'" + value
    return value
