"""Having something done: by the running daemon, or with the lock in our own hand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from syncd.cli.context import Settings
from syncd.errors import SyncdError

if TYPE_CHECKING:
    from syncd.assembly import Parts
    from syncd.config import Config
    from syncd.errands import Result
    from syncd.store.requests import Kind
    from syncd.sync.report import SyncReport

Afterwards = Callable[["Parts"], Awaitable[object]]


class AnswerError(SyncdError):
    """What was asked for could not be done; ``exit_code`` is the answer's."""

    def __init__(self, exit_code: int, answer: Mapping[str, Any]) -> None:
        super().__init__(str(answer["error"]), str(answer.get("hint") or ""))
        self.exit_code = exit_code  # type: ignore[misc]  # of this answer, not of the class


def ask(
    chosen: Settings,
    config: Config,
    kind: Kind,
    args: Mapping[str, Any],
    *,
    progress: Callable[[SyncReport], object] = lambda _: None,
    afterwards: Afterwards | None = None,
) -> Result:
    """The result; ``progress`` and ``afterwards`` count only where no daemon does it. Raises AnswerError."""
    from syncd import logs
    from syncd.errands import Result
    from syncd.store.reach import reach
    from syncd.store.requests import Answered

    logs.configure(chosen.log_level or "error", config.log.format)
    given = {name: value for name, value in args.items() if value is not None}
    reached = reach(config.database.path, kind, given, group_readable=config.database.group_readable)
    if isinstance(reached, Answered):
        result = Result(reached.exit_code, reached.answer)
    else:
        with reached.lock:
            result = asyncio.run(_alone(config, kind, given, progress, afterwards))
    if "error" in result.answer:
        raise AnswerError(result.exit_code, result.answer)
    return result


async def _alone(
    config: Config,
    kind: Kind,
    args: Mapping[str, Any],
    progress: Callable[[SyncReport], object],
    afterwards: Afterwards | None,
) -> Result:
    from syncd.assembly import Observers, SystemClock, assemble
    from syncd.errands import perform

    async with assemble(config, SystemClock(), Observers()) as parts:
        result = await perform(parts, kind, args, progress)
        if afterwards is not None:
            await afterwards(parts)
    return result
