"""`syncd run`: the daemon, in the foreground."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import replace
from typing import Any

import click
import structlog

from syncd.cli.options import GlobalOptions, global_options
from syncd.config import Config
from syncd.daemon import logs
from syncd.daemon.assembly import SystemClock
from syncd.daemon.daemon import Daemon
from syncd.daemon.event_loop import EventLoop
from syncd.daemon.systemd import Notifier
from syncd.errors import SyncdError

log = structlog.get_logger()


@click.command(
    epilog="""\b
Example:
  syncd run --config /etc/syncd/config.toml

\b
Signals: SIGHUP reloads the configuration. SIGTERM and SIGINT stop the daemon
cleanly; a second one stops it at once."""
)
@click.pass_context
def run(context: click.Context) -> None:
    """Watch every account and region on the schedule, and deliver what changes."""
    options = global_options(context)
    config = _load(options)
    logs.configure(config.log.level, config.log.format)

    async def work() -> None:
        # What was loaded until "ready" lives as long as the process. Without freezing it, the garbage collector
        # would scan it again and again, which costs a sync 30 ms.
        daemon = Daemon(
            config, SystemClock(), load=lambda: _load(options), notifier=Notifier(), ready=gc.freeze
        )
        daemon.handle_signals()
        await daemon.run()

    try:
        with asyncio.Runner(loop_factory=EventLoop) as runner:
            runner.run(work())
    except BaseExceptionGroup as group:
        raise _cause(group) from group


def _load(options: GlobalOptions) -> Config:
    """The configuration; a log level on the command line goes before the one in the file, after a reload too."""
    config = options.load_config()
    if options.log_level is None:
        return config
    level: Any = options.log_level  # click has made sure that it is one of the levels
    return replace(config, log=replace(config.log, level=level))


def _cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What ended a background task: an expected error as it is, anything else as a fault of syncd."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, SyncdError | KeyboardInterrupt):
        return error
    log.error("task_died", exc_info=error)
    return SyncdError(
        f"a background task died: {type(error).__name__}",
        "this is a fault in syncd: run it with --log-level debug for the traceback, and report it",
    )
