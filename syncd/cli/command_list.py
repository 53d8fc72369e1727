"""The list of commands, and the group that imports a command only when it is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from inspect import cleandoc
from typing import NamedTuple

import click

from syncd.cli.language import speaks_chinese, translate
from syncd.cli.options import COMPLETE_VARIABLE, global_option_params


class CommandEntry(NamedTuple):
    """Where a command stands, and what `syncd --help` says of it."""

    module: str
    attribute: str
    summary: str


COMMANDS = {
    "run": CommandEntry(
        "syncd.cli.run", "run", "Run the daemon: watch every account and deliver what changes."
    ),
    "sync": CommandEntry("syncd.cli.sync", "sync", "Sync every target once and end; made for cron."),
    "demo": CommandEntry(
        "syncd.cli.demo", "demo", "Show syncd at work on a pretend cloud; no account is needed."
    ),
    "images": CommandEntry("syncd.cli.images", "images", "List the images that are shared with you."),
    "image": CommandEntry("syncd.cli.images", "image", "Show one image in each region, and its history."),
    "events": CommandEntry(
        "syncd.cli.events", "events", "List what happened; --follow goes on as it happens."
    ),
    "status": CommandEntry(
        "syncd.cli.status", "status", "Show whether syncd runs, is up to date and delivers."
    ),
    "runs": CommandEntry("syncd.cli.runs", "runs", "List the syncs and what each of them found."),
    "deliveries": CommandEntry(
        "syncd.cli.deliveries", "deliveries", "List what was sent, what waits, what was given up."
    ),
    "sinks": CommandEntry(
        "syncd.cli.sinks", "sinks", "Manage the sinks: list, test, enable, disable, replay."
    ),
    "held": CommandEntry("syncd.cli.held", "held", "List or release the revocations that the guard holds."),
    "regions": CommandEntry("syncd.cli.regions", "regions", "Ask the API which regions there are."),
    "doctor": CommandEntry(
        "syncd.cli.doctor", "doctor", "Check keys, clock, database, sinks and the service."
    ),
    "config": CommandEntry("syncd.cli.config", "config", "Write, check or show the configuration."),
    "db": CommandEntry("syncd.cli.db", "db", "Manage the database: upgrade, check, backup, prune."),
    "completion": CommandEntry(
        "syncd.cli.completion", "completion", "Set up completion of commands in your shell."
    ),
}
"""In the order in which `syncd --help` lists them."""

ENVIRONMENT = """\b
Environment: SYNCD_CONFIG (the configuration file, without --config);
COMPSHARE_PUBLIC_KEY and COMPSHARE_PRIVATE_KEY (a key pair, where there is no file)."""
"""Stands at the end of the help of each command whose help does not name its environment itself."""


class LazyGroup(click.Group):
    """A group whose commands are those of `COMMANDS`; each of them gets the global options too."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if (command := self.commands.get(cmd_name)) is None and (entry := COMMANDS.get(cmd_name)) is not None:
            with _no_rich():
                command = getattr(import_module(entry.module), entry.attribute)
            _add_global_options(command)
            if speaks_chinese():
                from syncd.cli.help import translate_command

                translate_command(command)
            self.add_command(command, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, translate(entry.summary)) for name, entry in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            close = get_close_matches(args[0], COMMANDS, n=1)
            ctx.fail(f"there is no command {args[0]!r}" + (f"; did you mean {close[0]!r}?" if close else ""))
        return super().resolve_command(ctx, args)


@contextmanager
def _no_rich() -> Iterator[None]:
    """Commands import rich where they need it. structlog would import it for tracebacks that syncd never shows, which
    costs a daemon 5 MB.
    """
    if "rich" in sys.modules:
        yield
        return
    sys.modules["rich"] = None  # type: ignore[assignment]  # lets an import fail, as Python's reference says
    try:
        yield
    finally:
        del sys.modules["rich"]


def _add_global_options(command: click.Command) -> None:
    command.params.extend(global_option_params())
    if COMPLETE_VARIABLE in os.environ:
        from syncd.cli.known_values import complete_values

        complete_values(command)
    command.context_settings.setdefault("help_option_names", ["-h", "--help"])
    if "Environment" not in (command.epilog or ""):
        command.epilog = f"{cleandoc(command.epilog or '')}\n\n{ENVIRONMENT}"
    if isinstance(command, click.Group):
        for child in command.commands.values():
            _add_global_options(child)
