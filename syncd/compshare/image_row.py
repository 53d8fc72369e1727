"""Reads a row of a list as an `Image`, leniently: numbers may come as text, text as numbers, and nulls anywhere.

null, absent, "", [] and {} all mean that there is nothing. A compared field that still cannot be read is None, and its
name is reported.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

import msgspec

from syncd.compshare.json_answer import integer, value
from syncd.model import Image, Sighting, Softwares, fingerprint

CUT = 4096
"""How many characters of a text are kept and compared."""
MOST_WORDS = 100
"""How many tags, or applications, of an image are kept and compared."""
LONGEST_WORD = 256
"""How many characters of a tag or an application are kept and compared."""
LONGEST_ID = 256
"""In characters; what is longer is not taken for an id."""
INT64 = 2**63
END_OF_TIME = 253_402_300_800
"""The year 10000, in seconds since 1970."""
DAY = 86_400
"""Seconds."""
TWO = tuple(f"{number:02}" for number in range(60))
"""Numbers with two digits."""

Fields = Mapping[str, Any]

_SIZED = (str, list, dict)
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


class UnreadableError(Exception):
    """A field has an unexpected type."""


def read_row(raw: msgspec.Raw) -> tuple[str | None, Sighting | None]:
    """The id of a row and what it shows; (None, None) for a row without a usable id."""
    fields = value(raw)
    image_id = usable_id(fields.get("CompShareImageId")) if isinstance(fields, dict) else None
    if image_id is None:
        return None, None
    image, unreadable = read_image(image_id, fields)
    digest = None if unreadable else fingerprint(image)
    return image_id, Sighting(digest, bytes(raw), unreadable, image_of)


def image_of(raw: bytes) -> Image:
    """The image of a row that has a usable id."""
    fields = value(msgspec.Raw(raw))
    image_id = usable_id(fields.get("CompShareImageId"))
    assert image_id is not None
    return read_image(image_id, fields)[0]


def usable_id(given: Any) -> str | None:
    """The id as text; None if it is absent, not text, too long or has control characters."""
    try:
        text = read_text(given)
    except UnreadableError:
        return None
    return text if text and len(text) <= LONGEST_ID and text.isprintable() else None


def read_image(image_id: str, fields: Fields) -> tuple[Image, tuple[str, ...]]:
    """The image, and the names of its compared fields that could not be read."""
    read: dict[str, Any] = {}
    unreadable: list[str] = []
    for name, key, reader in READERS:
        try:
            read[name] = reader(_at(fields, key))
        except UnreadableError:
            unreadable.append(name)
    return Image(image_id=image_id, **read), tuple(unreadable)


def read_text(given: Any) -> str | None:
    if nothing(given):
        return None
    if isinstance(given, str):
        return given[:CUT]
    if isinstance(given, int) and not isinstance(given, bool) and fits(given):
        return str(given)
    raise UnreadableError


def read_flag(given: Any) -> str | None:
    """``"True"`` or ``"False"``: the API sends text; a real boolean means the same."""
    return str(given) if isinstance(given, bool) else read_text(given)


def read_int(given: Any) -> int | None:
    if nothing(given):
        return None
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    number = integer(given)
    if number is None or not fits(number):
        raise UnreadableError
    return number


def read_float(given: Any) -> float | None:
    if nothing(given):
        return None
    if isinstance(given, str) and _NUMBER.fullmatch(given):
        given = float(given)
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise UnreadableError
    try:
        number = float(given)
    except OverflowError:
        raise UnreadableError from None
    if not math.isfinite(number):
        raise UnreadableError
    return number or 0.0  # -0.0 is 0.0


def read_words(given: Any) -> tuple[str, ...]:
    """A list of texts without the empty ones; at most `MOST_WORDS`, each cut at `LONGEST_WORD`."""
    return tuple(islice(_words(given), MOST_WORDS))


def read_tags(given: Any) -> tuple[str, ...]:
    """The tags, sorted: if there are too many, the same ones are kept every time."""
    return tuple(sorted(set(_words(given)))[:MOST_WORDS])


def _words(given: Any) -> Iterator[str]:
    if nothing(given):
        return iter(())
    if not isinstance(given, list):
        raise UnreadableError
    words = [read_text(word) for word in given]
    return (word[:LONGEST_WORD] for word in words if word)


def read_softwares(given: Any) -> Softwares | None:
    if nothing(given):
        return None
    if not isinstance(given, dict):
        raise UnreadableError
    softwares = Softwares(
        read_text(given.get("Framework")),
        read_text(given.get("FrameworkVersion")),
        read_text(given.get("CUDAVersion")),
        read_words(given.get("Applications")),
    )
    return None if softwares == Softwares() else softwares


def read_time(given: Any) -> str | None:
    """Seconds since 1970 as UTC text; None for 0, for times that no calendar has, and for anything else."""
    seconds = int(given) if isinstance(given, float) and given.is_integer() else integer(given)
    if seconds is None or not 0 < seconds < END_OF_TIME:
        return None
    # The same as `model.to_text`, in a fraction of the time.
    day, second = divmod(seconds, DAY)
    return f"{_day(day)}T{TWO[second // 3600]}:{TWO[second // 60 % 60]}:{TWO[second % 60]}.000Z"


@lru_cache(maxsize=4096)
def _day(number: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(number * DAY))


def fits(number: int) -> bool:
    """Whether the database can hold it."""
    return -INT64 <= number < INT64


def nothing(given: Any) -> bool:
    return given is None or (isinstance(given, _SIZED) and not given)


def _at(fields: Fields, path: str) -> Any:
    key, _, rest = path.partition(".")
    given = fields.get(key)
    if not rest or nothing(given):
        return given
    if not isinstance(given, dict):
        raise UnreadableError
    return _at(given, rest)


READERS: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    ("name", "Name", read_text),
    ("status", "Status", read_text),
    ("image_type", "ImageType", read_text),
    ("owner_id", "Owner.AccountId", read_text),
    ("owner_name", "Owner.AccountName", read_text),
    ("author", "Author", read_text),
    ("container", "Container", read_flag),
    ("size_mb", "Size", read_int),
    ("price_yuan_per_hour", "Price", read_float),
    ("visibility", "Visibility", read_int),
    ("group_id", "GroupId", read_text),
    ("version_name", "VersionName", read_text),
    ("description", "Description", read_text),
    ("tags", "Tags", read_tags),
    ("softwares", "Softwares", read_softwares),
    ("source_gpu_type", "SourceGpuType", read_text),
    ("failed_reason", "FailedReason", read_text),
    ("created_at", "CreateTime", read_time),
    ("published_at", "PubTime", read_time),
)
"""The field of `Image`, its place in the row, and its reader. Only compared fields can be unreadable."""
