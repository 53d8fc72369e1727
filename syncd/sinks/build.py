"""From a sink's configuration to the sink."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields

from syncd.config import LogSinkConfig, SinkConfig
from syncd.model import Clock, Secret
from syncd.sinks.log import LogSink
from syncd.sinks.sink import Sink
from syncd.sinks.webhook import WebhookSink


def build_sink(config: SinkConfig, clock: Clock, before: Sink | None = None) -> Sink:
    """Opens nothing yet: connections and files come with the first event.

    ``before``, the sink in whose place it comes, hands over how much it sent lately: the receiver counts on.
    """
    if isinstance(config, LogSinkConfig):
        return LogSink(config)
    return WebhookSink(config, clock=clock, before=before if isinstance(before, WebhookSink) else None)


def settings_digest(config: SinkConfig) -> str:
    """Tells whether messages are made otherwise than before. Without filters, and without anything secret."""
    open_ones = {
        field.name: _open(getattr(config, field.name)) for field in fields(config) if field.name != "wants"
    }
    return hashlib.sha256(repr(open_ones).encode()).hexdigest()


def _open(value: object) -> object:
    """`Secret` shows stars, which are the same for all."""
    if isinstance(value, Mapping):
        return sorted(value)
    if isinstance(value, tuple) and all(isinstance(one, Secret) for one in value):
        return len(value)
    return value
