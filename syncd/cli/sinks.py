"""`syncd sinks`: how each sink does, a test of one, switching it off and on, and sending events again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from syncd.cli.database_file import DatabaseFile
from syncd.cli.operation import run_operation
from syncd.cli.options import global_options, reading_options
from syncd.cli.output import Column, Row, as_rows, print_rows, say, tell
from syncd.cli.times import ago, parse_seq_or_time, parse_time
from syncd.errors import UsageError
from syncd.model import EVENT_TYPES, to_text

if TYPE_CHECKING:
    from syncd.config import Config
    from syncd.daemon.assembly import Parts
    from syncd.store.requests import RequestKind


@click.group(
    epilog="""\b
Example:
  syncd sinks list
  syncd sinks test team"""
)
def sinks() -> None:
    """Look after the sinks: see how they do, test them, switch them off and on, send events again."""


@sinks.command(
    "list",
    short_help="List the sinks, and what waits for each of them.",
    epilog="""\b
Example:
  syncd sinks list""",
)
@reading_options(limit=False)
@click.pass_context
def list_(context: click.Context, output_format: str, db: Path | None) -> None:
    """List the sinks: the state of each, what waits for it, and its last error."""
    from syncd.store import queries

    file = DatabaseFile(context, db)
    with file.open() as reader:
        rows = queries.sinks(reader)
    keys = [field.name for field in fields(queries.SinkRow)]
    if not print_rows(output_format, as_rows(rows), _columns(file), keys):
        say("no sink yet: add [sinks.NAME] to the configuration, then `syncd run` or `syncd sync`")


@sinks.command(
    short_help="Send a sink a message that is marked as a test.",
    epilog="""\b
Example:
  syncd sinks test team
  syncd sinks test team --type image.revoked --type sync.held
  syncd sinks test team --type all

\b
Exit code: 0 all were taken, 3 one was not.""",
)
@click.argument("sink")
@click.option(
    "--type",
    "types",
    multiple=True,
    type=click.Choice([*EVENT_TYPES, "all"]),
    metavar="TYPE",
    help="Send an event of this type; may be given more than once. all: each type that the sink takes.",
)
@click.pass_context
def test(context: click.Context, sink: str, types: tuple[str, ...]) -> None:
    """Send SINK a message that is marked as a test, and show the answer. Of a file it only shows what it would get."""
    from syncd.cli.sink_samples import send_samples

    config = global_options(context).load_config()
    _require_sink(config, sink)
    context.exit(asyncio.run(send_samples(config, sink, types)))


@sinks.command(
    short_help="Deliver to a sink again.",
    epilog="""\b
Example:
  syncd sinks enable team""",
)
@click.argument("sink")
@click.pass_context
def enable(context: click.Context, sink: str) -> None:
    """Deliver to SINK again, and send at once what has been waiting for it."""
    _run_on_sink(context, sink, "enable", {})
    tell(f"{sink} is enabled")


@sinks.command(
    short_help="Deliver nothing to a sink for now.",
    epilog="""\b
Example:
  syncd sinks disable team""",
)
@click.argument("sink")
@click.pass_context
def disable(context: click.Context, sink: str) -> None:
    """Deliver nothing to SINK until it is enabled again. What it would get waits."""
    _run_on_sink(context, sink, "disable", {})
    tell(f"{sink} is disabled; what it would get waits until `syncd sinks enable {sink}`")


@sinks.command(
    short_help="Send events again, under the same ids.",
    epilog="""\b
Example:
  syncd sinks replay team --since 2026-11-20 --until 2026-11-21
  syncd sinks replay team --dead""",
)
@click.argument("sink")
@click.option(
    "--since",
    metavar="SEQ|TIME",
    help='From this event or time on: 4711, "2026-11-20", or "2h" for two hours ago.',
)
@click.option(
    "--until", metavar="TIME", help="With --since: only events that were observed before this time."
)
@click.option("--event", metavar="ID", help="Only this event, whatever the filters of the sink say.")
@click.option("--dead", is_flag=True, help="Only events that were given up.")
@click.pass_context
def replay(
    context: click.Context, sink: str, since: str | None, until: str | None, event: str | None, dead: bool
) -> None:
    """Send events to SINK again, under the same ids. A new sink gets those that its filters take."""
    if sum((since is not None, event is not None, dead)) != 1:
        raise UsageError("which events are to be sent again?", "give one of --since, --event and --dead")
    if until is not None and since is None:
        raise UsageError("--until needs a beginning", "give --since with it")
    now = datetime.now(UTC)
    start = parse_seq_or_time(since, now) if since is not None else None
    args = {
        "since_seq": start if isinstance(start, int) else None,
        "since": to_text(start) if isinstance(start, datetime) else None,
        "until": to_text(parse_time(until, now)) if until else None,
        "event": event,
        "dead": dead or None,
    }
    answer = _run_on_sink(context, sink, "replay", args)
    count = answer["replayed"]
    events = f"{count} event{'' if count == 1 else 's'}"
    tell(f"{events} to {sink} again" if count else "nothing to send again")
    if count and answer["state"] == "disabled":
        say(f"{sink} is disabled: they wait until `syncd sinks enable {sink}`")


def _run_on_sink(
    context: click.Context, sink: str, kind: RequestKind, args: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Run the operation and return its answer; where no daemon runs, deliver then what has become due."""
    options = global_options(context)
    _require_sink(options.load_config_without_secrets(), sink)

    async def deliver(parts: Parts) -> None:
        from syncd.cli.sync import DRAIN_TIMEOUT

        if kind != "disable":
            await parts.dispatcher.drain(DRAIN_TIMEOUT)

    return run_operation(options, kind, {"sink": sink, **args}, afterwards=deliver).answer


def _require_sink(config: Config, sink: str) -> None:
    if sink not in config.sinks:
        known = ", ".join(sorted(config.sinks)) or "none"
        raise UsageError(f"there is no sink {sink}", f"sinks of {config.source}: {known}")


def _columns(file: DatabaseFile) -> list[Column]:
    return [
        Column("sink", lambda row: row["name"]),
        Column("state", _state, words=True),
        Column("since", lambda row: ago(row["since"], file.now), drop_order=1, words=True),
        Column("waiting", lambda row: str(row["pending"] or ""), align_right=True),
        Column("oldest", lambda row: ago(row["oldest_pending_at"], file.now), words=True),
        Column("next try", lambda row: ago(row["next_attempt_at"], file.now), words=True),
        Column("refused", lambda row: _refused(row, file), words=True),
        Column("dead", lambda row: str(row["dead"] or ""), align_right=True),
        Column("error", lambda row: row["last_error"] or row["last_refusal"] or "", shrink_to=10, words=True),
    ]


def _state(row: Row) -> str:
    if row["absent_since"]:
        return "gone from the configuration"
    return "refusing" if row["state"] == "ok" and row["refused"] else str(row["state"])


def _refused(row: Row, file: DatabaseFile) -> str:
    """How many events are tried again after a refusal, and of when the oldest of them is."""
    return f"{row['refused']} since {ago(row['refused_since'], file.now)}" if row["refused"] else ""
