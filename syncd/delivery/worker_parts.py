"""What the worker of one sink shares with its sender and its settler."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from syncd.delivery.backlog import Backlog
from syncd.delivery.backoff_timer import BackoffTimer
from syncd.delivery.delivery_log import DeliveryLog
from syncd.delivery.digests import Digests
from syncd.delivery.results import Results
from syncd.delivery.sink_state import SinkState
from syncd.delivery.wakeup import Sleep, Wakeup
from syncd.model import Clock, Route
from syncd.sinks.sink import Sink
from syncd.store.engine import Database


class WorkerParts:
    def __init__(
        self, db: Database, sink: Sink, routes: Callable[[], Sequence[Route]], clock: Clock, sleep: Sleep
    ) -> None:
        self.sink = sink
        self.clock = clock
        self.state = SinkState(db, sink.name, routes, clock)
        self.backlog = Backlog(db, sink.name)
        self.queue = self.backlog.queue
        self.digests = Digests(self.queue, sink.group_wait)
        self.results = Results()
        """What came of messages, until it is written."""
        self.backoff = BackoffTimer(clock)
        self.wakeup = Wakeup(sleep)
        self.log = DeliveryLog(sink.name)
