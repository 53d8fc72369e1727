"""`syncd run`: the daemon in the foreground."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import replace
from typing import Any

import click
import structlog

from syncd.cli.options import settings
from syncd.config import Config
from syncd.daemon import logs
from syncd.daemon.assembly import SystemClock
from syncd.daemon.daemon import Daemon
from syncd.daemon.event_loop import Loop
from syncd.daemon.systemd import Notifier
from syncd.errors import SyncdError

log = structlog.get_logger()


@click.command(
    epilog="""\b
Example:
  syncd run --config /etc/syncd/config.toml

\b
Signals: SIGHUP reloads the configuration; SIGTERM and SIGINT stop the daemon,
a second one at once."""
)
@click.pass_context
def run(context: click.Context) -> None:
    """Watch every account and region on the schedule, and deliver what changes."""
    chosen = settings(context)

    def load() -> Config:
        """The level that the command line asks for goes before the file's, after a reload too."""
        found = chosen.load()
        if chosen.log_level is None:
            return found
        level: Any = chosen.log_level  # click gave one of the levels
        return replace(found, log=replace(found.log, level=level))

    config = load()
    logs.configure(config.log.level, config.log.format)

    async def work() -> None:
        # What was loaded until then lives as long as the process; scanning it again and again costs a sync 30 ms.
        daemon = Daemon(config, SystemClock(), load=load, notifier=Notifier(), ready=gc.freeze)
        daemon.handle_signals()
        await daemon.run()

    try:
        with asyncio.Runner(loop_factory=Loop) as runner:
            runner.run(work())
    except BaseExceptionGroup as group:
        raise _cause(group) from group


def _cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What killed a background task: an expected error as it is, anything else named as such."""
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
