"""`syncd events`: what happened, and what happens now."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from syncd.cli.database_file import File, reading, why_empty
from syncd.cli.images import sentence
from syncd.cli.output import Column, Row, emit, plain
from syncd.cli.times import local, place, spoken
from syncd.errors import UsageError

KEYS = (
    "seq",
    "id",
    "type",
    "account",
    "region",
    "image_id",
    "observed_at",
    "scope",
    "baseline",
    "run_id",
    "body",
)


@click.command(
    epilog="""\b
Example:
  syncd events --since 2026-11-20 --type "image.*"
  syncd events --follow"""
)
@click.option(
    "--since", metavar="SEQ|TIME", help='After this event, or since a time: "2026-11-20", "2h" (ago).'
)
@click.option(
    "--type",
    "types",
    multiple=True,
    metavar="GLOB",
    help='Only of this type, such as "image.*"; may be repeated.',
)
@click.option("--image", "image_id", metavar="ID", help="Only of this image.")
@click.option("--follow", is_flag=True, help="Go on, and print each event as it is recorded; Ctrl-C ends it.")
@reading()
@click.pass_context
def events(
    context: click.Context,
    form: str,
    db: Path | None,
    limit: int,
    since: str | None,
    types: tuple[str, ...],
    image_id: str | None,
    follow: bool,
) -> None:
    """What happened, the newest last."""
    from syncd.store import queries

    file = File(context, db)
    wanted = queries.EventFilter(place(since, file.now) if since else None, types or None, image_id)
    with file.open() as reader:
        last = queries.last_seq(reader)
        found = queries.events(reader, wanted, limit)
        shown = list(found) if follow else []
        count = 0 if follow else emit(form, map(_row, found), COLUMNS, KEYS)
    if follow:
        _follow(file, form, wanted, shown, last)
    elif not count:
        why_empty(file, bool(since or types or image_id))


def _follow(file: File, form: str, wanted: Any, found: Iterable[Any], last: int) -> None:
    """Lines as they come; the columns of a growing table cannot be known, so they are those of the terminal."""
    from syncd.store import queries

    if form in ("json", "csv"):
        raise UsageError(f"--format {form} has an end, --follow has none", "use jsonl")
    with queries.Follower(file.path, last, wanted) as follower:
        for event in _both(found, follower.wait()):
            row = _row(event)
            if form == "jsonl":
                emit("jsonl", [row], [], KEYS)
            else:
                click.echo("  ".join(plain(column.text(row)) for column in COLUMNS))
            sys.stdout.flush()


def _both(first: Iterable[Any], then: Iterable[Any]) -> Iterator[Any]:
    yield from first
    yield from then


def _row(event: Any) -> Row:
    row = {key: getattr(event, key) for key in KEYS}
    return row | {"body": json.loads(event.body)}


def _where(row: Row) -> str:
    return "/".join(part for part in (row["account"], row["region"]) if part) or str(
        row["body"]["data"].get("sink", "")
    )


def _what(row: Row) -> str:
    data = row["body"]["data"]
    if row["type"].startswith("image."):
        return f"{data['image']['name'] or row['image_id']}: {sentence(row['body'])}"
    if row["type"] == "sync.baseline":
        return f"watching {data['images']} images in {', '.join(data['regions'])}"
    if row["type"] == "sync.held":
        return f"{data['missing']} of {data['live']} are missing; kept until {local(data['until'])}"
    if row["type"] == "sync.released":
        return f"{data['reason']}: {data['returned']} came back, {data['revoked']} revoked"
    return str(data.get("message") or f"after {spoken(data.get('duration_seconds', 0))}")


COLUMNS = [
    Column("seq", lambda row: str(row["seq"]), right=True),
    Column("when", lambda row: local(row["observed_at"])),
    Column("type", lambda row: row["type"]),
    Column("where", _where),
    Column("what", _what, elastic=10),
]
