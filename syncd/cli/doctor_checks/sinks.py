"""Checks of the sinks: whether a receiver can be connected to, or a file written. Nothing is sent."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from typing import TYPE_CHECKING

from syncd.cli.doctor_checks.finding import Finding, failed, ok, warning

if TYPE_CHECKING:
    from syncd.config import Config, LogSinkConfig, SinkConfig, WebhookSinkConfig

CONNECT_TIMEOUT = timedelta(seconds=5)


async def check_sinks(config: Config) -> list[Finding]:
    return list(await asyncio.gather(*map(_check_sink, config.sinks.values())))


async def _check_sink(sink: SinkConfig) -> Finding:
    from syncd.config import LogSinkConfig

    return _check_log(sink) if isinstance(sink, LogSinkConfig) else await _check_webhook(sink)


def _check_log(sink: LogSinkConfig) -> Finding:
    name = f"sink {sink.name}"
    if sink.path is None:
        return ok(name, "writes to stdout")
    if os.access(sink.path if sink.path.exists() else sink.path.parent, os.W_OK):
        return ok(name, f"{sink.path} can be written")
    remedy = "make its folder, or let the user of the service write there"
    return warning(name, f"{sink.path} cannot be written by this user", remedy)


async def _check_webhook(sink: WebhookSinkConfig) -> Finding:
    from syncd.sinks.reachability import why_unreachable

    name, peer = f"sink {sink.name}", "the proxy" if sink.proxy else "the receiver"
    reason = await why_unreachable(sink, CONNECT_TIMEOUT)
    if reason:
        remedy = f"check its url and the network; `syncd sinks test {sink.name}` shows what it answers"
        return failed(name, f"{peer} cannot be reached: {reason}", remedy)
    return ok(name, f"{peer} can be reached (`syncd sinks test {sink.name}` shows what it answers)")
