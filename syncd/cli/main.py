"""The entry point: runs a command line, says what failed, and gives the exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import TextIO

import click
from click.exceptions import Exit, NoArgsIsHelpError

from syncd import __version__, terminal
from syncd.cli.command_list import ENVIRONMENT, LazyGroup
from syncd.cli.language import choose, translate
from syncd.cli.options import GlobalOptions, global_option_params
from syncd.errors import ConfigError, ExitCode, Fault, SyncdError, trouble_with

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
    params=global_option_params(),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="syncd", message="%(prog)s %(version)s")
def syncd() -> None:
    """Tells you the moment a GPU image is shared with your CompShare account, is taken away, or changes its status."""


def main(args: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    if "_SYNCD_COMPLETE" in os.environ:  # set by the lines of `syncd completion`
        syncd.main(
            prog_name="syncd"
        )  # answers the shell's question what could come next, and ends the process
    options = GlobalOptions()
    try:
        code = _run(list(sys.argv[1:] if args is None else args), options)
        sys.stdout.flush()
    except BrokenPipeError:
        _discard(sys.stdout)
        return ExitCode.BROKEN_PIPE
    except (KeyboardInterrupt, click.Abort):
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001  # the edge of the process: whatever it is becomes an exit code
        return _report(error, debug=options.log_level == "debug")
    return code


def _run(args: list[str], options: GlobalOptions) -> int:
    """Run the command without click's own `main`, which treats a broken pipe and SIGINT in its own way."""
    if choose(os.environ) == "zh":
        _speak_chinese()
    try:
        colours = False if os.environ.get("NO_COLOR") else None  # None: wherever there is a terminal
        with syncd.make_context("syncd", args, obj=options, color=colours) as context:
            syncd.invoke(context)
    except Exit as end:
        return end.exit_code
    return ExitCode.OK


def _speak_chinese() -> None:
    from syncd.cli.help import ChineseHelpFormatter, translate_command

    click.Context.formatter_class = ChineseHelpFormatter
    translate_command(syncd)


def _report(error: Exception, *, debug: bool) -> int:
    """Say on stderr, in a line or two, what failed; return the exit code."""
    if debug and not isinstance(error, click.ClickException):
        traceback.print_exception(error)
    try:
        for line in _error_lines(error):
            click.echo(terminal.escape(line), err=True)  # it may quote what a stranger wrote
    except BrokenPipeError:
        _discard(sys.stderr)
    if isinstance(error, click.ClickException):
        return error.exit_code
    return error.exit_code if isinstance(error, SyncdError) else ExitCode.UNEXPECTED


def _error_lines(error: Exception) -> list[str]:
    match error:
        case NoArgsIsHelpError():
            return [error.format_message()]
        case click.UsageError():
            command = error.ctx.command_path if error.ctx else "syncd"
            see = f"see `{command} --help`"
            return [f"syncd: {translate(error.format_message())}", f"  {translate(see)}"]
        case click.ClickException():
            return [f"syncd: {translate(error.format_message())}"]
        case ConfigError():
            return [f"syncd: {translate(error.message)}", *map(_fault_line, error.faults), *_hint(error)]
        case OSError() if trouble := trouble_with("go on", error):
            return _error_lines(trouble)
        case SyncdError():
            return [f"syncd: {translate(error.message)}", *_hint(error)]
        case _:
            # The text of the error is not shown: it was not written for users, and may hold a secret.
            what = f"unexpected {type(error).__name__}; --log-level debug shows where it comes from"
            return [f"syncd: {translate(what)}"]


def _fault_line(fault: Fault) -> str:
    stands = f" = {translate(fault.value)}" if fault.value else ""
    return f"  {translate(fault.key)}{stands}{translate(': ')}{translate(fault.remedy)}"


def _hint(error: SyncdError) -> list[str]:
    return [f"  {translate(error.hint)}"] if error.hint else []


def _discard(stream: TextIO) -> None:
    """Nobody reads the stream any more, so let Python not try at exit to write what is still buffered."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
