"""`syncd sinks`: the receivers: how they are, whether they answer, sending again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from syncd.cli.ask import ask
from syncd.cli.context import say, settings
from syncd.cli.reading import File, reading, rows_of
from syncd.cli.show import Column, emit, plain
from syncd.cli.times import ago, moment, place
from syncd.errors import UsageError
from syncd.model import to_text

if TYPE_CHECKING:
    from syncd.config import Config

REFUSED = 3


@click.group(
    epilog="""\b
Example:
  syncd sinks list
  syncd sinks test team"""
)
def sinks() -> None:
    """The receivers: how they are, a test, sending again."""


@sinks.command(
    "list",
    short_help="How each sink is, and what waits for it.",
    epilog="""\b
Example:
  syncd sinks list""",
)
@reading(limit=None)
@click.pass_context
def list_(context: click.Context, form: str, db: Path | None) -> None:
    """State, backlog and last trouble of each sink."""
    from syncd.store import queries

    file = File(context, db)
    with file.open() as reader:
        found = queries.sinks(reader)
    columns = [
        Column("sink", lambda row: row["name"]),
        Column("state", lambda row: "gone from the configuration" if row["absent_since"] else row["state"]),
        Column("since", lambda row: ago(row["since"], file.now), spare=1),
        Column("waiting", lambda row: str(row["pending"] or ""), right=True),
        Column("oldest", lambda row: ago(row["oldest_pending_at"], file.now)),
        Column("next try", lambda row: ago(row["next_attempt_at"], file.now)),
        Column("dead", lambda row: str(row["dead"] or ""), right=True),
        Column("error", lambda row: row["last_error"] or "", elastic=10),
    ]
    if not emit(form, rows_of(found), columns, [field.name for field in fields(queries.SinkRow)]):
        say("no sink yet: add [sinks.NAME] to the configuration, then `syncd run` or `syncd sync`")


@sinks.command(
    short_help="Send a sample of each event it takes.",
    epilog="""\b
Example:
  syncd sinks test team

\b
Exit code: 0 all were taken, 3 one was not.""",
)
@click.argument("sink")
@click.pass_context
def test(context: click.Context, sink: str) -> None:
    """Send SINK a sample of each type of event that it takes, and show what it answers. Nothing is recorded."""
    config = settings(context).load()
    _named(config, sink)
    context.exit(asyncio.run(_try(config, sink)))


@sinks.command(
    epilog="""\b
Example:
  syncd sinks enable team"""
)
@click.argument("sink")
@click.pass_context
def enable(context: click.Context, sink: str) -> None:
    """Deliver to SINK again, and at once, what waits for it."""
    _ask(context, sink, "enable", {})
    click.echo(f"{sink} is enabled")


@sinks.command(
    epilog="""\b
Example:
  syncd sinks disable team"""
)
@click.argument("sink")
@click.pass_context
def disable(context: click.Context, sink: str) -> None:
    """Deliver nothing to SINK until it is enabled; what it would get waits."""
    _ask(context, sink, "disable", {})
    click.echo(f"{sink} is disabled; what it would get waits until `syncd sinks enable {sink}`")


@sinks.command(
    short_help="Send events again, under the same ids.",
    epilog="""\b
Example:
  syncd sinks replay team --since 2026-11-20 --until 2026-11-21
  syncd sinks replay team --dead""",
)
@click.argument("sink")
@click.option(
    "--since", metavar="SEQ|TIME", help='From this event or time on: 4711, "2026-11-20", "2h" (ago).'
)
@click.option("--until", metavar="TIME", help="Only what was observed before.")
@click.option("--event", metavar="ID", help="This event alone, whatever the sink's filters say.")
@click.option("--dead", is_flag=True, help="Only what was given up.")
@click.pass_context
def replay(
    context: click.Context, sink: str, since: str | None, until: str | None, event: str | None, dead: bool
) -> None:
    """Send events to SINK again; a new sink gets what its filters take."""
    if sum((since is not None, event is not None, dead)) != 1:
        raise UsageError("what is to be sent again?", "give one of --since, --event and --dead")
    if until is not None and since is None:
        raise UsageError("--until needs a beginning", "give --since with it")
    now = datetime.now(UTC)
    start = place(since, now) if since is not None else None
    args = {
        "since_seq": start if isinstance(start, int) else None,
        "since": to_text(start) if isinstance(start, datetime) else None,
        "until": to_text(moment(until, now)) if until else None,
        "event": event,
        "dead": dead or None,
    }
    answer = _ask(context, sink, "replay", args)
    count = answer["replayed"]
    click.echo(
        f"{count} event{'' if count == 1 else 's'} to {sink} again" if count else "nothing to send again"
    )
    if count and answer["state"] == "disabled":
        say(f"{sink} is disabled: they wait until `syncd sinks enable {sink}`")


def _ask(context: click.Context, sink: str, kind: Any, args: Mapping[str, Any]) -> Mapping[str, Any]:
    _named(settings(context).load_quickly(), sink)

    async def deliver(parts: Any) -> None:
        from syncd.cli.sync import DRAIN_FOR

        if kind != "disable":
            await parts.dispatcher.drain(DRAIN_FOR)

    return ask(settings(context), kind, {"sink": sink, **args}, afterwards=deliver).answer


def _named(config: Config, sink: str) -> None:
    if sink not in config.sinks:
        known = ", ".join(sorted(config.sinks)) or "none"
        raise UsageError(f"there is no sink {sink}", f"sinks of {config.source}: {known}")


async def _try(config: Config, name: str) -> int:
    from syncd.daemon.assembly import SystemClock
    from syncd.model import Route
    from syncd.sinks.build import build_sink
    from syncd.sinks.samples import samples
    from syncd.sinks.sink import Delivered, Item, ReceiverTrouble, Verdict
    from syncd.store import outbox
    from syncd.store.routing import sinks_for

    clock = SystemClock()
    wants = config.sinks[name].wants
    sink = build_sink(config.sinks[name], clock)
    code = 0
    before: Verdict = Delivered()
    try:
        for seq, (kind, draft) in enumerate(samples(clock.now()).items(), start=1):
            if not sinks_for([Route(name, wants)], draft):
                click.echo(f"{kind:>22}  –  not wanted by its filters")
                continue
            event_id = outbox.new_id(draft.time)
            verdict = await sink.send([Item(seq, event_id, outbox.body(seq, event_id, draft))])
            if isinstance(verdict, Delivered):
                click.echo(f"{kind:>22}  ✓  delivered", err=_is_stdout(config, name))
            else:
                code = REFUSED
                click.echo(f"{kind:>22}  ✗  {plain(verdict.reason)}")
            if isinstance(verdict, ReceiverTrouble) and verdict == before:
                click.echo(f"{'…':>22}  –  the rest is not tried")
                break
            before = verdict
    finally:
        await sink.aclose()
    return code


def _is_stdout(config: Config, name: str) -> bool:
    """The events themselves are on stdout; the talk is not mixed in."""
    from syncd.config import LogSinkConfig

    found = config.sinks[name]
    return isinstance(found, LogSinkConfig) and found.path is None
