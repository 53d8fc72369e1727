"""Says in words what happened to one image: on a card of its own, or on one line of a digest. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from syncd.sinks.chat.digest import ImageSummary, Occurrence
from syncd.sinks.chat.event import ShownImage
from syncd.sinks.chat.language import Fact, Language
from syncd.sinks.chat.values import VALUE_LENGTH, Values, size
from syncd.sinks.text import short

NAME_LENGTH = 100
TEXT_LENGTH = 200
"""How many characters of a description, or of a reason, are shown."""
CHANGES_ON_A_CARD = 16
CHANGES_ON_A_LINE = 3


class ImageWords:
    def __init__(self, language: Language, values: Values) -> None:
        self._language = language
        self._values = values

    def card(self, summary: ImageSummary) -> Sequence[str]:
        """The lines of a message about one image, whose headline has the name; the id stands alone to be copied."""
        image, occurrences = summary.image, summary.occurrences
        happened = [line for occurrence in occurrences for line in self._on_card(occurrence)]
        when = self._values.span(
            min(occurrence.first for occurrence in occurrences),
            max(occurrence.last for occurrence in occurrences),
        )
        lines = (*happened, *self._facts(image, _kinds(summary)), short(image.image_id, VALUE_LENGTH), when)
        return list(filter(None, lines))

    def line(self, summary: ImageSummary) -> str:
        """What follows the name on a line of a digest."""
        image, kinds = summary.image, _kinds(summary)
        image_id, price = short(image.image_id, VALUE_LENGTH), image.price_yuan_per_hour
        facts = (
            *(self._on_line(occurrence) for occurrence in summary.occurrences),
            self._fact("reason", _reason(image)) if "status" in kinds else "",
            self._fact("sharer", _owner(image)),
            self._values.word("status", image.status) if not kinds & {"status", "revoked"} else "",
            self._made_on(image),
            self._values.image_price(price) if price is not None else "",
            image_id if name_of(image) != image_id else "",
        )
        return " · ".join(filter(None, facts))

    def _on_card(self, occurrence: Occurrence) -> Sequence[str]:
        return [*self._told(occurrence), *self._changes(occurrence, CHANGES_ON_A_CARD)]

    def _on_line(self, occurrence: Occurrence) -> str:
        return self._language.counting.join(
            [*self._told(occurrence), *self._changes(occurrence, CHANGES_ON_A_LINE)]
        )

    def _told(self, occurrence: Occurrence) -> Sequence[str]:
        """One sentence; a status may have changed several times."""
        sentence, word = self._language.occurrences[occurrence.kind], self._values.of_field
        where = self._values.accounts(occurrence.places)
        if occurrence.kind == "status":
            return [
                sentence.format(
                    before=word("status", change.before), after=word("status", change.after), where=where
                )
                for change in occurrence.changes[:CHANGES_ON_A_CARD]
            ]
        return [sentence.format(where=where) + self._unverified(occurrence)]

    def _changes(self, occurrence: Occurrence, limit: int) -> Sequence[str]:
        if occurrence.kind != "updated":
            return []
        lines = [
            self._language.change.format(
                field=self._values.field(change.field),
                before=self._values.of_field(change.field, change.before),
                after=self._values.of_field(change.field, change.after),
            )
            for change in occurrence.changes[:limit]
        ]
        rest = len(occurrence.changes) - limit
        return [*lines, *([self._language.more_changes.format(n=rest)] if rest > 0 else [])]

    def _unverified(self, occurrence: Occurrence) -> str:
        regions = [region for region in occurrence.unverified if region not in occurrence.regions]
        return self._language.unverified.format(regions=self._values.listed(regions)) if regions else ""

    def _facts(self, image: ShownImage, kinds: set[str]) -> Sequence[str]:
        """The status only where no occurrence tells it, and not of an image that is gone."""
        price = image.price_yuan_per_hour
        kind = (
            self._values.word("image_type", image.image_type),
            size(image.size_mb) if image.size_mb else "",
            self._made_on(image),
            self._values.image_price(price) if price is not None else "",
        )
        status = "" if kinds & {"status", "revoked"} else self._values.word("status", image.status)
        return [
            self._fact("reason", _reason(image) if "status" in kinds else ""),
            self._fact("sharer", self._sharer(image)),
            self._fact("status", status),
            self._fact("image", " · ".join(filter(None, kind))),
            self._fact("environment", self._values.environment(image.softwares)),
            self._fact("tags", self._values.listed(image.tags)),
            self._fact("description", _first_line(image.description)),
        ]

    def _fact(self, name: Fact, text: str) -> str:
        return self._language.facts[name].format(text=text) if text else ""

    def _made_on(self, image: ShownImage) -> str:
        gpu = short(image.source_gpu_type or "", VALUE_LENGTH)
        return self._language.made_on.format(gpu=gpu) if gpu else ""

    def _sharer(self, image: ShownImage) -> str:
        """With the id, which nobody can choose, unlike a name."""
        owner_id = short(image.owner_id or "", VALUE_LENGTH)
        owner = _owner(image)
        if not owner_id or owner == owner_id:
            return owner
        return self._language.sharer_with_id.format(name=owner, id=owner_id)


def name_of(image: ShownImage) -> str:
    return short(image.name or "", NAME_LENGTH) or short(image.image_id, VALUE_LENGTH)


def _kinds(summary: ImageSummary) -> set[str]:
    return {occurrence.kind for occurrence in summary.occurrences}


def _owner(image: ShownImage) -> str:
    return short(image.owner_name or "", VALUE_LENGTH) or short(image.owner_id or "", VALUE_LENGTH)


def _reason(image: ShownImage) -> str:
    return short(image.failed_reason or "", TEXT_LENGTH)


def _first_line(text: str | None) -> str:
    lines = (short(line, TEXT_LENGTH) for line in (text or "").splitlines())
    return next(filter(None, lines), "")
