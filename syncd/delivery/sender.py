"""Chooses what one sink gets next, and sends it: several images' events at once, each image's events in order."""

from __future__ import annotations

import asyncio
from datetime import datetime

from syncd.delivery import sink_events
from syncd.delivery.queue import Entry
from syncd.delivery.results import MAX_UNWRITTEN, SentMessage
from syncd.delivery.worker_parts import WorkerParts
from syncd.errors import DatabaseError, DatabaseLocked, DatabaseUnwritable
from syncd.sinks.sink import Delivered, Item, ReceiverTrouble, SendResult
from syncd.store.deliveries import SinkRecord

MAX_IN_FLIGHT = 8
"""How many messages may be under way to one sink at once."""

STOP_GRACE = 3.0
"""Seconds that messages under way are given to finish when everything stops."""

STUCK_AFTER = 15 * 60.0
"""Seconds after which a message that is still under way means that something is wrong."""


class Sender:
    """``gathers`` says whether digests wait for more events."""

    def __init__(self, parts: WorkerParts, *, gathers: bool) -> None:
        self.is_stopping = False
        self.read_error: DatabaseError | None = None
        """Why an event could not be read that was to be sent. Nothing is sent until `retry_reading`."""
        self.crash: BaseException | None = None
        """An error of syncd's own that ended a send."""
        self._parts = parts
        self._gathers = gathers
        self._sends: dict[asyncio.Task[None], float] = {}
        """The lanes, with the time at which each one's message was begun."""
        self._lanes = 1
        """How many messages may be under way. It grows with each success, so that a receiver that is just back is
        not flooded."""
        self._failures = 0
        """How often the receiver failed. A success of what was sent before the last failure proves nothing."""

    @property
    def is_idle(self) -> bool:
        return not self._sends

    @property
    def is_stuck(self) -> bool:
        """Whether a message has been under way for so long that something is wrong with syncd."""
        now = self._parts.clock.monotonic()
        return any(now - begun_at > STUCK_AFTER for begun_at in self._sends.values())

    def launch(self) -> None:
        """Send as much as may go now."""
        if self._may_send_events():
            self._fill_lanes()
        elif self._may_send_one_message():
            if self._record.state == "ok":
                self._open_lane(self._digest(gathers=self._gathers))
            elif self._parts.backoff.is_over:
                self._open_lane(self._probe())

    def retry_reading(self) -> None:
        self.read_error = None

    async def stop(self) -> None:
        """Send nothing more. What is under way is given a moment, and then cancelled."""
        self.is_stopping = True
        if self._sends:
            await asyncio.wait(self._sends, timeout=STOP_GRACE)
        for task in list(self._sends):
            task.cancel()
        if self._sends:
            await asyncio.wait(self._sends)

    @property
    def _record(self) -> SinkRecord:
        return self._parts.state.record

    # what may be sent

    def _may_send(self) -> bool:
        return not self.is_stopping and self.read_error is None

    def _may_send_events(self) -> bool:
        """Whether single events may go, several at once."""
        healthy = self._record.state == "ok" and not self._parts.results.has_failure
        return (
            healthy
            and self._may_send()
            and not self._parts.sink.group_wait
            and len(self._parts.results) < MAX_UNWRITTEN
        )

    def _may_send_one_message(self) -> bool:
        """A digest or a probe may go, but only if nothing is under way, and all results are written."""
        free = self.is_idle and not self._parts.results and self._may_send()
        goes_alone = self._parts.sink.group_wait or self._record.state == "backing_off"
        return bool(free and goes_alone and self._record.state != "disabled")

    def _next_event(self) -> Entry | None:
        """The next event. If its body is not in memory yet, the worker is woken to load it."""
        # The first message after an absence says since when the receiver was away, so it goes by itself.
        if self._record.away_since is not None and (self._sends or self._parts.results):
            return None
        entry = self._parts.backlog.take(self._parts.clock.now())
        if self._parts.backlog.lacks_body:
            self._parts.wakeup.wake()
        return entry

    def _probe(self) -> list[Entry]:
        """What a receiver that is away is tried with: a digest as always, otherwise the image tried least recently."""
        if self._parts.sink.group_wait and not self._parts.digests.probes_alone:
            return self._digest(gathers=False)
        entry = self._parts.queue.take(self._parts.clock.now())
        return [entry] if entry else []

    def _digest(self, gathers: bool) -> list[Entry]:
        return self._parts.digests.next(
            self._parts.clock.now(), self._parts.clock.monotonic(), gathers=gathers
        )

    # sending it

    def _fill_lanes(self) -> None:
        while len(self._sends) < self._lanes and (entry := self._next_event()) is not None:
            self._open_lane([entry])

    def _open_lane(self, entries: list[Entry]) -> None:
        if entries:
            task = asyncio.create_task(self._lane(entries), name=f"send to {self._parts.sink.name}")
            self._sends[task] = self._parts.clock.monotonic()
            task.add_done_callback(self._lane_ended)

    async def _lane(self, entries: list[Entry]) -> None:
        """Send a message, and then one event after another as long as nothing speaks against it."""
        task = asyncio.current_task()
        assert task is not None
        while entries:
            self._sends[task] = self._parts.clock.monotonic()
            try:
                items = await self._items(entries)
            except (DatabaseUnwritable, DatabaseLocked) as error:
                self.read_error = error
                for entry in entries:
                    self._parts.queue.put_back(entry)
                return
            await self._attempt(entries, items, self._failures)
            entries = self._next_for_lane()

    async def _items(self, entries: list[Entry]) -> list[Item]:
        backlog = self._parts.backlog
        return await (backlog.digest_items if self._parts.sink.group_wait else backlog.items)(entries)

    def _next_for_lane(self) -> list[Entry]:
        """What a lane sends next. If there is room for more lanes, these are opened first."""
        if not self._may_send_events():
            return []
        self._fill_lanes()
        entry = self._next_event() if len(self._sends) <= self._lanes else None
        return [entry] if entry else []

    def _lane_ended(self, task: asyncio.Task[None]) -> None:
        del self._sends[task]
        if not task.cancelled():
            self.crash = self.crash or task.exception()
            if self.crash is None:
                self.launch()
        self._parts.wakeup.wake()
        if not self._sends:
            self._parts.results.end_gathering()

    async def _attempt(self, entries: list[Entry], items: list[Item], failures_before: int) -> None:
        try:
            result = await self._parts.sink.send(items, self._away_since()) if items else Delivered()
        except Exception as error:  # noqa: BLE001  # any surprise is receiver trouble; its text may hold a URL
            self._parts.log.unexpected(error)
            result = ReceiverTrouble(f"unexpected {type(error).__name__}")
        self._take_result(entries, result, is_current=failures_before == self._failures)

    def _take_result(self, entries: list[Entry], result: SendResult, is_current: bool) -> None:
        shown = [entry for entry in entries if entry.seq not in result.left]
        left = [entry for entry in entries if entry.seq in result.left]
        self._parts.results.add(SentMessage(shown, result, is_current, left))
        if isinstance(result, ReceiverTrouble):
            self._failures += is_current
            self._lanes = 1
        else:
            self._lanes = min(MAX_IN_FLIGHT, self._lanes * 2)
        self._parts.wakeup.wake()

    def _away_since(self) -> datetime | None:
        record = self._record
        if record.away_since is None or not sink_events.is_away_for_long(record, self._parts.clock.now()):
            return None
        return record.away_since
