"""Says in words what syncd tells about itself, an account or a sink. Pure functions."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from syncd.sinks.chat.event import Data, Event
from syncd.sinks.chat.language import Language, number
from syncd.sinks.chat.values import VALUE_LENGTH, Values
from syncd.sinks.text import short

MESSAGE_LENGTH = 400


class NoticeWords:
    def __init__(self, language: Language, values: Values) -> None:
        self._language = language
        self._values = values

    def title(self, event: Event) -> str:
        """Also of an event whose type this version does not know."""
        return self._sentences(event)[0]

    def lines(self, event: Event) -> Sequence[str]:
        known = event.type in self._language.notice_texts
        details = self._details(event) if known else (event.data.message, event.data.hint)
        shown = [short(text, MESSAGE_LENGTH) for text in details if text]
        return [*self._sentences(event)[1:], *shown, self._values.moment(event.time)]

    def _sentences(self, event: Event) -> Sequence[str]:
        sentences = self._language.notice_texts.get(event.type, ())
        if event.type == "sync.baseline" and not event.data.pending_regions:
            sentences = sentences[:1]
        gaps = self._gaps(event.data)
        return [sentence.format(**gaps) for sentence in sentences] or [short(event.type, VALUE_LENGTH)]

    def _details(self, event: Event) -> Sequence[str | None]:
        """What was said, and what to do."""
        data, language = event.data, self._language
        message = language.error_text(data.message or "")
        match event.type:
            case "sync.failed":
                return message, language.remedies.get(data.failure or "") or data.hint
            case "sink.failed":
                return message, self._trouble(data)[1]
            case "sync.held":
                return (self._release_command(data),)
        return ()

    def _release_command(self, data: Data) -> str:
        """To be pasted: it releases nothing but what the event is about."""
        target = {"--account": data.account, "--region": data.region}
        options = [f"{option} {shlex.quote(value)}" for option, value in target.items() if value]
        return " ".join(("syncd held release", *options))

    def _trouble(self, data: Data) -> tuple[str, str]:
        sink = short(data.sink or "", VALUE_LENGTH)
        title, remedy = self._language.troubles.get(data.reason or "", (self._language.other_trouble, ""))
        return title.format(sink=sink), remedy.format(sink=sink)

    def _gaps(self, data: Data) -> Mapping[str, object]:
        language, values = self._language, self._values
        sink = short(data.sink or "", VALUE_LENGTH)
        recovery = language.recoveries.get(data.reason or "", language.other_recovery)
        return {
            "account": short(data.account or "", VALUE_LENGTH),
            "places": values.places(data.regions or ((data.region,) if data.region else ())),
            "images": number(language.images, data.images),
            "pending": values.listed(data.pending_regions),
            "reminder": language.still if data.reminder else "",
            "failure": _word(language.failures, data.failure),
            "since": values.moment(data.since),
            "until": values.moment(data.until),
            "duration": values.duration(data.duration_seconds),
            "missing": data.missing,
            "live": data.live,
            "release": _word(language.releases, data.reason),
            "returned": data.returned,
            "revoked": data.revoked,
            "trouble": self._trouble(data)[0],
            "recovery": recovery.format(sink=sink),
        }


def _word(words: Mapping[str, str], key: str | None) -> str:
    return words.get(key or "") or short(key or "—", VALUE_LENGTH)
