"""The commands by name, and how one is loaded when it is called."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from inspect import cleandoc
from pathlib import Path
from typing import Any, NamedTuple

import click

from syncd.cli.options import LEVELS, Settings


class Entry(NamedTuple):
    """Where a command is, and what the list of commands says of it."""

    module: str
    attribute: str
    summary: str


COMMANDS = {
    "run": Entry("syncd.cli.run", "run", "The daemon: watch every account, deliver what changes."),
    "sync": Entry("syncd.cli.sync", "sync", "Sync every target once."),
    "demo": Entry("syncd.cli.demo", "demo", "Show syncd at work on a pretend cloud; no account needed."),
    "images": Entry("syncd.cli.images", "images", "What is shared with you."),
    "image": Entry("syncd.cli.images", "image", "One image in each region, and its history."),
    "events": Entry("syncd.cli.events", "events", "What happened; --follow goes on."),
    "status": Entry("syncd.cli.status", "status", "Is it running, fresh, and does everything arrive?"),
    "runs": Entry("syncd.cli.ledgers", "runs", "The syncs."),
    "deliveries": Entry("syncd.cli.ledgers", "deliveries", "What went to the sinks, what waits."),
    "sinks": Entry("syncd.cli.sinks", "sinks", "The receivers: list, test, enable, disable, replay."),
    "held": Entry("syncd.cli.held", "held", "What the guard keeps back; list or release."),
    "regions": Entry("syncd.cli.regions", "regions", "Ask the API which regions there are."),
    "doctor": Entry("syncd.cli.doctor", "doctor", "Is everything in place? Keys, clock, file, sinks."),
    "config": Entry("syncd.cli.config", "config", "Write, check or show the configuration."),
    "db": Entry("syncd.cli.db", "db", "The database file: upgrade, check, backup, prune."),
    "completion": Entry("syncd.cli.completion", "completion", "Teach a shell to complete."),
}
"""In the order in which they are listed."""


ENVIRONMENT = """\b
Environment: SYNCD_CONFIG (the configuration file, without --config);
COMPSHARE_PUBLIC_KEY and COMPSHARE_PRIVATE_KEY (a key pair, where there is no file)."""
"""Ends the help of each command that does not say itself what it reads."""


class LazyGroup(click.Group):
    """Its commands are those of `COMMANDS`; each gets the options that all of them share."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if (command := self.commands.get(cmd_name)) is None and (entry := COMMANDS.get(cmd_name)) is not None:
            command = getattr(import_module(entry.module), entry.attribute)
            _share(command)
            self.add_command(command, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            close = get_close_matches(args[0], COMMANDS, n=1)
            ctx.fail(f"there is no command {args[0]!r}" + (f"; did you mean {close[0]!r}?" if close else ""))
        return super().resolve_command(ctx, args)


def shared_options() -> list[click.Parameter]:
    """Accepted before a command's name and after it."""
    return [
        click.Option(
            ["--config"],
            type=click.Path(path_type=Path),
            metavar="PATH",
            expose_value=False,
            callback=_remember,
            help="The configuration file.",
        ),
        click.Option(
            ["--log-level"],
            type=click.Choice(LEVELS),
            expose_value=False,
            callback=_remember,
            help="How much is logged; debug also shows tracebacks.",
        ),
    ]


def _remember(context: click.Context, option: click.Parameter, value: Any) -> None:
    if value is not None:
        setattr(context.ensure_object(Settings), str(option.name), value)


def _share(command: click.Command) -> None:
    command.params.extend(shared_options())
    command.context_settings.setdefault("help_option_names", ["-h", "--help"])
    if "Environment" not in (command.epilog or ""):
        command.epilog = f"{cleandoc(command.epilog or '')}\n\n{ENVIRONMENT}"
    if isinstance(command, click.Group):
        for child in command.commands.values():
            _share(child)
