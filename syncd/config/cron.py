"""Five cron fields, read as crontab(5) reads them and written as APScheduler takes them.

APScheduler counts the days of the week from Monday, cron from Sunday. Here they become names, which both read alike.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Field(NamedTuple):
    """One of the five fields; ``words`` are names for its numbers, from ``least`` on."""

    name: str
    least: int
    most: int
    words: tuple[str, ...] = ()


DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS_PER_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""Days of each month at most, from January on."""

MINUTE, HOUR, DAY, MONTH = (
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day", 1, 31),
    Field("month", 1, 12, MONTHS),
)
WEEKDAY = Field("day of the week", 0, 7, DAYS)
"""0 and 7 are both Sunday."""

_PART = re.compile(r"(?:\*|([a-z]+|[0-9]{1,2})(?:-([a-z]+|[0-9]{1,2}))?)(?:/([0-9]{1,2}))?")
_PLAIN = re.compile(r"\*(/[0-9]+)?|[0-9]+")


class BadCronError(ValueError):
    """The plan cannot be read. The text says what would be right."""


def normalize_cron(text: str) -> str:
    """The same plan with names for the days of the week and every other notation spelled out. Raises BadCronError."""
    parts = text.lower().split()
    if len(parts) != 5:
        raise BadCronError(
            'must have five fields: minute, hour, day, month, day of the week, such as "*/5 * * * *"'
        )
    *dates, weekday = parts
    fields = [_numbers(part, field) for part, field in zip(dates, (MINUTE, HOUR, DAY, MONTH), strict=True)]
    weekdays = {number % 7 for number in _numbers(weekday, WEEKDAY)}
    if dates[2] != "*" and weekday != "*":
        raise BadCronError(
            "must have * for the day or for the day of the week: with both, cron would run on either of them"
        )
    if min(fields[2]) > max(DAYS_PER_MONTH[month - 1] for month in fields[3]):
        raise BadCronError("is a date that never comes")
    written = [
        part if _PLAIN.fullmatch(part) else ",".join(map(str, sorted(numbers)))
        for part, numbers in zip(dates, fields, strict=True)
    ]
    return " ".join(
        [*written, "*" if weekday == "*" else ",".join(DAYS[number] for number in sorted(weekdays))]
    )


def _numbers(text: str, field: Field) -> set[int]:
    return {number for part in text.split(",") for number in _range(part, field)}


def _range(part: str, field: Field) -> range:
    match = _PART.fullmatch(part)
    if match is None:
        raise _bad(part, field)
    first, last, step = match.groups()
    most = 6 if field is WEEKDAY else field.most
    begin = field.least if first is None else _number(first, field)
    end = _number(last, field) if last is not None else begin if first is not None and step is None else most
    every = 1 if step is None else int(step)
    if not field.least <= begin <= end <= field.most or not 0 < every <= max(1, most - field.least):
        raise _bad(part, field)
    return range(begin, end + 1, every)


def _number(word: str, field: Field) -> int:
    if word in field.words:
        return field.words.index(word) + field.least
    if not word.isdecimal():
        raise _bad(word, field)
    return int(word)


def _bad(part: str, field: Field) -> BadCronError:
    names = f" or {field.words[0]} to {field.words[-1]}" if field.words else ""
    return BadCronError(
        f"{part} is not a valid {field.name}: {field.least} to {field.most}{names}, with * , - and /"
    )
