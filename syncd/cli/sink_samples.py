"""Sends a sink messages that are marked as tests, and prints what it answers: `syncd sinks test`."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import msgspec

from syncd.cli.language import translate
from syncd.cli.output import plain, tell
from syncd.config import Config, LogSinkConfig, SinkConfig
from syncd.daemon.assembly import SystemClock
from syncd.errors import ExitCode
from syncd.model import EVENT_TYPES, Draft
from syncd.sinks.build import build_sink
from syncd.sinks.line_writers import why_unwritable
from syncd.sinks.samples import samples
from syncd.sinks.sink import Delivered, Item, ReceiverTrouble, SendResult
from syncd.store import outbox
from syncd.store.routing import wants_type

ALL = "all"
"""Instead of a type: each type that the sink takes."""


async def send_samples(config: Config, name: str, types: Sequence[str]) -> ExitCode:
    """OK if all were taken. Without ``types``, one message shows that the sink works."""
    settings = config.sinks[name]
    drafts = samples(SystemClock().now())
    items = [_item(seq, drafts[type_]) for seq, type_ in enumerate(_chosen(settings, types), start=1)]
    if isinstance(settings, LogSinkConfig) and settings.path is not None:
        return _show_lines(settings.path, items)
    return await _send_all(settings, items)


def _chosen(settings: SinkConfig, types: Sequence[str]) -> Sequence[str]:
    """The types to send: those asked for, whatever the filters say, or what shows that the sink works."""
    taken = [type_ for type_ in EVENT_TYPES if wants_type(settings.wants, type_)]
    if ALL in types:
        return taken
    return list(dict.fromkeys(types)) or taken[:1] or EVENT_TYPES[:1]


def _item(seq: int, draft: Draft) -> Item:
    """A sample that says of itself that it is a test."""
    marked = msgspec.structs.replace(draft, data={**draft.data, "test": True})
    event_id = outbox.new_id(draft.time)
    return Item(seq, event_id, outbox.body(seq, event_id, marked))


def _show_lines(path: Path, items: Sequence[Item]) -> ExitCode:
    """A file keeps real events, and belongs to the daemon: a test neither makes nor changes it."""
    tell(f"a test writes nothing to {plain(path)}; it would add:", err=True)
    for item in items:
        click.echo(item.body.decode())
    trouble = why_unwritable(path)
    who = f"this user ({_user()})"
    if trouble:
        tell(f"✗  {who} cannot write it: {plain(trouble)}", err=True)
        return ExitCode.FAILED
    tell(f"✓  {who} can write it; the service may run as another one", err=True)
    return ExitCode.OK


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.geteuid())


async def _send_all(settings: SinkConfig, items: Sequence[Item]) -> ExitCode:
    """After two equal failures of the receiver itself the rest is not tried."""
    sink = build_sink(settings, SystemClock())
    exit_code = ExitCode.OK
    last: SendResult = Delivered()
    try:
        for type_, item in _with_types(items):
            verdict = await sink.send([item])
            if isinstance(verdict, Delivered):
                _print(type_, "✓", "delivered", on_stderr=_writes_to_stdout(settings))
            else:
                exit_code = ExitCode.FAILED
                _print(type_, "✗", plain(verdict.reason))
            if isinstance(verdict, ReceiverTrouble) and verdict == last and item is not items[-1]:
                _print("…", "–", "the rest is not tried")
                break
            last = verdict
    finally:
        await sink.aclose()
    return exit_code


def _with_types(items: Sequence[Item]) -> Iterator[tuple[str, Item]]:
    yield from ((msgspec.json.decode(item.body)["type"], item) for item in items)


def _print(event_type: str, mark: str, text: str, *, on_stderr: bool = False) -> None:
    click.echo(f"{event_type:>22}  {mark}  {translate(text)}", err=on_stderr)


def _writes_to_stdout(settings: SinkConfig) -> bool:
    """If so, the samples themselves are on stdout, and talk must not be mixed in."""
    return isinstance(settings, LogSinkConfig)
