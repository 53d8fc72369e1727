"""`syncd run` as a process: wait for the file, open it, work until somebody says stop, close it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta

import structlog

from syncd.config import Config
from syncd.daemon.assembly import Observers, assemble
from syncd.daemon.lock_wait import lock_when_free
from syncd.daemon.reloader import Loader
from syncd.daemon.service import Service
from syncd.daemon.systemd import Notifier
from syncd.model import Clock

log = structlog.get_logger()

UPGRADE_STEP = timedelta(minutes=2)
"""How much longer each step of a schema's upgrade may take; systemd is told so, and goes on waiting."""


class Daemon:
    """One process on one file.

    ``load`` reads the configuration anew for a reload; ``ready`` is called once it works.
    """

    def __init__(
        self,
        config: Config,
        clock: Clock,
        *,
        load: Loader | None = None,
        notifier: Notifier | None = None,
        observers: Observers | None = None,
        ready: Callable[[], object] = lambda: None,
    ) -> None:
        self._config = config
        self._clock = clock
        self._load = load
        self._notifier = notifier or Notifier({})
        self._observers = observers or Observers()
        self._ready = ready
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()

    async def run(self) -> None:
        """Work until `stop`. While a command works on the file, it waits for that first.

        Raises SyncdError where it cannot start, ExceptionGroup if a background task died.
        """
        async with AsyncExitStack() as stack:
            lock = await lock_when_free(self._config, self._notifier, self._stop)
            if lock is None:
                return
            stack.enter_context(lock)
            parts = await stack.enter_async_context(
                assemble(self._config, self._clock, self._observers, self._ask_for_time)
            )
            service = Service(parts, self._observers, self._notifier, self._load)
            stack.push_async_callback(service.aclose)
            await service.prepare()
            await service.work(self._stop, self._reload, self._ready)

    def stop(self) -> None:
        self._stop.set()

    def reload(self) -> None:
        self._reload.set()

    def handle_signals(self) -> None:
        """SIGTERM and SIGINT stop the daemon, a second one ends the process at once; SIGHUP reloads."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_stop_signal, number)
        loop.add_signal_handler(signal.SIGHUP, self.reload)

    def _on_stop_signal(self, number: int) -> None:
        if self._stop.is_set():
            os._exit(128 + number)
        log.info("stopping", signal=signal.Signals(number).name)
        self.stop()

    def _ask_for_time(self) -> None:
        self._notifier.extend(UPGRADE_STEP)
