"""`syncd regions`: asks the API which regions there are."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import click

from syncd.cli.options import OUTPUT_FORMATS, format_option, global_options
from syncd.cli.output import Column, Row, print_rows
from syncd.cli.probe import Probe, probe_accounts
from syncd.errors import ApiError, ExitCode

KEYS = ("account", "region", "watched", "usable", "error")


@click.command(
    epilog="""\b
Example:
  syncd regions
  syncd regions --account lab

\b
Exit code: 0 fine, 3 the API did not name the regions of an account."""
)
@click.option("--account", metavar="NAME", help="Only ask for this account.")
@format_option(*OUTPUT_FORMATS)
@click.pass_context
def regions(context: click.Context, account: str | None, output_format: str) -> None:
    """Ask the API which regions there are, which of them each key may list, and which of them syncd watches."""
    probes = asyncio.run(probe_accounts(global_options(context).load_config(), account))
    print_rows(output_format, [row for probe in probes for row in _rows(probe)], COLUMNS, KEYS)
    context.exit(ExitCode.FAILED if any(probe.error for probe in probes) else ExitCode.OK)


def _rows(probe: Probe) -> Iterator[Row]:
    """A row for each region, and one without a region if the API named none."""
    if probe.error is not None:
        yield _row(probe, None, probe.error)
    for region, error in probe.regions.items():
        yield _row(probe, region, error)


def _row(probe: Probe, region: str | None, error: ApiError | None) -> Row:
    return {
        "account": probe.account,
        "region": region,
        "watched": region in probe.watched,
        "usable": error is None,
        "error": error.message if error else None,
    }


COLUMNS = [
    Column("account", lambda row: row["account"]),
    Column("region", lambda row: row["region"] or "–"),
    Column("watched", lambda row: "yes" if row["watched"] else "no", words=True),
    Column(
        "usable",
        lambda row: "yes" if row["usable"] else "no",
        lambda row: "" if row["usable"] else "yellow",
        words=True,
    ),
    Column("", lambda row: row["error"] or "", shrink_to=10, words=True),
]
