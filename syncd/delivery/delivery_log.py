"""What the log says of a sink: trouble once, when it lasts, and its end."""

from __future__ import annotations

import traceback

import structlog

from syncd.delivery.settlement import Settlement
from syncd.errors import DatabaseError

log = structlog.get_logger()

LOGGED_AFTER = 3
"""The log mentions a receiver that has failed so many times in a row."""


class DeliveryLog:
    def __init__(self, sink: str) -> None:
        self._sink = sink
        self._database_failed = False

    def settled(self, settlement: Settlement) -> None:
        before, after = settlement.before, settlement.sink
        if after.state == "ok" and before.failures >= LOGGED_AFTER:
            log.info("sink_recovered", sink=after.name)
        if after.state == "backing_off" and after.failures == LOGGED_AFTER and before.failures < LOGGED_AFTER:
            log.warning("sink_backing_off", sink=after.name, error=after.last_error)
        if after.state == "disabled" != before.state:
            log.warning("sink_disabled", sink=after.name, error=after.last_error)
        for _, outcome in settlement.outcomes:
            if outcome.state == "dead":
                log.warning("delivery_dead", sink=self._sink, seq=outcome.seq, error=outcome.error)

    def unexpected(self, error: Exception) -> None:
        """Say where the error was raised, for whoever fixes it. Its own text is left out, since it may hold a URL."""
        frames = "".join(traceback.format_tb(error.__traceback__))
        log.debug("send_failed", sink=self._sink, error=type(error).__name__, traceback=frames)

    def database_failed(self, error: DatabaseError) -> None:
        """Say once why outcomes could not be written."""
        if not self._database_failed:
            log.error("outcomes_not_written", sink=self._sink, error=error.message, hint=error.hint)
        self._database_failed = True

    def database_works(self) -> None:
        if self._database_failed:
            log.info("outcomes_written", sink=self._sink)
        self._database_failed = False
