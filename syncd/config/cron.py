"""Whether five fields are a cron plan, without importing a scheduler."""

from __future__ import annotations

import re

FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")),
    ("day of week", 0, 6, ("mon", "tue", "wed", "thu", "fri", "sat", "sun")),
)
_PART = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/(\d+))?")


def wrong_cron(text: str) -> str:
    """What is wrong with the plan; empty if nothing is."""
    fields = text.split()
    if len(fields) != len(FIELDS):
        return 'must have five fields: minute, hour, day, month, day of week, such as "*/5 * * * *"'
    for field, (name, least, most, words) in zip(fields, FIELDS, strict=True):
        for part in field.split(","):
            if not _fits(part.lower(), least, most, words):
                return f"the {name} {field} is none: {least}-{most}, *, ranges, steps and commas"
    return ""


def _fits(part: str, least: int, most: int, words: tuple[str, ...]) -> bool:
    match = _PART.fullmatch(part)
    if match is None:
        return False
    first, last, step = match.groups()
    if step is not None and not 0 < int(step) <= most - least:
        return False
    numbers = [_number(word, least, words) for word in (first, last) if word is not None]
    if any(number is None or not least <= number <= most for number in numbers):
        return False
    return len(numbers) < 2 or numbers[0] <= numbers[1]  # type: ignore[operator]  # None is ruled out above


def _number(word: str, least: int, words: tuple[str, ...]) -> int | None:
    if word in words:
        return words.index(word) + least
    return int(word) if word.isdigit() else None
