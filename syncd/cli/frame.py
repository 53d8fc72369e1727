"""The frame around the commands: what every one of them accepts, how each ends, what is said when it fails."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

import click
from click.exceptions import NoArgsIsHelpError

from syncd import __version__
from syncd.cli.context import Settings
from syncd.cli.registry import LazyGroup, shared_options
from syncd.errors import ConfigError, SyncdError

INTERRUPTED = 130
BROKEN_PIPE = 141
"""As a shell shows the end by SIGINT and by SIGPIPE."""

EPILOG = """\b
Example:
  syncd images --status Available
\b
Environment: SYNCD_CONFIG (the configuration file); COMPSHARE_PUBLIC_KEY and
COMPSHARE_PRIVATE_KEY (a key pair, where there is no configuration file).
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
    settings = Settings()
    try:
        code = syncd.main(args, prog_name="syncd", standalone_mode=False, obj=settings)
        sys.stdout.flush()
    except BrokenPipeError:
        _let_go_of_stdout()
        return BROKEN_PIPE
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  # the edge of the process: whatever it is becomes an exit code
        return _failed(error, debug=settings.log_level == "debug")
    return code if isinstance(code, int) else 0


def _failed(error: Exception, *, debug: bool) -> int:
    """Say it in a line or two; the exit code."""
    if debug and not isinstance(error, click.ClickException):
        traceback.print_exception(error)
    for line in _words(error):
        click.echo(line, err=True)
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
        case SyncdError():
            return [f"syncd: {error.message}", *([f"  {error.hint}"] if error.hint else [])]
        case _:
            # Its text is not shown: it was not written for people, and nobody looked for secrets in it.
            return [f"syncd: unexpected {type(error).__name__}; --log-level debug shows where it comes from"]


def _let_go_of_stdout() -> None:
    """Nobody reads any more: what is still buffered must not be tried again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
