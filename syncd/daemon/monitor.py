"""What the outside may see of a running daemon: its health, its metrics, a heartbeat, systemd's watchdog."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING

import structlog

from syncd.config import Config, HeartbeatConfig, HttpConfig
from syncd.daemon.assembly import Observers
from syncd.daemon.systemd import Notifier
from syncd.errors import DatabaseError, SyncdError
from syncd.model import Clock
from syncd.monitoring import health
from syncd.monitoring.health import Health
from syncd.monitoring.heartbeat import Heartbeat
from syncd.monitoring.snapshot import Snapshot, take_snapshot
from syncd.sync.report import SyncReport

if TYPE_CHECKING:
    from syncd.monitoring.metrics import Metrics

log = structlog.get_logger()


class Monitor:
    """``config`` gives the configuration that is in force at the moment."""

    def __init__(self, config: Callable[[], Config], clock: Clock, observers: Observers) -> None:
        self.reload_error: str | None = None
        """Why the last reload failed; None if it did not."""
        self._config = config
        self._clock = clock
        self._observers = observers
        self._counted_up_to: int | None = None
        """The number of the last event that the metrics count; None before the first snapshot."""
        self._snapshot_task: asyncio.Task[Snapshot] | None = None
        self._listener = AsyncExitStack()
        self._http: HttpConfig | None = None
        self._metrics: Metrics | None = None

    def sync(self, report: SyncReport) -> None:
        """Count a sync in the metrics."""
        if self._metrics is not None:
            self._metrics.sync(report)

    async def health(self) -> Health:
        """Raises nothing: a file that cannot be read is a reason to be unhealthy."""
        try:
            snapshot = await self._snapshot()
        except DatabaseError as error:
            return Health((error.message,))
        return self._assess(snapshot)

    async def status_line(self) -> str:
        """One line for `systemctl status`, with what was committed until now. Raises nothing."""
        if self._snapshot_task is not None and not self._snapshot_task.done():
            await asyncio.wait([self._snapshot_task])
        try:
            snapshot = await self._snapshot()
        except DatabaseError as error:
            return f"unhealthy: {error.message}"
        return health.status_line(snapshot.targets, self._assess(snapshot))

    async def metrics(self) -> bytes:
        """The text for Prometheus. Events are counted since the listener began. Raises DatabaseError."""
        assert self._metrics is not None
        snapshot = await self._snapshot()
        return self._metrics.expose(snapshot, self._assess(snapshot), self.reload_error, self._clock.now())

    def heartbeat(self, config: HeartbeatConfig) -> Heartbeat:
        return Heartbeat(config, self.health)

    async def follow(self, http: HttpConfig | None) -> None:
        """Serve HTTP at this address from now on; None: nowhere.

        Raises SyncdError if that address cannot be had; the one before is then served again.
        """
        before = self._http
        if http == before:
            return
        if http is not None and before is not None and http.port == before.port:
            await self._close_listener()  # a port that is open for one address may not be had for all
        try:
            listener = await self._open_listener(http)
        except SyncdError:
            await self.follow(before)
            raise
        await self._listener.aclose()
        self._listener, self._http = listener, http

    async def aclose(self) -> None:
        await self._listener.aclose()
        if self._snapshot_task is not None:
            self._snapshot_task.cancel()
            await asyncio.wait([self._snapshot_task])

    async def _close_listener(self) -> None:
        await self._listener.aclose()
        self._listener, self._http = AsyncExitStack(), None

    async def _open_listener(self, http: HttpConfig | None) -> AsyncExitStack:
        """The server and Prometheus' library cost memory, so they are loaded only where somebody listens."""
        listener = AsyncExitStack()
        if http is not None:
            from syncd.web.listener import serving

            self._begin_metrics()
            with suppress(DatabaseError):
                await self._snapshot()  # from here on events are counted
            port = await listener.enter_async_context(
                serving(http.host, http.port, self.health, self.metrics)
            )
            log.info("listening", host=http.host, port=port)
        return listener

    async def _snapshot(self) -> Snapshot:
        """The file is read once at a time: whoever asks meanwhile gets the same snapshot."""
        if self._snapshot_task is None or self._snapshot_task.done():
            self._snapshot_task = asyncio.create_task(self._take_snapshot(), name="snapshot")
            self._snapshot_task.add_done_callback(_retrieve_error)
        return await asyncio.shield(self._snapshot_task)

    async def _take_snapshot(self) -> Snapshot:
        config = self._config()
        snapshot = await asyncio.to_thread(
            take_snapshot,
            config.database.path,
            config.accounts,
            config.sinks,
            events_after=self._counted_up_to,
        )
        if self._metrics is not None:
            self._metrics.count(snapshot.events)
            self._counted_up_to = snapshot.last_seq
        return snapshot

    def _assess(self, snapshot: Snapshot) -> Health:
        return health.assess(
            snapshot.accounts, snapshot.targets, snapshot.sinks, self._clock.now(), self.reload_error
        )

    def _begin_metrics(self) -> None:
        if self._metrics is not None:
            return
        from syncd.monitoring import metrics

        self._metrics = metrics.Metrics()
        self._observers.requests.append(self._metrics.request)
        self._observers.deliveries.append(self._metrics.delivery)


def _retrieve_error(task: asyncio.Task[Snapshot]) -> None:
    """asyncio logs an error that nobody retrieves, and whoever asked for the snapshot may be gone by now."""
    if not task.cancelled():
        task.exception()


async def feed_watchdog(notifier: Notifier, is_stuck: Callable[[], bool]) -> None:
    """Tell systemd that syncd lives while its parts make progress; systemd restarts it if they do not."""
    while True:
        if notifier.watchdog is None:
            await asyncio.Event().wait()
            return
        if not is_stuck():
            notifier.alive()
        await asyncio.sleep(notifier.watchdog.total_seconds())
