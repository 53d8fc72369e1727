"""`syncd held`: the revocations that the guard holds back, and releasing them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import click

from syncd.cli.database_file import DatabaseFile
from syncd.cli.language import translate
from syncd.cli.operation import run_operation
from syncd.cli.options import global_options, reading_options
from syncd.cli.output import Column, as_rows, print_rows, say, tell
from syncd.cli.times import ago
from syncd.errors import UsageError
from syncd.model import Target

if TYPE_CHECKING:
    from syncd.store import queries


@click.group(
    epilog="""\b
Example:
  syncd held list
  syncd held release --account lab --region cn-wlcb"""
)
def held() -> None:
    """List or release held images: many that were missing from a list at once, and so are not called revoked yet."""


@held.command(
    "list",
    short_help="List the images that are held.",
    epilog="""\b
Example:
  syncd held list --account lab""",
)
@click.option("--account", metavar="NAME", help="Only images of this account.")
@click.option("--region", metavar="REGION", help="Only images in this region.")
@reading_options(limit=False)
@click.pass_context
def list_(
    context: click.Context, output_format: str, db: Path | None, account: str | None, region: str | None
) -> None:
    """List the images that the guard holds, and until when it keeps them."""
    from syncd.store import queries

    file = DatabaseFile(context, db)
    with file.open() as reader:
        rows = queries.missing(reader, account, region)
    keys = [field.name for field in fields(queries.MissingRow)]
    if not print_rows(output_format, as_rows(rows), _columns(file), keys):
        say("nothing that is held matches" if account or region else "nothing is held")
    if output_format == "table":
        _say_how_to_release(rows)


@held.command(
    short_help="Call the held images revoked now.",
    epilog="""\b
Example:
  syncd held release --account lab --region cn-wlcb

\b
Images of more than one target are released only after a question on a terminal,
or with --all.""",
)
@click.option("--account", metavar="NAME", help="Only images of this account.")
@click.option("--region", metavar="REGION", help="Only images in this region.")
@click.option("--all", "all_", is_flag=True, help="Do not ask if this concerns several accounts or regions.")
@click.pass_context
def release(context: click.Context, account: str | None, region: str | None, all_: bool) -> None:
    """Call held images revoked now, without asking the API again: those of one account in one region, or more."""
    counts = _held_counts(DatabaseFile(context, None), account, region)
    if len(counts) > 1 and not all_:
        _confirm(counts)
    for target in counts:
        result = run_operation(global_options(context), "release", target._asdict())
        for released in result.answer["released"]:
            tell(f"{released['account']}/{released['region']}  {released['revoked']} revoked")
    if not counts:
        say("nothing is held")


def _held_counts(file: DatabaseFile, account: str | None, region: str | None) -> dict[Target, int]:
    """How many images are held in each matching target that has any. Raises UsageError if no target matches."""
    from syncd.store import queries

    with file.open() as reader:
        rows = [
            row for row in queries.targets(reader, account) if row.active and region in (None, row.region)
        ]
    if not rows and (account or region):
        asked = "/".join(part for part in (account, region) if part)
        raise UsageError(f"{asked} is not watched", "`syncd status` lists the targets")
    return {Target(row.account, row.region): row.held_count for row in rows if row.held_count}


def _confirm(counts: Mapping[Target, int]) -> None:
    """Ask on a terminal before images of several targets are released. Raises UsageError where nobody can answer."""
    images = f"{sum(counts.values())} images of {len(counts)} targets"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        named = ", ".join(f"{target} ({count})" for target, count in counts.items())
        example = next(iter(counts)).options
        raise UsageError(
            f"{images} are held: {named}. Nothing was released",
            f"release one target with `syncd held release {example}`, or all of them with --all",
        )
    say("These images would be called revoked now, without asking the API again:")
    for target, count in counts.items():
        say(f"  {target}  {count}")
    click.confirm(translate(f"Release {images}?"), abort=True, err=True)


def _say_how_to_release(rows: Iterable[queries.MissingRow]) -> None:
    """A command for each target, which releases nothing else."""
    for target in dict.fromkeys(Target(row.account, row.region) for row in rows if row.held):
        say(f"if those of {target} are really gone: syncd held release {target.options}")


def _columns(file: DatabaseFile) -> list[Column]:
    return [
        Column("account", lambda row: row["account"]),
        Column("region", lambda row: row["region"]),
        Column("id", lambda row: row["image_id"]),
        Column("name", lambda row: row["name"] or "", shrink_to=16),
        Column("missing", lambda row: ago(row["missing_since"], file.now), drop_order=1, words=True),
        Column("syncs", lambda row: str(row["missing_syncs"]), align_right=True, drop_order=2),
        Column("kept until", lambda row: ago(row["until"], file.now), words=True),
    ]
