"""Sends a sink a sample of each event that it takes, and prints what it answers: `syncd sinks test`."""

from __future__ import annotations

import click

from syncd.cli.output import plain
from syncd.config import Config, LogSinkConfig, SinkConfig
from syncd.daemon.assembly import SystemClock
from syncd.errors import ExitCode
from syncd.model import Draft, Route
from syncd.sinks.build import build_sink
from syncd.sinks.samples import samples
from syncd.sinks.sink import Delivered, Item, ReceiverTrouble, SendResult, Sink
from syncd.store import outbox
from syncd.store.routing import sinks_for


async def send_samples(config: Config, name: str) -> ExitCode:
    """OK if every sample was taken. After two equal failures of the receiver itself the rest is not tried."""
    clock = SystemClock()
    settings = config.sinks[name]
    sink = build_sink(settings, clock)
    exit_code = ExitCode.OK
    last: SendResult = Delivered()
    try:
        for seq, (event_type, draft) in enumerate(samples(clock.now()).items(), start=1):
            if not sinks_for([Route(name, settings.wants)], draft):
                _print(event_type, "–", "not wanted by its filters")
                continue
            verdict = await _send(sink, seq, draft)
            if isinstance(verdict, Delivered):
                _print(event_type, "✓", "delivered", on_stderr=_writes_to_stdout(settings))
            else:
                exit_code = ExitCode.FAILED
                _print(event_type, "✗", plain(verdict.reason))
            if isinstance(verdict, ReceiverTrouble) and verdict == last:
                _print("…", "–", "the rest is not tried")
                break
            last = verdict
    finally:
        await sink.aclose()
    return exit_code


async def _send(sink: Sink, seq: int, draft: Draft) -> SendResult:
    event_id = outbox.new_id(draft.time)
    return await sink.send([Item(seq, event_id, outbox.body(seq, event_id, draft))])


def _print(event_type: str, mark: str, text: str, *, on_stderr: bool = False) -> None:
    click.echo(f"{event_type:>22}  {mark}  {text}", err=on_stderr)


def _writes_to_stdout(settings: SinkConfig) -> bool:
    """If so, the samples themselves are on stdout, and talk must not be mixed in."""
    return isinstance(settings, LogSinkConfig) and settings.path is None
