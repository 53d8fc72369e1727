"""Has an operation done: by the running daemon, or in this process where none runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from syncd.cli.options import GlobalOptions
from syncd.errors import SyncdError

if TYPE_CHECKING:
    from syncd.compshare.client import RequestRecord
    from syncd.config import Config
    from syncd.daemon.assembly import Parts
    from syncd.daemon.operations import Result
    from syncd.store.requests import RequestKind
    from syncd.sync.report import SyncReport

Progress = Callable[["SyncReport"], object]
Observe = Callable[[str, "RequestRecord"], object]
"""Is told the account and each request to the API."""
Afterwards = Callable[["Parts"], Awaitable[object]]


class OperationRefusedError(SyncdError):
    """The operation could not be done; the answer says why, and with which exit code the command ends."""

    def __init__(self, result: Result) -> None:
        super().__init__(str(result.answer["error"]), str(result.answer.get("hint") or ""))
        self.exit_code = result.exit_code


def run_operation(
    options: GlobalOptions,
    kind: RequestKind,
    args: Mapping[str, Any],
    *,
    progress: Progress = lambda _: None,
    observe: Observe | None = None,
    afterwards: Afterwards | None = None,
) -> Result:
    """Return the result. ``progress``, ``observe`` and ``afterwards`` are called only where no daemon does the work.

    A daemon has read its secrets itself, so it is asked without them.
    Raises OperationRefusedError, ConfigError and the DatabaseError tree.
    """
    from syncd.daemon import logs
    from syncd.daemon.operations import Result
    from syncd.store.daemon_call import call_daemon
    from syncd.store.requests import Answered

    config = options.load_config_without_secrets()
    logs.configure(options.log_level or "error", config.log.format)
    given = {name: value for name, value in args.items() if value is not None}
    reached = call_daemon(config.database.path, kind, given, group_readable=config.database.group_readable)
    if isinstance(reached, Answered):
        result = Result(reached.exit_code, reached.answer)
    else:
        with reached.lock:
            result = asyncio.run(_run_here(options.load_config(), kind, given, progress, observe, afterwards))
    if "error" in result.answer:
        raise OperationRefusedError(result)
    return result


async def _run_here(
    config: Config,
    kind: RequestKind,
    args: Mapping[str, Any],
    progress: Progress,
    observe: Observe | None,
    afterwards: Afterwards | None,
) -> Result:
    from syncd.daemon.assembly import Observers, SystemClock, assemble
    from syncd.daemon.operations import perform

    observers = Observers()
    observers.requests += [observe] if observe else []
    async with assemble(config, SystemClock(), observers) as parts:
        result = await perform(parts, kind, args, progress)
        if afterwards is not None:
            await afterwards(parts)
    return result
