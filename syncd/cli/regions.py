"""`syncd regions`: what the API says about regions, asked now."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import click

from syncd.cli.options import format_option, settings
from syncd.cli.output import FORMS, Column, Row, emit
from syncd.cli.probe import Inquiry, inquire
from syncd.errors import ApiError

FAILED = 3
KEYS = ("account", "region", "watched", "usable", "error")


@click.command(
    epilog="""\b
Example:
  syncd regions
  syncd regions --account lab

\b
Exit code: 0 fine, 3 the API did not name the regions of an account."""
)
@click.option("--account", metavar="NAME", help="Only for this account.")
@format_option(*FORMS)
@click.pass_context
def regions(context: click.Context, account: str | None, form: str) -> None:
    """Ask the API which regions there are, and which of them each key may list."""
    found = asyncio.run(inquire(settings(context).load(), account))
    columns = [
        Column("account", lambda row: row["account"]),
        Column("region", lambda row: row["region"] or "–"),
        Column("watched", lambda row: "yes" if row["watched"] else "no"),
        Column(
            "usable",
            lambda row: "yes" if row["usable"] else "no",
            lambda row: "" if row["usable"] else "yellow",
        ),
        Column("", lambda row: row["error"] or "", elastic=10),
    ]
    emit(form, [row for one in found for row in _rows(one)], columns, KEYS)
    context.exit(FAILED if any(one.error for one in found) else 0)


def _rows(found: Inquiry) -> Iterator[Row]:
    """One for each region; one without a region where the API named none."""
    if found.error is not None:
        yield _row(found, None, found.error)
    for region, refusal in found.regions.items():
        yield _row(found, region, refusal)


def _row(found: Inquiry, region: str | None, error: ApiError | None) -> Row:
    return {
        "account": found.account,
        "region": region,
        "watched": region in found.watched,
        "usable": error is None,
        "error": error.message if error else None,
    }
