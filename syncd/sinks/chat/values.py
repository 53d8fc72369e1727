"""Puts values into words: times with their zone, sizes, prices, durations, lists, and fields of images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from itertools import islice
from typing import Any

import msgspec

from syncd.model import Softwares, from_text
from syncd.sinks.chat.language import Language
from syncd.sinks.text import short

VALUE_LENGTH = 60
"""How many characters of a stranger's value are shown, so that the length of a line is bounded."""
NAMES_SHOWN = 5
"""How many accounts or regions a list names before "+N"."""
REGIONS_NAMED = NAMES_SHOWN
"""Up to so many regions are named; more are only counted."""


class Values:
    """``zone`` is the zone of the times; None is the machine's."""

    def __init__(self, language: Language, zone: tzinfo | None = None) -> None:
        self._language = language
        self._zone = zone

    def moment(self, text: str | None) -> str:
        """A time of an event; text that is no time is shown as it is."""
        try:
            return self._local(from_text(text or ""))
        except (ValueError, OverflowError):
            return short(text or "—", VALUE_LENGTH)

    def span(self, first: str, last: str) -> str:
        if first == last:
            return self.moment(first)
        try:
            return self.between(from_text(first), from_text(last))
        except (ValueError, OverflowError):
            return f"{self.moment(first)} – {self.moment(last)}"

    def between(self, start: datetime, end: datetime) -> str:
        """Date and zone stand once if they are the same at both ends."""
        (start_day, *start_rest), (end_day, *end_rest) = self._local(start).split(), self._local(end).split()
        if start_day != end_day or start_rest[1:] != end_rest[1:]:
            return f"{self._local(start)} – {self._local(end)}"
        return f"{start_day} {start_rest[0]} – {' '.join(end_rest)}"

    def duration(self, seconds: float) -> str:
        minutes = max(0, round(seconds / 60))
        numbers = (minutes // 1440, minutes // 60 % 24, minutes % 60)
        parts = [
            unit.format(n=n) for n, unit in zip(numbers, self._language.days_hours_minutes, strict=True) if n
        ]
        return " ".join(parts) or self._language.under_a_minute

    def price(self, yuan_per_hour: float) -> str:
        return self._priced(self._language.price, yuan_per_hour)

    def image_price(self, yuan_per_hour: float) -> str:
        """As a fact that says whose price it is."""
        return self._priced(self._language.image_price, yuan_per_hour)

    def field(self, name: str) -> str:
        return self._language.fields.get(name) or short(name, VALUE_LENGTH)

    def of_field(self, name: str, value: Any) -> str:
        if name == "size_mb" and isinstance(value, int):
            return size(value)
        if name == "price_yuan_per_hour" and isinstance(value, int | float):
            return self.price(value)
        if name == "softwares" and isinstance(value, dict):
            return self.environment(msgspec.convert(value, Softwares)) or "—"
        return self.word(name, value) or "—"

    def word(self, name: str, value: Any) -> str:
        """The word for a value of an image's field; "" if it is empty."""
        known = self._language.value_words.get(name, {})
        return known.get(str(value)) or short(flat(value, self._language.listing), VALUE_LENGTH)

    def environment(self, softwares: Softwares | None) -> str:
        """``PyTorch 2.4 · CUDA 12.4 · jupyter``."""
        if softwares is None:
            return ""
        framework = " ".join(filter(None, (softwares.framework, softwares.framework_version)))
        cuda = f"CUDA {softwares.cuda_version}" if softwares.cuda_version else ""
        parts = (framework, cuda, *softwares.applications[:NAMES_SHOWN])
        return " · ".join(short(part, VALUE_LENGTH) for part in parts if part)

    def _priced(self, template: str, yuan_per_hour: float) -> str:
        return template.format(yuan=f"{yuan_per_hour:.10g}") if yuan_per_hour else self._language.free

    def listed(self, names: Iterable[str]) -> str:
        known = [short(name, VALUE_LENGTH) for name in names]
        shown = self._language.listing.join(known[:NAMES_SHOWN])
        return shown if len(known) <= NAMES_SHOWN else f"{shown} +{len(known) - NAMES_SHOWN}"

    def accounts(self, places: Mapping[str, tuple[str, ...]]) -> str:
        """``lab, alice (cn-a, cn-b)``: accounts with their regions; those with the same regions stand together."""
        together: dict[frozenset[str], list[str]] = {}
        for account, regions in places.items():
            together.setdefault(frozenset(regions), []).append(account)
        named = [
            self.listed(accounts) + self.places(places[accounts[0]])
            for accounts in islice(together.values(), NAMES_SHOWN)
        ]
        rest = len(together) - len(named)
        return self._language.listing.join(named) + (f" +{rest}" if rest else "")

    def places(self, regions: Sequence[str]) -> str:
        if not regions:
            return ""
        if len(regions) > REGIONS_NAMED:
            return self._language.counted_places.format(n=len(regions))
        return self._language.named_places.format(regions=self.listed(regions))

    def _local(self, moment: datetime) -> str:
        local = moment.astimezone(self._zone)
        return f"{local:%Y-%m-%d %H:%M:%S} {offset(local.utcoffset() or timedelta(0))}"


def size(mb: int) -> str:
    """``512 MB``, ``40 GB``, ``1.5 GB``: 1,024 MB are a GB."""
    return f"{mb} MB" if abs(mb) < 1024 else f"{mb / 1024:.1f}".removesuffix(".0") + " GB"


def offset(delta: timedelta) -> str:
    """``UTC``, ``UTC+8``, ``UTC-3:30``."""
    minutes = round(delta.total_seconds() / 60)
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '-'}{hours}" + (f":{rest:02d}" if rest else "")


def flat(value: Any, comma: str) -> str:
    """A value on one line: the items of a list, or the values of an object, with commas between them."""
    match value:
        case None:
            return ""
        case dict():
            return flat(list(value.values()), comma)
        case list() | tuple():
            return comma.join(filter(None, (flat(item, comma) for item in value)))
        case _:
            return str(value)
