"""How much a command lists, and what it says when that is not all, or when a filter names what is not there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from syncd.cli.output import say
from syncd.errors import UsageError

if TYPE_CHECKING:
    from syncd.cli.database_file import DatabaseFile
    from syncd.store.queries import Reader
    from syncd.store.queries.known_values import Column

ROWS_OF_A_TABLE = 100

STATUSES = ("Making", "Available", "Reviewing", "UnAvailable", "Offline")
"""Those that the API's documentation names."""

NAMES: dict[Column, str] = {
    "account": "account",
    "region": "region",
    "status": "status",
    "image_type": "type of image",
    "source_gpu_type": "GPU",
    "sink": "sink",
}
"""Column → what people call it."""

T = TypeVar("T")


def most_rows(output_format: str, limit: int | None, of_a_table: int = ROWS_OF_A_TABLE) -> int | None:
    """How many rows are listed at most, None for all: programs get all unless they ask for less."""
    if limit is not None:
        return limit or None
    return of_a_table if output_format == "table" else None


def say_if_more(shown: int, most: int | None, total: Callable[[], int], noun: str) -> None:
    """Say ``100 of 172 images`` where the limit cut the answer off."""
    if most is not None and shown >= most and (there_are := total()) > shown:
        say(f"{shown} of {there_are:,} {noun}; --limit 0 lists all")


def refuse_unknown(
    file: DatabaseFile, reader: Reader, rows: Iterable[T], **filters: str | None
) -> Iterator[T]:
    """The rows; if there are none, raise UsageError for a filter (column=value) that names what is not there."""
    left = iter(rows)
    for first in left:
        return chain([first], left)
    for column, value in filters.items():
        if value is not None:
            _refuse_unknown(file, reader, column, value)  # type: ignore[arg-type]  # callers name columns
    return iter(())


def _refuse_unknown(file: DatabaseFile, reader: Reader, column: Column, value: str) -> None:
    from syncd.config.values import nearest
    from syncd.globs import any_matches
    from syncd.store.queries import known_values

    known = sorted({*known_values(reader, column), *_configured(file, column)})
    if known and not any_matches([value], known):
        near = nearest(value, known)
        guess = f"did you mean {near}? " if near else ""
        raise UsageError(f"there is no {NAMES[column]} {value}", f"{guess}there are {', '.join(known)}")


def _configured(file: DatabaseFile, column: Column) -> Iterable[str]:
    """What exists although the database may not have seen it yet."""
    if column == "status":
        return STATUSES
    if file.config is None:
        return ()
    match column:
        case "account":
            return file.config.accounts
        case "region":
            return chain.from_iterable(account.regions or () for account in file.config.accounts.values())
        case "sink":
            return file.config.sinks
    return ()
