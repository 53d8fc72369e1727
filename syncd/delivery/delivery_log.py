"""What the log says of a sink: trouble once, when it lasts, and its end."""

from __future__ import annotations

import traceback

import structlog

from syncd.delivery.settlement import Settlement
from syncd.errors import DatabaseError

log = structlog.get_logger()

LOUD_AFTER = 3
"""Failures of the receiver in a row from which on the log mentions them."""


class Logbook:
    def __init__(self, sink: str) -> None:
        self._sink = sink
        self._database_failed = False

    def settled(self, made: Settlement) -> None:
        before, after = made.before, made.state
        if after.state == "ok" and before.failures >= LOUD_AFTER:
            log.info("sink_recovered", sink=after.name)
        if after.state == "backing_off" and after.failures == LOUD_AFTER and before.failures < LOUD_AFTER:
            log.warning("sink_backing_off", sink=after.name, error=after.last_error)
        if after.state == "disabled" != before.state:
            log.warning("sink_disabled", sink=after.name, error=after.last_error)
        for _, outcome in made.outcomes:
            if outcome.state == "dead":
                log.warning("delivery_dead", sink=self._sink, seq=outcome.seq, error=outcome.error)

    def surprised(self, error: Exception) -> None:
        """Where it was raised, for whoever mends it; its own text may hold a URL."""
        where = "".join(traceback.format_tb(error.__traceback__))
        log.debug("send_failed", sink=self._sink, error=type(error).__name__, traceback=where)

    def database(self, error: DatabaseError | None = None) -> None:
        """Why outcomes could not be written; None: they could."""
        if error is not None and not self._database_failed:
            log.error("outcomes_not_written", sink=self._sink, error=error.message, hint=error.hint)
        elif error is None and self._database_failed:
            log.info("outcomes_written", sink=self._sink)
        self._database_failed = error is not None
