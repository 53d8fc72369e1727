"""`syncd events`: lists what happened, and follows what happens."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from syncd.cli.database_file import DatabaseFile
from syncd.cli.images import describe_image_event
from syncd.cli.listing import most_rows, refuse_unknown, say_if_more
from syncd.cli.options import reading_options
from syncd.cli.output import Column, Row, print_rows
from syncd.cli.times import local_time, parse_seq_or_time, spoken_duration
from syncd.errors import UsageError

if TYPE_CHECKING:
    from syncd.model import Scope
    from syncd.store.queries import EventFilter, EventRow, Reader

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
@click.option("--account", metavar="NAME", help="Only events of this account.")
@click.option("--region", metavar="REGION", help="Only events of this region.")
@click.option(
    "--scope",
    type=click.Choice(("account", "region")),
    help="Only what changed for an account as a whole, or only what changed in one region besides.",
)
@click.option(
    "--baseline",
    is_flag=True,
    help="Also list the images that were there when the watch of their region began.",
)
@click.option(
    "--follow", is_flag=True, help="Keep running, and print each event as it is recorded, until Ctrl-C."
)
@reading_options()
@click.pass_context
def events(
    context: click.Context,
    output_format: str,
    db: Path | None,
    limit: int | None,
    since: str | None,
    types: tuple[str, ...],
    image_id: str | None,
    account: str | None,
    region: str | None,
    scope: Scope | None,
    baseline: bool,
    follow: bool,
) -> None:
    """List what happened, the newest last. After a number (--since SEQ) no event is left out."""
    from syncd.store import queries

    file = DatabaseFile(context, db)
    _refuse_unknown_types(types)
    start = parse_seq_or_time(since, file.now) if since else None
    wanted = queries.EventFilter(start, types or None, image_id, account, region, scope, baseline)
    most = limit or None if isinstance(start, int) else most_rows(output_format, limit)
    if follow:
        if output_format in ("json", "csv"):
            raise UsageError(
                f"--follow never ends, so it cannot be written as {output_format}", "use --format jsonl"
            )
        _follow(file, file.open(), output_format, wanted, most)
        return
    with file.open() as reader:
        found = queries.events(reader, wanted, most)
        rows = refuse_unknown(file, reader, found, account=account, region=region)
        shown = print_rows(output_format, map(_row, rows), COLUMNS, KEYS)
        say_if_more(shown, most, lambda: queries.count_events(reader, wanted), "events")
    if not shown:
        file.say_why_empty(filtered=any((since, types, image_id, account, region, scope)))


def _refuse_unknown_types(globs: Iterable[str]) -> None:
    from syncd.globs import any_matches
    from syncd.model import EVENT_TYPES

    for glob in globs:
        if not any_matches([glob], EVENT_TYPES):
            raise UsageError(f"there is no type of event {glob}", f"there are {', '.join(EVENT_TYPES)}")


def _follow(
    file: DatabaseFile, reader: Reader, output_format: str, wanted: EventFilter, most: int | None
) -> None:
    """Print what there is, and then each event as it comes.

    The widths of columns cannot be known before the last row, so nothing is aligned.
    """
    from syncd.store import queries
    from syncd.store.queries import EventRow

    with reader:  # not for longer: an open transaction keeps the -wal file from being emptied
        reader.snapshot()
        last_seq = max(queries.last_seq(reader), wanted.after if isinstance(wanted.after, int) else 0)
        if most is None:
            first = next(queries.events(reader, wanted), None)
            last_seq, earlier = first.seq - 1 if first else last_seq, list[EventRow]()
        else:
            earlier = list(queries.events(reader, wanted, most))
    for event in earlier:
        _print_at_once(event, output_format)
    with queries.Follower(file.path, last_seq, wanted) as follower:
        for event in follower.wait():
            _print_at_once(event, output_format)


def _print_at_once(event: EventRow, output_format: str) -> None:
    row = _row(event)
    if output_format == "jsonl":
        print_rows("jsonl", [row], [], KEYS)
    else:
        click.echo("  ".join(column.cell(row) for column in COLUMNS))
    sys.stdout.flush()


def _row(event: Any) -> Row:
    row = {key: getattr(event, key) for key in KEYS}
    return row | {"body": json.loads(event.body)}


def _where(row: Row) -> str:
    target = "/".join(part for part in (row["account"], row["region"]) if part)
    return target or str(row["body"]["data"].get("sink", ""))


def _image(row: Row) -> str:
    image = row["body"]["data"].get("image")
    return (image["name"] or row["image_id"]) if image else ""


def _what(row: Row) -> str:
    data = row["body"]["data"]
    if row["type"].startswith("image."):
        return describe_image_event(row["body"])
    match row["type"]:
        case "sync.baseline":
            return f"watching {data['images']} images in {', '.join(data['regions'])}"
        case "sync.held":
            return f"{data['missing']} of {data['live']} are missing; kept until {local_time(data['until'])}"
        case "sync.released":
            return f"{data['reason']}: {data['returned']} came back, {data['revoked']} revoked"
    return str(data.get("message") or f"well again after {spoken_duration(data.get('duration_seconds', 0))}")


COLUMNS = [
    Column("seq", lambda row: str(row["seq"]), align_right=True),
    Column("when", lambda row: local_time(row["observed_at"])),
    Column("type", lambda row: row["type"], drop_order=2),
    Column("where", _where, shrink_to=8, drop_order=1),
    Column("image", _image, shrink_to=8),
    Column("what", _what, shrink_to=30, words=True),
]
