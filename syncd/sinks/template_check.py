"""Finds faults in the templates of a configuration, by trying them with sample events."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from syncd.config import Config, WebhookSinkConfig
from syncd.errors import Fault
from syncd.globs import any_matches
from syncd.model import EVENT_TYPES
from syncd.sinks.format import RenderError
from syncd.sinks.text import short

REASON_LENGTH = 300


def template_faults(config: Config) -> Sequence[Fault]:
    """The faults of bodies that are no templates, or that fail for an event which their sink takes."""
    return [
        fault
        for sink in config.sinks.values()
        if isinstance(sink, WebhookSinkConfig) and sink.body
        for fault in check_template(sink)
    ]


def check_template(sink: WebhookSinkConfig) -> list[Fault]:
    """Each fault once, with the first event type for which it occurs."""
    import jinja2  # only if there is a template: importing it takes longer than all the rest of the check

    from syncd.sinks.sandbox import compile_template

    try:
        compile_template(sink.body or "")
    except jinja2.TemplateSyntaxError as error:
        message = f"is not a Jinja2 template: line {error.lineno}: {error.message}"
        return [Fault(f"sinks.{sink.name}.body", "", short(message, REASON_LENGTH))]
    remedies: dict[str, str] = {}
    for type_, reason in _failures(sink):
        remedies.setdefault(reason, f"fails for {type_} events: {reason}")
    return [
        Fault(f"sinks.{sink.name}.body", "", short(remedy, REASON_LENGTH)) for remedy in remedies.values()
    ]


def _failures(sink: WebhookSinkConfig) -> Iterator[tuple[str, str]]:
    from syncd.sinks.template_samples import template_samples

    for type_ in EVENT_TYPES:
        if any_matches(sink.wants.events, [type_]):
            for event in template_samples(type_):
                reason = _failure(sink, event)
                if reason:
                    yield type_, reason


def _failure(sink: WebhookSinkConfig, event: dict[str, Any]) -> str:
    from syncd.sinks.formats.template import fill

    try:
        output = fill(sink.body or "", event)
    except RenderError as error:
        return f"{error}; use {{% if … %}} for what is not always there, or narrow the sink's events"
    if "json" in (sink.content_type or "json").lower() and not _is_json(output):
        return (
            "the result is not JSON, since texts hold quotes and line breaks; write {{ image.name | tojson }}"
        )
    return ""


def _is_json(output: bytes) -> bool:
    try:
        json.loads(output)
    except (ValueError, RecursionError):
        return False
    return True
