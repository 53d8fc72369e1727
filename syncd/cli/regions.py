"""`syncd regions`: what the API says about regions, asked now."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import click

from syncd.cli.context import format_option, settings
from syncd.cli.show import FORMS, Column, emit

FAILED = 3
KEYS = ("account", "region", "watched", "usable", "error")


@click.command(
    epilog="""\b
Example:
  syncd regions

\b
Exit code: 0 fine, 3 the API did not answer for an account."""
)
@click.option("--account", metavar="NAME", help="Only for this account.")
@format_option(*FORMS)
@click.pass_context
def regions(context: click.Context, account: str | None, form: str) -> None:
    """Ask the API which regions there are, and which of them each key may list."""
    rows = asyncio.run(ask_regions(settings(context).load(), account))
    columns = [
        Column("account", lambda row: row["account"]),
        Column("region", lambda row: row["region"] or "–"),
        Column("watched", lambda row: "yes" if row["watched"] else "no"),
        Column(
            "usable",
            lambda row: "yes" if row["usable"] else "no",
            lambda row: "" if row["usable"] else "yellow",
        ),
        Column("", lambda row: row["error"] or ""),
    ]
    emit(form, rows, columns, KEYS)
    context.exit(FAILED if any(row["region"] is None for row in rows) else 0)


async def ask_regions(config: Any, account: str | None = None) -> list[Mapping[str, Any]]:
    """A row for each region of each account; one without a region where the API does not say."""
    from syncd.assembly import Observers, build_accounts

    accounts = build_accounts(config, Observers())
    try:
        chosen = [one for name, one in accounts.items() if account in (None, name)]
        found = await asyncio.gather(*map(_of_account, chosen))
    finally:
        await asyncio.gather(*(one.cloud.aclose() for one in accounts.values()))
    return [row for rows in found for row in rows]


async def _of_account(account: Any) -> list[Mapping[str, Any]]:
    from syncd.errors import ApiError

    try:
        named = await account.cloud.regions()
    except ApiError as error:
        return [_row(account, None, False, error.message)]
    asked = dict.fromkeys((*named, *(account.regions or ())))
    errors = await asyncio.gather(*(_refusal(account, region) for region in asked))
    return [_row(account, region, not error, error) for region, error in zip(asked, errors, strict=True)]


async def _refusal(account: Any, region: str) -> str:
    from syncd.errors import ApiError

    try:
        await account.cloud.probe(region)
    except ApiError as error:
        return error.message
    return ""


def _row(account: Any, region: str | None, usable: bool, error: str) -> Mapping[str, Any]:
    watched = account.regions is None or region in account.regions
    return {
        "account": account.name, "region": region, "watched": watched and region is not None, "usable": usable,
        "error": error or None,
    }  # fmt: skip
