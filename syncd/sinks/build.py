"""From a sink's configuration to the sink."""

from __future__ import annotations

from syncd.config import LogSinkConfig, SinkConfig
from syncd.model import Clock
from syncd.sinks.log import LogSink
from syncd.sinks.sink import Sink
from syncd.sinks.webhook import WebhookSink


def build_sink(config: SinkConfig, clock: Clock) -> Sink:
    """Opens nothing yet: connections and files come with the first event."""
    if isinstance(config, LogSinkConfig):
        return LogSink(config)
    return WebhookSink(config, clock=clock)
