"""`syncd doctor`: checks that everything is in place, a line for each check, with a remedy for what is wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from syncd.cli.doctor_checks.finding import Finding, exit_code, failed, ok, warning
from syncd.cli.language import translate
from syncd.cli.options import GlobalOptions, format_option, global_options
from syncd.cli.output import plain
from syncd.cli.table import padded, width_of
from syncd.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from syncd.config import Config

MARKS = {"ok": "✓", "warning": "!", "failed": "✗"}
STYLES = {"ok": "green", "warning": "yellow", "failed": "red"}
KEYS = ("check", "state", "message", "remedy")


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
def doctor(context: click.Context, output_format: str) -> None:
    """Check configuration, keys, clock, regions, database, sinks and service, and say how to fix what is wrong."""
    findings = list(_run_checks(global_options(context)))
    if output_format == "json":
        rows = [{key: getattr(finding, key) for key in KEYS} for finding in findings]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        _print(findings)
    context.exit(exit_code(findings))


def _run_checks(options: GlobalOptions) -> Iterator[Finding]:
    try:
        config = options.load_config()
    except ConfigError as error:
        yield from (failed("configuration", str(fault), "", ExitCode.USAGE) for fault in error.faults)
        # If the fault is a secret that only the service can read, all the rest can still be looked at.
        with suppress(ConfigError):
            yield from _check_machine(options, options.load_config_without_secrets())
        return
    yield ok("configuration", f"{config.source}, accounts: {', '.join(config.accounts)}")
    yield from (warning("configuration", text) for text in config.warnings)
    yield from asyncio.run(_check_network(config))
    yield from _check_machine(options, config)


async def _check_network(config: Config) -> list[Finding]:
    from syncd.cli.doctor_checks.api import check_api
    from syncd.cli.doctor_checks.sinks import check_sinks

    api, sinks = await asyncio.gather(check_api(config), check_sinks(config))
    return [*api, *sinks]


def _check_machine(options: GlobalOptions, config: Config) -> Iterator[Finding]:
    from syncd.cli.doctor_checks.database import check_database
    from syncd.cli.doctor_checks.service import check_service

    yield from check_database(config)
    yield from check_service(config, options.environ)


def _print(findings: list[Finding]) -> None:
    """Print each finding whole: in a table that is cut to the screen, the remedy would be cut off."""
    width = max(width_of(translate(finding.check)) for finding in findings)
    for finding in findings:
        click.secho(f"{MARKS[finding.state]} ", fg=STYLES[finding.state], nl=False)
        check = padded(plain(translate(finding.check)), width)
        click.echo(f"{check}  {plain(_translated(finding))}")
        if finding.remedy:
            click.echo(f"{'':{width + 4}}→ {plain(translate(finding.remedy))}")


def _translated(finding: Finding) -> str:
    """A fault of the configuration is a key, what stands there, and then a sentence."""
    whole = translate(finding.message)
    if finding.check != "configuration" or whole != finding.message:
        return whole
    stands, colon, remedy = finding.message.partition(": ")
    return stands + translate(colon) + translate(remedy)
