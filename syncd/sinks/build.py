"""Builds a sink from its configuration, and recognises a changed one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields
from typing import assert_never

from syncd.config import LogSinkConfig, SinkConfig, WebhookSinkConfig
from syncd.model import Clock, Secret
from syncd.sinks.log import LogSink
from syncd.sinks.sink import Sink
from syncd.sinks.webhook import WebhookSink


def build_sink(config: SinkConfig, clock: Clock, before: Sink | None = None) -> Sink:
    """Opens nothing yet: connections and files are opened when the first event is sent.

    ``before`` is the sink that this one replaces. It hands over how much it sent lately, because the receiver's
    rate limit counts those messages too.
    """
    match config:
        case LogSinkConfig():
            return LogSink(config)
        case WebhookSinkConfig():
            return WebhookSink(
                config, clock=clock, before=before if isinstance(before, WebhookSink) else None
            )
        case _:
            assert_never(config)


def settings_digest(config: SinkConfig) -> str:
    """Changes when messages are made differently than before. It covers neither filters nor anything secret."""
    shown = {
        field.name: _shown(getattr(config, field.name)) for field in fields(config) if field.name != "wants"
    }
    return hashlib.sha256(repr(shown).encode()).hexdigest()


def _shown(value: object) -> object:
    """A single `Secret` shows as stars, which are the same for all; of several only their names or number count."""
    if isinstance(value, Mapping):
        return sorted(value)
    if isinstance(value, tuple) and all(isinstance(item, Secret) for item in value):
        return len(value)
    return value
