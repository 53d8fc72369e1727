"""Does what commands ask the daemon for. They write requests into the file, and read the answers from it."""

from __future__ import annotations

import asyncio
from contextlib import closing
from functools import partial

import structlog

from syncd.daemon.assembly import Parts
from syncd.daemon.operations import Result, perform
from syncd.daemon.sync_runner import SyncRunner
from syncd.daemon.write_retry import WriteRetry
from syncd.store import requests
from syncd.store.requests import RequestWatch
from syncd.sync.report import SyncReport

log = structlog.get_logger()

LOOK_SECONDS = 1.0
"""Seconds between two looks for requests."""


class RequestServer:
    def __init__(self, parts: Parts, runner: SyncRunner, write_retry: WriteRetry) -> None:
        self._parts = parts
        self._runner = runner
        self._write_retry = write_retry

    async def run(self) -> None:
        """Until it is cancelled, and with it what it is just doing. Requests do not wait for each other."""
        with closing(RequestWatch(self._parts.config.database.path)) as watch:
            async with asyncio.TaskGroup() as group:
                while True:
                    if watch.changed():
                        for request in await self._write_retry.until_written(self._take):
                            group.create_task(self._serve(request), name=f"request {request.kind}")
                    await asyncio.sleep(LOOK_SECONDS)

    async def _take(self) -> list[requests.Request]:
        async with self._parts.db.write() as tx:
            return await requests.take(tx, self._parts.clock.now())

    async def _serve(self, request: requests.Request) -> None:
        reports: list[SyncReport] = []
        log.info("request", kind=request.kind, args=dict(request.args))
        result = await perform(self._parts, request.kind, request.args, reports.append)
        for report in reports:
            await self._runner.pass_on(report)
            self._runner.schedule.follow(report)
        await self._runner.plan()
        await self._write_retry.until_written(partial(self._answer, request, result))

    async def _answer(self, request: requests.Request, result: Result) -> None:
        async with self._parts.db.write() as tx:
            await requests.finish(tx, request.id, result.exit_code, result.answer, self._parts.clock.now())
