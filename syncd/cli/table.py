"""Cells as lines of a terminal: in columns where they fit, one below the other where they do not."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import Protocol

import click

GAP = "  "
WIDEST = 120
"""Where no terminal sets a limit: one stranger's long name must not move everybody's columns away."""

COLOURS = frozenset(("green", "yellow", "red"))

Cell = tuple[str, str]
"""Text without control characters, and a style: a colour, "dim", "bold" or ""."""


class Shape(Protocol):
    @property
    def title(self) -> str: ...

    @property
    def right(self) -> bool: ...

    @property
    def elastic(self) -> int:
        """May be shortened to so many columns of the screen; 0 is shown whole."""

    @property
    def spare(self) -> int:
        """Where even that is too wide, columns above 0 are left out, the highest first."""


def table_lines(shapes: Sequence[Shape], rows: Sequence[Sequence[Cell]]) -> Iterator[str]:
    natural = [
        max(_width(shape.title), *(_width(row[number][0]) for row in rows))
        for number, shape in enumerate(shapes)
    ]
    widths = fit(shapes, natural, _screen())
    if widths is None:
        yield from _stacked(shapes, rows)
        return
    yield _line(shapes, [(shape.title, "bold") for shape in shapes], widths)
    for row in rows:
        yield _line(shapes, row, widths)


def fit(shapes: Sequence[Shape], natural: Sequence[int], screen: int | None) -> list[int] | None:
    """The width of each column, 0 for those left out; None if nothing helps. ``natural``: what their cells need."""
    full = [
        min(width, WIDEST) if shape.elastic else width for shape, width in zip(shapes, natural, strict=True)
    ]
    if screen is None:
        return full
    dispensable = sorted(
        (number for number, shape in enumerate(shapes) if shape.spare),
        key=lambda number: shapes[number].spare,
    )
    while (widths := _shrunk(shapes, full, screen)) is None:
        if not dispensable:
            return None
        full[dispensable.pop()] = 0
    return widths


def _shrunk(shapes: Sequence[Shape], full: Sequence[int], screen: int) -> list[int] | None:
    """The widest elastic columns give way first; None if that is not enough."""
    widths = list(full)
    room = screen - len(GAP) * (sum(map(bool, widths)) - 1)
    least = [max(shape.elastic, _width(shape.title)) for shape in shapes]
    while sum(widths) > room:
        soft = [
            (width, number)
            for number, width in enumerate(widths)
            if shapes[number].elastic and width > least[number]
        ]
        if not soft:
            return None
        widths[max(soft)[1]] -= 1
    return widths


def _line(shapes: Sequence[Shape], cells: Sequence[Cell], widths: Sequence[int]) -> str:
    shown = []
    for shape, (whole, style), width in zip(shapes, cells, widths, strict=True):
        if width:
            text = _cut(whole, width)
            padding = " " * (width - _width(text))
            shown.append(padding + _styled(text, style) if shape.right else _styled(text, style) + padding)
    return GAP.join(shown).rstrip()


def _stacked(shapes: Sequence[Shape], rows: Sequence[Sequence[Cell]]) -> Iterator[str]:
    margin = max(_width(shape.title) for shape in shapes)
    for number, row in enumerate(rows):
        if number:
            yield ""
        for shape, (text, style) in zip(shapes, row, strict=True):
            if text:
                title = _styled(shape.title, "bold") + " " * (margin - _width(shape.title))
                yield f"{title}{GAP}{_styled(text, style)}"


def _cut(text: str, width: int) -> str:
    from rich.cells import set_cell_size

    return text if _width(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"


def _width(text: str) -> int:
    """Columns of the screen: two for a Chinese character."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _styled(text: str, style: str) -> str:
    if style in COLOURS:
        return click.style(text, fg=style)
    return click.style(text, **{style: True}) if style else text


def _screen() -> int | None:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
