"""Checks of the sinks: whether a receiver can be connected to, or a file written. Nothing is sent."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from typing import TYPE_CHECKING

from syncd import file_access
from syncd.cli.doctor_checks.finding import Finding, failed, ok, warning
from syncd.cli.doctor_checks.service import unit_of

if TYPE_CHECKING:
    from syncd.cli.doctor_checks.unit import Unit
    from syncd.config import Config, LogSinkConfig, SinkConfig, WebhookSinkConfig

CONNECT_TIMEOUT = timedelta(seconds=5)


async def check_sinks(config: Config) -> list[Finding]:
    unit = unit_of(config)
    return list(await asyncio.gather(*(_check_sink(sink, unit) for sink in config.sinks.values())))


async def _check_sink(sink: SinkConfig, unit: Unit | None) -> Finding:
    from syncd.config import LogSinkConfig

    return check_log(sink, unit) if isinstance(sink, LogSinkConfig) else await _check_webhook(sink)


def check_log(sink: LogSinkConfig, unit: Unit | None) -> Finding:
    """Whether the service may write the file; without a unit, whether this user may."""
    name = f"sink {sink.name}"
    if sink.path is None:
        return ok(name, "writes to stdout")
    if unit is not None and (refusal := unit.refusal(sink.path)):
        return failed(name, refusal.problem, refusal.remedy)
    existing = next(path for path in (sink.path, *sink.path.absolute().parents) if file_access.exists(path))
    if unit is not None or os.access(existing, os.W_OK):
        return ok(name, f"{sink.path} can be written")
    return warning(name, f"{sink.path} cannot be written by this user", file_access.denied_hint(sink.path))


async def _check_webhook(sink: WebhookSinkConfig) -> Finding:
    from syncd.sinks.reachability import why_unreachable

    name, peer = f"sink {sink.name}", "the proxy" if sink.proxy else "the receiver"
    reason = await why_unreachable(sink, CONNECT_TIMEOUT)
    if reason:
        remedy = f"check its url and the network; `syncd sinks test {sink.name}` shows what it answers"
        return failed(name, f"{peer} cannot be reached: {reason}", remedy)
    return ok(name, f"{peer} can be reached (`syncd sinks test {sink.name}` shows what it answers)")
