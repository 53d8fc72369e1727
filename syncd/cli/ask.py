"""Having something done: by the running daemon, or with the lock in our own hand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from syncd.cli.context import Settings
from syncd.errors import SyncdError

if TYPE_CHECKING:
    from syncd.config import Config
    from syncd.daemon.assembly import Parts
    from syncd.daemon.operations import Result
    from syncd.store.requests import RequestKind
    from syncd.sync.report import SyncReport

Progress = Callable[["SyncReport"], object]
Afterwards = Callable[["Parts"], Awaitable[object]]


class RefusedError(SyncdError):
    """What was asked for could not be done; the answer says why, and with which exit code to end."""

    def __init__(self, result: Result) -> None:
        super().__init__(str(result.answer["error"]), str(result.answer.get("hint") or ""))
        self.exit_code = result.exit_code


def ask(
    chosen: Settings,
    kind: RequestKind,
    args: Mapping[str, Any],
    *,
    progress: Progress = lambda _: None,
    afterwards: Afterwards | None = None,
) -> Result:
    """The result; ``progress`` and ``afterwards`` count only where no daemon does it.

    A daemon has its secrets, and is asked without them. Raises RefusedError, ConfigError and the DatabaseError tree.
    """
    from syncd.daemon import logs
    from syncd.daemon.operations import Result
    from syncd.store.daemon_call import call_daemon
    from syncd.store.requests import Answered

    config = chosen.load_quickly()
    logs.configure(chosen.log_level or "error", config.log.format)
    given = {name: value for name, value in args.items() if value is not None}
    reached = call_daemon(config.database.path, kind, given, group_readable=config.database.group_readable)
    if isinstance(reached, Answered):
        result = Result(reached.exit_code, reached.answer)
    else:
        with reached.lock:
            result = asyncio.run(_alone(chosen.load(), kind, given, progress, afterwards))
    if "error" in result.answer:
        raise RefusedError(result)
    return result


async def _alone(
    config: Config,
    kind: RequestKind,
    args: Mapping[str, Any],
    progress: Progress,
    afterwards: Afterwards | None,
) -> Result:
    from syncd.daemon.assembly import Observers, SystemClock, assemble
    from syncd.daemon.operations import perform

    async with assemble(config, SystemClock(), Observers()) as parts:
        result = await perform(parts, kind, args, progress)
        if afterwards is not None:
            await afterwards(parts)
    return result
