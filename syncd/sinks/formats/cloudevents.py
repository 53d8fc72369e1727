"""``cloudevents``: the same bytes and signature as ``standard``, announced as a structured CloudEvent 1.0."""

from __future__ import annotations

from collections.abc import Sequence

from syncd.sinks.format import Attempt, Format, Options, Request
from syncd.sinks.formats.standard import signed
from syncd.sinks.http_answer import interpret_status
from syncd.sinks.sink import Item

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"


def render(items: Sequence[Item], options: Options, attempt: Attempt) -> Request:
    (item,) = items
    return signed(item, options, attempt, CONTENT_TYPE)


FORMAT = Format("cloudevents", render, interpret_status)
