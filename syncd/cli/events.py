"""`syncd events`: lists what happened, and follows what happens."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from syncd.cli.database_file import DatabaseFile
from syncd.cli.images import describe_image_event
from syncd.cli.options import reading_options
from syncd.cli.output import Column, Row, plain, print_rows
from syncd.cli.times import local_time, parse_seq_or_time, spoken_duration
from syncd.errors import UsageError

if TYPE_CHECKING:
    from syncd.store.queries import EventFilter

KEYS = (
    "seq", "id", "type", "account", "region", "image_id", "observed_at", "scope", "baseline", "run_id", "body",
)  # fmt: skip


@click.command(
    epilog="""\b
Example:
  syncd events --since 2026-11-20 --type "image.*"
  syncd events --follow"""
)
@click.option(
    "--since",
    metavar="SEQ|TIME",
    help='Only events after this number, or since a time: "2026-11-20", or "2h" for two hours ago.',
)
@click.option(
    "--type",
    "types",
    multiple=True,
    metavar="GLOB",
    help='Only events of this type, such as "image.*"; may be given more than once.',
)
@click.option("--image", "image_id", metavar="ID", help="Only events of this image.")
@click.option(
    "--follow", is_flag=True, help="Keep running, and print each event as it is recorded, until Ctrl-C."
)
@reading_options()
@click.pass_context
def events(
    context: click.Context,
    output_format: str,
    db: Path | None,
    limit: int,
    since: str | None,
    types: tuple[str, ...],
    image_id: str | None,
    follow: bool,
) -> None:
    """List what happened, the newest last."""
    from syncd.store import queries

    file = DatabaseFile(context, db)
    start = parse_seq_or_time(since, file.now) if since else None
    wanted = queries.EventFilter(start, types or None, image_id)
    with file.open() as reader:
        last_seq = queries.last_seq(reader)
        found = queries.events(reader, wanted, limit)
        earlier = list(found) if follow else []
        count = 0 if follow else print_rows(output_format, map(_row, found), COLUMNS, KEYS)
    if follow:
        _follow(file, output_format, wanted, earlier, last_seq)
    elif not count:
        file.say_why_empty(filtered=bool(since or types or image_id))


def _follow(
    file: DatabaseFile, output_format: str, wanted: EventFilter, earlier: Iterable[Any], last_seq: int
) -> None:
    """Print a line for each event as it comes.

    The widths of columns cannot be known before the last row, so nothing is aligned.
    """
    from syncd.store import queries

    if output_format in ("json", "csv"):
        raise UsageError(
            f"--follow never ends, so it cannot be written as {output_format}", "use --format jsonl"
        )
    with queries.Follower(file.path, last_seq, wanted) as follower:
        for event in chain(earlier, follower.wait()):
            row = _row(event)
            if output_format == "jsonl":
                print_rows("jsonl", [row], [], KEYS)
            else:
                click.echo("  ".join(plain(column.text(row)) for column in COLUMNS))
            sys.stdout.flush()


def _row(event: Any) -> Row:
    row = {key: getattr(event, key) for key in KEYS}
    return row | {"body": json.loads(event.body)}


def _where(row: Row) -> str:
    target = "/".join(part for part in (row["account"], row["region"]) if part)
    return target or str(row["body"]["data"].get("sink", ""))


def _what(row: Row) -> str:
    data = row["body"]["data"]
    if row["type"].startswith("image."):
        return f"{data['image']['name'] or row['image_id']}: {describe_image_event(row['body'])}"
    match row["type"]:
        case "sync.baseline":
            return f"watching {data['images']} images in {', '.join(data['regions'])}"
        case "sync.held":
            return f"{data['missing']} of {data['live']} are missing; kept until {local_time(data['until'])}"
        case "sync.released":
            return f"{data['reason']}: {data['returned']} came back, {data['revoked']} revoked"
    return str(data.get("message") or f"after {spoken_duration(data.get('duration_seconds', 0))}")


COLUMNS = [
    Column("seq", lambda row: str(row["seq"]), align_right=True),
    Column("when", lambda row: local_time(row["observed_at"])),
    Column("type", lambda row: row["type"]),
    Column("where", _where),
    Column("what", _what, shrink_to=10),
]
