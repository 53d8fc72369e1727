"""The sinks: whether a connection, or a file, can be had. Nothing is sent."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from typing import TYPE_CHECKING

from syncd.cli.checkup.finding import API, Finding, failed, ok, warning

if TYPE_CHECKING:
    from syncd.config import Config, LogSinkConfig, SinkConfig, WebhookSinkConfig

CONNECT_WITHIN = timedelta(seconds=5)


async def of_sinks(config: Config) -> list[Finding]:
    return list(await asyncio.gather(*map(_of_sink, config.sinks.values())))


async def _of_sink(sink: SinkConfig) -> Finding:
    from syncd.config import LogSinkConfig

    return _of_log(sink) if isinstance(sink, LogSinkConfig) else await _of_hook(sink)


def _of_log(sink: LogSinkConfig) -> Finding:
    name = f"sink {sink.name}"
    if sink.path is None:
        return ok(name, "writes to stdout")
    if os.access(sink.path if sink.path.exists() else sink.path.parent, os.W_OK):
        return ok(name, f"{sink.path} can be written")
    remedy = "make its folder, or let the user of the service write there"
    return warning(name, f"{sink.path} cannot be written by this user", remedy)


async def _of_hook(sink: WebhookSinkConfig) -> Finding:
    from syncd.sinks.reachability import why_unreachable

    name, what = f"sink {sink.name}", "the proxy" if sink.proxy else "the receiver"
    reason = await why_unreachable(sink, CONNECT_WITHIN)
    if reason:
        remedy = f"check its url and the network; `syncd sinks test {sink.name}` shows what it answers"
        return failed(name, f"{what} cannot be reached: {reason}", remedy, API)
    return ok(name, f"{what} can be reached (`syncd sinks test {sink.name}` shows what it answers)")
