"""What commands ask for. The daemon does it for them; where none runs, the command does it with the same code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from syncd.daemon.assembly import Parts
from syncd.errors import ExitCode, SyncdError, UsageError
from syncd.model import from_text, to_text
from syncd.store import clock_check, deliveries, pruning, requests, runs
from syncd.store.clock_check import ClockCheck
from syncd.sync.release import release
from syncd.sync.report import SyncReport
from syncd.sync.rounds import sync_round

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Result:
    """``answer`` is what the command that asked prints, as JSON."""

    exit_code: int
    answer: Mapping[str, Any]


Progress = Callable[[SyncReport], object]


async def perform(
    parts: Parts, kind: requests.RequestKind, args: Mapping[str, Any], progress: Progress = lambda _: None
) -> Result:
    """Do what ``kind`` names. An expected failure is an answer too, with ``error`` and ``hint``."""
    try:
        return await _OPERATIONS[kind](parts, args, progress)
    except SyncdError as error:
        return Result(error.exit_code, {"error": error.message, "hint": error.hint})


async def prune_if_due(parts: Parts) -> None:
    """Prune once a day, while the clock is trusted. Call it often: each call notes that the clock was looked at."""
    clock, now = await _look_at_clock(parts), parts.clock.now()
    if clock.is_steady(now) and clock.is_due(now):
        log.info("pruned", **await _prune_now(parts))


async def _look_at_clock(parts: Parts) -> ClockCheck:
    await parts.dispatcher.reconcile()
    async with parts.db.write() as tx:
        return await clock_check.check_clock(tx, parts.config.retention, parts.clock.now())


async def _prune_now(parts: Parts) -> dict[str, int]:
    """Remove what is older than the retention allows. Returns what was removed → how many."""
    retention, now = parts.config.retention, parts.clock.now()
    pruned = await pruning.prune(parts.db, retention, now, parts.dispatcher.announce_expired)
    async with parts.db.write() as tx:
        await runs.prune(tx, now - retention.runs)
        await requests.prune(tx, now - retention.runs)
        await clock_check.note_pruned(tx, now)
    if pruned["skipped"]:
        log.warning(
            "deliveries_skipped",
            count=pruned["skipped"],
            reason="the sink has been gone from the configuration for a day",
        )
    return dict(pruned)


def exit_code(reports: Sequence[SyncReport]) -> ExitCode:
    """FAILED if a target failed or was incomplete, else HELD if rows are held, else OK."""
    if any(report.failure is not None for report in reports):
        return ExitCode.FAILED
    return ExitCode.HELD if any(report.held for report in reports) else ExitCode.OK


def described(report: SyncReport) -> dict[str, Any]:
    """The report of a sync as `syncd sync --format json` prints it."""
    names = (
        "outcome",
        "listed",
        "shared",
        "revoked",
        "status_changed",
        "updated",
        "live",
        "missing",
        "held",
        "error",
    )
    return {"account": report.target.account, "region": report.target.region or None} | {
        name: getattr(report, name) for name in names
    }


async def _sync(parts: Parts, args: Mapping[str, Any], progress: Progress) -> Result:
    reports = await sync_round(parts.syncer, args.get("account"), args.get("region"), progress)
    return Result(exit_code(reports), {"targets": [described(report) for report in reports]})


async def _release(parts: Parts, args: Mapping[str, Any], _: Progress) -> Result:
    released = await release(parts.syncer, args.get("account"), args.get("region"))
    targets = [{**report.target._asdict(), "revoked": report.revoked} for report in released]
    return Result(ExitCode.OK, {"released": targets})


async def _enable(parts: Parts, args: Mapping[str, Any], _: Progress) -> Result:
    await parts.dispatcher.enable(_sink(parts, args))
    return Result(ExitCode.OK, {"sink": args["sink"], "state": "ok"})


async def _disable(parts: Parts, args: Mapping[str, Any], _: Progress) -> Result:
    await parts.dispatcher.disable(_sink(parts, args))
    return Result(ExitCode.OK, {"sink": args["sink"], "state": "disabled"})


async def _replay(parts: Parts, args: Mapping[str, Any], _: Progress) -> Result:
    name = _sink(parts, args)
    revived = await parts.dispatcher.replay(
        name,
        since_seq=args.get("since_seq"),
        since=_moment(args.get("since")),
        until=_moment(args.get("until")),
        event_id=args.get("event"),
        dead=bool(args.get("dead")),
    )
    async with parts.db.read() as tx:
        sink = await deliveries.read_sink(tx, name)
    return Result(ExitCode.OK, {"sink": name, "replayed": revived, "state": sink.state if sink else "ok"})


async def _prune(parts: Parts, _: Mapping[str, Any], __: Progress) -> Result:
    """Prune although it may not be due yet; but not while the clock may be wrong."""
    clock = await _look_at_clock(parts)
    if not clock.is_steady(parts.clock.now()):
        return Result(ExitCode.OK, {"pruned": None, "steady_at": to_text(clock.steady_at)})
    return Result(ExitCode.OK, {"pruned": await _prune_now(parts)})


_OPERATIONS = {
    "sync": _sync,
    "release": _release,
    "enable": _enable,
    "disable": _disable,
    "replay": _replay,
    "prune": _prune,
}


def _sink(parts: Parts, args: Mapping[str, Any]) -> str:
    name = str(args["sink"])
    if name not in parts.config.sinks:
        known = ", ".join(sorted(parts.config.sinks)) or "none"
        raise UsageError(f"sink {name} is not configured", f"sinks: {known}")
    return name


def _moment(text: str | None) -> datetime | None:
    return from_text(text) if text else None
