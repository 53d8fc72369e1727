"""The frame around the commands: what every one of them accepts, how each ends, what is said when it fails."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import TextIO

import click
from click.exceptions import Exit, NoArgsIsHelpError

from syncd import __version__
from syncd.cli.command_list import ENVIRONMENT, LazyGroup, shared_options
from syncd.cli.options import Settings
from syncd.errors import ConfigError, SyncdError, trouble_with

INTERRUPTED = 130
BROKEN_PIPE = 141
"""As a shell shows the end by SIGINT and by SIGPIPE."""

EPILOG = f"""\
\b
Example:
  syncd images --status Available

{ENVIRONMENT}

\b
Exit code: 0 fine, 1 unexpected, 2 usage or configuration, 3 a target failed or was
incomplete, 4 revocations are held, 5 the database cannot be used."""


@click.group(
    cls=LazyGroup,
    epilog=EPILOG,
    params=shared_options(),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="syncd", message="%(prog)s %(version)s")
def syncd() -> None:
    """Tells you the moment a GPU image is shared with your CompShare account, is taken away, or changes its status."""


def main(args: Sequence[str] | None = None) -> int:
    """Run one command line; the exit code."""
    if "_SYNCD_COMPLETE" in os.environ:  # as `syncd completion` teaches it
        syncd.main(prog_name="syncd")  # a shell asks what could come next; ends the process
    settings = Settings()
    try:
        code = _run(list(sys.argv[1:] if args is None else args), settings)
        sys.stdout.flush()
    except BrokenPipeError:
        _let_go_of(sys.stdout)
        return BROKEN_PIPE
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  # the edge of the process: whatever it is becomes an exit code
        return _failed(error, debug=settings.log_level == "debug")
    return code


def _run(args: list[str], settings: Settings) -> int:
    """Not by click's own `main`, which has other ideas of a broken pipe and of SIGINT."""
    try:
        colours = False if os.environ.get("NO_COLOR") else None  # None: where there is a terminal
        with syncd.make_context("syncd", args, obj=settings, color=colours) as context:
            syncd.invoke(context)
    except Exit as end:
        return end.exit_code
    return 0


def _failed(error: Exception, *, debug: bool) -> int:
    """Say it in a line or two; the exit code."""
    if debug and not isinstance(error, click.ClickException):
        traceback.print_exception(error)
    try:
        for line in _words(error):
            click.echo(line, err=True)
    except BrokenPipeError:
        _let_go_of(sys.stderr)
    if isinstance(error, click.ClickException):
        return error.exit_code
    return error.exit_code if isinstance(error, SyncdError) else 1


def _words(error: Exception) -> list[str]:
    match error:
        case NoArgsIsHelpError():
            return [error.format_message()]
        case click.UsageError():
            command = error.ctx.command_path if error.ctx else "syncd"
            return [f"syncd: {error.format_message()}", f"  see `{command} --help`"]
        case click.ClickException():
            return [f"syncd: {error.format_message()}"]
        case ConfigError():
            return [f"syncd: {error.message}", *(f"  {fault}" for fault in error.faults)]
        case OSError() if trouble := trouble_with("go on", error):
            return _words(trouble)
        case SyncdError():
            return [f"syncd: {error.message}", *([f"  {error.hint}"] if error.hint else [])]
        case _:
            # Its text is not shown: it was not written for people, and nobody looked for secrets in it.
            return [f"syncd: unexpected {type(error).__name__}; --log-level debug shows where it comes from"]


def _let_go_of(stream: TextIO) -> None:
    """Nobody reads any more: what is still buffered must not be tried again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
