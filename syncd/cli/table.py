"""Lays out cells as lines of a terminal: in columns where they fit, else with a line for each value."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import Protocol

import click

GAP = "  "
"""Between two columns."""
WIDEST = 120
"""Width to which a column that may shrink is cut where no terminal sets a limit: one very long name would move
all other columns out of sight."""

COMFORTABLE = 24
"""Width that a column which may shrink keeps as long as there are columns of `EXTRA` to be left out instead."""
EXTRA = 3
"""From this `drop_order` on a column is an extra, for wide screens."""

COLOURS = frozenset(("green", "yellow", "red"))

Cell = tuple[str, str]
"""A text without control characters, and its style: a colour, "dim", "bold" or ""."""


class ColumnLayout(Protocol):
    """What the layout needs to know of a column. All widths are in columns of the screen."""

    @property
    def title(self) -> str: ...

    @property
    def align_right(self) -> bool: ...

    @property
    def shrink_to(self) -> int:
        """On a narrow screen the column may be cut to this width; 0 says that it must be shown whole."""

    @property
    def drop_order(self) -> int:
        """If cutting is not enough, columns above 0 are left out, the highest number first."""


def table_lines(columns: Sequence[ColumnLayout], rows: Sequence[Sequence[Cell]]) -> Iterator[str]:
    natural = [
        max(width_of(column.title), *(width_of(row[index][0]) for row in rows))
        for index, column in enumerate(columns)
    ]
    widths = fit(columns, natural, _screen_width())
    if widths is None:
        yield from _one_value_a_line(columns, rows)
        return
    yield _line(columns, [(column.title, "bold") for column in columns], widths)
    for row in rows:
        yield _line(columns, row, widths)


def fit(columns: Sequence[ColumnLayout], natural: Sequence[int], screen: int | None) -> list[int] | None:
    """The width of each column, 0 for those that are left out; None if the table cannot be made to fit.

    ``natural`` are the widths that the cells need, ``screen`` is None where there is no terminal.
    """
    full = [
        min(width, WIDEST) if column.shrink_to else width
        for column, width in zip(columns, natural, strict=True)
    ]
    if screen is None:
        return full
    dispensable = sorted(
        (index for index, column in enumerate(columns) if column.drop_order),
        key=lambda index: columns[index].drop_order,
    )
    while dispensable and columns[dispensable[-1]].drop_order >= EXTRA:
        if _shrink(columns, full, screen, COMFORTABLE) is not None:
            break
        full[dispensable.pop()] = 0
    while (widths := _shrink(columns, full, screen)) is None:
        if not dispensable:
            return None
        full[dispensable.pop()] = 0
    return widths


def _shrink(
    columns: Sequence[ColumnLayout], full: Sequence[int], screen: int, comfortable: int = 0
) -> list[int] | None:
    """Cut the widest of the columns that may be cut, again and again; None if that is not enough.

    None is cut to less than ``comfortable``.
    """
    widths = list(full)
    room = screen - len(GAP) * (sum(map(bool, widths)) - 1)
    least = [max(column.shrink_to, comfortable, width_of(column.title)) for column in columns]
    while sum(widths) > room:
        shrinkable = [
            (width, index)
            for index, width in enumerate(widths)
            if columns[index].shrink_to and width > least[index]
        ]
        if not shrinkable:
            return None
        widths[max(shrinkable)[1]] -= 1
    return widths


def _line(columns: Sequence[ColumnLayout], cells: Sequence[Cell], widths: Sequence[int]) -> str:
    parts = []
    for column, (whole, style), width in zip(columns, cells, widths, strict=True):
        if width:
            text = _cut(whole, width)
            padding = " " * (width - width_of(text))
            styled = _styled(text, style)
            parts.append(padding + styled if column.align_right else styled + padding)
    return GAP.join(parts).rstrip()


def _one_value_a_line(columns: Sequence[ColumnLayout], rows: Sequence[Sequence[Cell]]) -> Iterator[str]:
    margin = max(width_of(column.title) for column in columns)
    for index, row in enumerate(rows):
        if index:
            yield ""
        for column, (text, style) in zip(columns, row, strict=True):
            if text:
                title = _styled(column.title, "bold") + " " * (margin - width_of(column.title))
                yield f"{title}{GAP}{_styled(text, style)}"


def _cut(text: str, width: int) -> str:
    from rich.cells import set_cell_size

    return text if width_of(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"


def width_of(text: str) -> int:
    """Columns of the screen: a Chinese character takes two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def padded(text: str, width: int) -> str:
    return text + " " * (width - width_of(text))


def _styled(text: str, style: str) -> str:
    if style in COLOURS:
        return click.style(text, fg=style)
    return click.style(text, **{style: True}) if style else text


def _screen_width() -> int | None:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
