"""`syncd doctor`: a line for each thing that must be in place, with its remedy."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from syncd.cli.doctor_checks.finding import CONFIGURATION, Finding, exit_code, failed, ok, warning
from syncd.cli.options import Settings, format_option, settings
from syncd.cli.output import plain
from syncd.errors import ConfigError

if TYPE_CHECKING:
    from syncd.config import Config

MARKS = {"ok": "✓", "warning": "!", "failed": "✗"}
STYLES = {"ok": "green", "warning": "yellow", "failed": "red"}
SHOWN = ("check", "state", "message", "remedy")


@click.command(
    epilog="""\b
Example:
  syncd doctor
  syncd doctor --format json

\b
Exit code: 0 nothing failed, 2 the configuration, 3 the API, a sink or a target,
5 the database."""
)
@format_option("table", "json")
@click.pass_context
def doctor(context: click.Context, form: str) -> None:
    """Check the configuration, keys, clock, regions, file, sinks and the unit; with remedies."""
    found = list(_findings(settings(context)))
    if form == "json":
        rows = [{name: getattr(one, name) for name in SHOWN} for one in found]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        _show(found)
    context.exit(exit_code(found))


def _findings(chosen: Settings) -> Iterator[Finding]:
    try:
        config = chosen.load()
    except ConfigError as error:
        yield from (failed("configuration", str(fault), "", CONFIGURATION) for fault in error.faults)
        # A secret that only the service can read leaves all the rest to look at.
        with suppress(ConfigError):
            yield from _local(chosen, chosen.load_quickly())
        return
    yield ok("configuration", f"{config.source}, accounts: {', '.join(config.accounts)}")
    yield from (warning("configuration", text) for text in config.warnings)
    yield from asyncio.run(_remote(config))
    yield from _local(chosen, config)


async def _remote(config: Config) -> list[Finding]:
    from syncd.cli.doctor_checks.api import of_cloud
    from syncd.cli.doctor_checks.sinks import of_sinks

    found = await asyncio.gather(of_cloud(config), of_sinks(config))
    return [finding for findings in found for finding in findings]


def _local(chosen: Settings, config: Config) -> Iterator[Finding]:
    from syncd.cli.doctor_checks.database import of_file
    from syncd.cli.doctor_checks.service import of_service

    yield from of_file(config)
    yield from of_service(config, chosen.environ)


def _show(found: list[Finding]) -> None:
    """In whole: what is cut off is the remedy."""
    width = max(len(one.check) for one in found)
    for one in found:
        click.secho(f"{MARKS[one.state]} ", fg=STYLES[one.state], nl=False)
        click.echo(f"{plain(one.check):{width}}  {plain(one.message)}")
        if one.remedy:
            click.echo(f"{'':{width + 4}}→ {plain(one.remedy)}")
