"""What the outside may see of a running daemon: its health, its metrics, a heartbeat, systemd's watchdog."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import structlog

from syncd.config import Config, HttpConfig
from syncd.daemon.assembly import Observers
from syncd.daemon.systemd import Notifier
from syncd.errors import DatabaseError, SyncdError
from syncd.model import Clock
from syncd.monitoring import health
from syncd.monitoring.health import Health
from syncd.monitoring.heartbeat import Heartbeat
from syncd.monitoring.snapshot import Snapshot, take_snapshot
from syncd.sync.report import SyncReport
from syncd.web.listener import serving

if TYPE_CHECKING:
    from syncd.monitoring.metrics import Metrics

log = structlog.get_logger()


class Monitor:
    """``config`` and ``reload_error`` give those of the moment."""

    def __init__(
        self,
        config: Callable[[], Config],
        reload_error: Callable[[], str | None],
        clock: Clock,
        observers: Observers,
    ) -> None:
        self._config = config
        self._reload_error = reload_error
        self._clock = clock
        self._seen: int | None = None
        self._looking: asyncio.Task[Snapshot] | None = None
        self._stack = AsyncExitStack()
        self._http: HttpConfig | None = None
        self._metrics: Metrics | None = None
        self._observers = observers

    def sync(self, report: SyncReport) -> None:
        if self._metrics is not None:
            self._metrics.sync(report)

    async def health(self) -> Health:
        """Raises nothing: a file that cannot be read is a reason."""
        try:
            found = await self._found()
        except DatabaseError as error:
            return Health((error.message,))
        return self._judge(found)

    async def metrics(self) -> bytes:
        """Events are counted from the first look on."""
        assert self._metrics is not None
        found = await self._found()
        return self._metrics.expose(found, self._judge(found), self._reload_error(), self._clock.now())

    async def follow(self, http: HttpConfig | None) -> None:
        """Serve there from now on; the same place goes on being served.

        Raises SyncdError if it cannot be; what was served until then still is.
        """
        before = self._http
        if http == before:
            return
        if http is not None and before is not None and http.port == before.port:
            await self._silence()  # a port that is open for one address may not be had for all
        try:
            stack = await self._opened(http)
        except SyncdError:
            await self.follow(before)
            raise
        await self._stack.aclose()
        self._stack, self._http = stack, http

    async def _silence(self) -> None:
        await self._stack.aclose()
        self._stack, self._http = AsyncExitStack(), None

    async def _opened(self, http: HttpConfig | None) -> AsyncExitStack:
        stack = AsyncExitStack()
        if http is not None:
            self._count()
            port = await stack.enter_async_context(serving(http.host, http.port, self.health, self.metrics))
            log.info("listening", host=http.host, port=port)
        return stack

    async def aclose(self) -> None:
        await self._stack.aclose()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])

    def heartbeat(self) -> Heartbeat | None:
        found = self._config().heartbeat
        return Heartbeat(found, self.health) if found else None

    async def _found(self) -> Snapshot:
        """One look at the file at a time; whoever asks meanwhile gets what it finds."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="snapshot")
            self._looking.add_done_callback(_heard)
        return await asyncio.shield(self._looking)

    async def _look(self) -> Snapshot:
        config = self._config()
        found = await asyncio.to_thread(
            take_snapshot, config.database.path, config.accounts, config.sinks, events_after=self._seen
        )
        if self._metrics is not None:
            self._metrics.count(found.events)
            self._seen = found.last_seq
        return found

    def _judge(self, found: Snapshot) -> Health:
        return health.assess(
            found.accounts, found.targets, found.sinks, self._clock.now(), self._reload_error()
        )

    def _count(self) -> None:
        """Prometheus' library is loaded where somebody listens only."""
        if self._metrics is not None:
            return
        from syncd.monitoring import metrics

        self._metrics = metrics.Metrics()
        self._observers.requests.append(self._metrics.request)
        self._observers.deliveries.append(self._metrics.delivery)


def _heard(look: asyncio.Task[Snapshot]) -> None:
    """Nobody may be left who waits for it."""
    if not look.cancelled():
        look.exception()


async def feed_watchdog(notifier: Notifier, is_stuck: Callable[[], bool]) -> None:
    """Tell systemd that syncd lives while its parts make progress; a stuck one is restarted."""
    while True:
        if notifier.watchdog is None:
            await asyncio.Event().wait()
            return
        if not is_stuck():
            notifier.alive()
        await asyncio.sleep(notifier.watchdog.total_seconds())
