"""One sink's deliveries: chooses what goes, sends it, has what came of it settled, waits for the next."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import datetime

from syncd.delivery import sink_events
from syncd.delivery.backlog import Backlog
from syncd.delivery.delivery_log import Logbook
from syncd.delivery.digests import Digests
from syncd.delivery.queue import Entry
from syncd.delivery.results import UNSETTLED, Arrivals
from syncd.delivery.settlement import Arrival, DeliveryRecord, Settlement
from syncd.delivery.sink_state import Change, Standing
from syncd.delivery.wakeup import Alarm, Sleep
from syncd.errors import DatabaseError, DatabaseLocked, DatabaseUnwritable
from syncd.model import Clock, Route
from syncd.sinks.sink import Delivered, Item, ReceiverTrouble, SendResult, Sink
from syncd.store.deliveries import SinkRecord
from syncd.store.engine import Database

IN_FLIGHT = 8
GRACE = 3.0
"""Seconds that sends under way are given when everything stops."""

RETRY_DATABASE = 5.0
"""Seconds until a database that could not be used is tried again: nothing tells when a disk has room."""

STUCK_AFTER = 15 * 60.0
"""Seconds after which a send that has not come back counts as stuck."""

LONGEST_WAIT = 300.0
"""Seconds after which times are looked at again: the clock may have been set."""

JUMP = 3.0
"""Seconds by which the wall clock and the monotonic one part when the former was set (or the machine slept)."""

Record = Callable[[DeliveryRecord], object]


class Worker:
    """``once``: one attempt at what is due, then its end; no waiting for company.

    ``starts_over``: what was refused before is tried at once, since the sink is another one now.
    """

    def __init__(
        self,
        db: Database,
        sink: Sink,
        routes: Callable[[], Sequence[Route]],
        clock: Clock,
        *,
        record: Record = lambda _: None,
        rng: random.Random | None = None,
        sleep: Sleep = asyncio.sleep,
        once: bool = False,
        starts_over: bool = False,
    ) -> None:
        self.sink = sink
        self._clock = clock
        self._record = record
        self._rng = rng or random.Random()
        self._sleep = sleep
        self._once = once
        self._starts_over = starts_over
        self._started = False
        self._offset = self._wall_offset()
        self._backlog = Backlog(db, sink.name)
        self._queue = self._backlog.queue
        self._digests = Digests(self._queue, sink.group_wait)
        self._alarm = Alarm(sleep)
        self._sends: dict[asyncio.Task[None], float] = {}
        self._arrived = Arrivals()
        self._ending = False
        self._delivered = 0
        self._standing = Standing(db, sink.name, routes, clock)
        self._not_before: float | None = None
        self._falls = 0
        """Failures of the receiver so far: what was sent before the last one proves nothing after it."""
        self._lanes = 1
        """How many may be out at once; grows with each success, so that a receiver that is just back is not flooded."""
        self._crash: BaseException | None = None
        self._unread: DatabaseError | None = None
        """Why an event that was to be sent could not be read; nothing is sent until that is tried again."""
        self._logbook = Logbook(sink.name)

    @property
    def _state(self) -> SinkRecord:
        return self._standing.state

    @property
    def stuck(self) -> bool:
        """Whether a send has not come back for so long that something is wrong with syncd."""
        now = self._clock.monotonic()
        return any(now - started > STUCK_AFTER for started in self._sends.values())

    def nudge(self) -> None:
        """Something was committed."""
        self._backlog.is_stale = True
        self._alarm.ring()

    def finish(self) -> None:
        """Send nothing more, settle what is under way, then `run` ends."""
        self._ending = True
        self._alarm.ring()

    async def change(self, how: Change, *, start_over: bool = False) -> None:
        """Set the sink's state from outside; it may be tried at once, with ``start_over`` also what was refused."""
        await self._standing.change(how, start_over=start_over)
        if start_over:
            self._queue.start_over()
        self._not_before = None
        self.nudge()

    async def run(self) -> None:
        try:
            while not (self._ending and not self._sends and not self._arrived):
                try:
                    await self._turn_over()
                    if self._is_done():
                        break
                    if not self._arrived:
                        await self._alarm.wait(self._seconds_to_wait())
                except (DatabaseUnwritable, DatabaseLocked) as error:
                    self._logbook.database(error)
                    await self._sleep(RETRY_DATABASE)
                    self._unread = None
        finally:
            await self._wind_up()

    async def _turn_over(self) -> None:
        """Settle what came back, have the next events at hand, send what may go. What cannot be written is kept."""
        if not self._started:
            await self._start()
        if self._sends and not self._ending:
            await self._arrived.gather()
        await self._mind_clock()
        await self._settle()
        if self._unread is not None:
            raise self._unread
        await self._load()
        self._launch()
        if self._crash is not None:
            raise self._crash
        if not self._sends:
            self._logbook.database()

    async def _start(self) -> None:
        if self._starts_over:
            await self._standing.change(lambda state: (state, []), start_over=True)
        await self._standing.read()
        if self._state.next_attempt_at is not None:
            self._wait_until(self._state.next_attempt_at)
        self._started = True

    async def _mind_clock(self) -> None:
        """No time that a clock wrote which was wrong is waited for."""
        await self._standing.mind_clock()
        offset = self._wall_offset()
        if abs(offset - self._offset) <= JUMP:
            return
        self._offset = offset
        self._queue.mind_clock(self._clock.now())
        if self._not_before is not None and self._state.next_attempt_at is not None:
            self._not_before = min(self._not_before, self._moment_of(self._state.next_attempt_at))

    def _wall_offset(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()

    async def _load(self) -> None:
        """Have at hand what may go next."""
        if self._ending or self._state.state == "disabled":
            return
        await self._backlog.load(self._clock.now())
        if not self.sink.group_wait:
            await self._backlog.fetch(self._clock.now())

    # sending

    def _launch(self) -> None:
        """Send as much as may go now."""
        if self._may_send_events():
            self._fill()
        elif self._may_send_one():
            if self._state.state == "ok":
                self._send(self._digest(patient=not self._once))
            elif self._may_probe():
                self._send(self._probe())

    def _may_send_events(self) -> bool:
        well = self._state.state == "ok" and not self._arrived.has_failure and self._may_send()
        return well and not self.sink.group_wait and len(self._arrived) < UNSETTLED

    def _may_send(self) -> bool:
        return not self._ending and self._unread is None

    def _may_send_one(self) -> bool:
        """A digest, or a probe: only if nothing is out, and all that came back is settled."""
        idle = not self._sends and not self._arrived and self._may_send()
        alone = self.sink.group_wait or self._state.state == "backing_off"
        return bool(idle and alone and self._state.state != "disabled")

    def _fill(self) -> None:
        """Several images at once."""
        while len(self._sends) < self._lanes and (entry := self._next()) is not None:
            self._send([entry])

    def _next(self) -> Entry | None:
        """The next event; one whose body is not at hand yet makes `run` fetch it."""
        if self._state.away_since is not None and (self._sends or self._arrived):
            return None
        entry = self._backlog.take(self._clock.now())
        if self._backlog.lacks_body:
            self._alarm.ring()
        return entry

    def _may_probe(self) -> bool:
        return self._not_before is None or self._clock.monotonic() >= self._not_before

    def _probe(self) -> list[Entry]:
        """While the receiver is away: a digest as always, otherwise the image tried least recently."""
        if self.sink.group_wait and not self._digests.probes_alone:
            return self._digest(patient=False)
        entry = self._queue.take(self._clock.now())
        return [entry] if entry else []

    def _digest(self, patient: bool) -> list[Entry]:
        return self._digests.next(self._clock.now(), self._clock.monotonic(), patient=patient)

    def _send(self, entries: list[Entry]) -> None:
        if entries:
            task = asyncio.create_task(self._lane(entries), name=f"send to {self.sink.name}")
            self._sends[task] = self._clock.monotonic()
            task.add_done_callback(self._lane_ended)

    async def _lane(self, entries: list[Entry]) -> None:
        """Send a message, and then one event after another while nothing speaks against it."""
        task = asyncio.current_task()
        assert task is not None
        while entries:
            self._sends[task] = self._clock.monotonic()
            try:
                items = await self._backlog.items(entries)
            except (DatabaseUnwritable, DatabaseLocked) as error:
                self._unread = error
                for entry in entries:
                    self._queue.back(entry)
                return
            await self._attempt(entries, items, self._falls)
            entries = self._another()

    def _another(self) -> list[Entry]:
        """What a lane that is free may send; more lanes are opened first if there is room."""
        if not self._may_send_events():
            return []
        self._fill()
        entry = self._next() if len(self._sends) <= self._lanes else None
        return [entry] if entry else []

    def _lane_ended(self, task: asyncio.Task[None]) -> None:
        del self._sends[task]
        if not task.cancelled():
            self._crash = self._crash or task.exception()
            if self._crash is None:
                self._launch()
        self._alarm.ring()
        if not self._sends:
            self._arrived.hurry()

    async def _attempt(self, entries: list[Entry], items: list[Item], falls: int) -> None:
        try:
            verdict = await self.sink.send(items, self._away_since()) if items else Delivered()
        except Exception as error:  # noqa: BLE001  # any surprise is trouble; its text may hold a URL
            self._logbook.surprised(error)
            verdict = ReceiverTrouble(f"unexpected {type(error).__name__}")
        self._arrive(entries, verdict, falls)

    def _arrive(self, entries: list[Entry], verdict: SendResult, falls: int) -> None:
        self._arrived.add(Arrival(entries, verdict, current=falls == self._falls))
        if isinstance(verdict, ReceiverTrouble):
            self._falls += falls == self._falls
            self._lanes = 1
        else:
            self._lanes = min(IN_FLIGHT, self._lanes * 2)
        self._alarm.ring()

    def _away_since(self) -> datetime | None:
        since = self._state.away_since
        return since if since and sink_events.away_for_long(self._state, self._clock.now()) else None

    # settling

    async def _settle(self) -> None:
        """Write what came back, in one transaction."""
        if self._arrived:
            await self._written(self._arrived.first())
        elif sink_events.must_say_away(self._state, self._clock.now()):
            await self._standing.say_away()

    async def _written(self, arrived: list[Arrival]) -> None:
        """Written whole and known to be, even if everything stops meanwhile."""
        writing = asyncio.ensure_future(self._write(arrived))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait([writing])
            _ = writing.cancelled() or writing.exception()
            raise

    async def _write(self, arrived: Sequence[Arrival]) -> None:
        def decide(state: SinkRecord) -> Settlement:
            return Settlement(
                state,
                arrived,
                self._clock.now(),
                delivered=self._delivered,
                longest=self.sink.longest_backoff,
                halved=self._digests.is_halved,
                rng=self._rng,
            )

        made = await self._standing.settle(decide)
        self._arrived.settled(len(arrived))
        self._apply(made)

    def _apply(self, made: Settlement) -> None:
        for entry, outcome in made.outcomes:
            self._backlog.follow(entry, outcome, made.delivered)
        for entry in made.untouched:
            self._queue.back(entry)
        self._digests.learn(made, made.delivered - self._delivered, self._clock.monotonic())
        self._delivered = made.delivered
        if made.state.state == "backing_off" and made.state.next_attempt_at is not None:
            self._wait_until(made.state.next_attempt_at)
        self._logbook.settled(made)
        for record in made.records:
            self._record(record)

    def _wait_until(self, due: datetime) -> None:
        self._not_before = self._moment_of(due)

    def _moment_of(self, due: datetime) -> float:
        return self._clock.monotonic() + (due - self._clock.now()).total_seconds()

    # waiting

    def _is_done(self) -> bool:
        if not self._once or self._sends or self._arrived or self._unread is not None:
            return False
        if self._state.state == "disabled" or not (
            self._backlog.is_stale or self._queue.has_ready(self._clock.now())
        ):
            return True
        return self._state.state == "backing_off" and not self._may_probe()

    def _seconds_to_wait(self) -> float | None:
        """Until something may be due by itself; None: until the alarm rings. Never long: clocks jump."""
        if self._state.state == "disabled" or self._ending:
            return None
        if self._sends and (self.sink.group_wait or self._state.state == "backing_off"):
            return None
        now, monotonic = self._clock.now(), self._clock.monotonic()
        waits: list[float] = []
        ready = self._queue.has_ready(now)
        if (due := self._queue.next_due()) is not None:
            waits.append((due - now).total_seconds())
        if self._state.state == "backing_off":
            if ready:
                waits.append((self._not_before or monotonic) - monotonic)
            if sink_events.must_say_away(self._state, now + sink_events.SAID_AFTER):
                waits.append((self._state.since + sink_events.SAID_AFTER - now).total_seconds())
        elif self._digests.gather_until is not None:
            waits.append(self._digests.gather_until - monotonic)
        return min(max(min(waits), 0.0), LONGEST_WAIT) if waits else None

    async def _wind_up(self) -> None:
        """Send nothing more, and save what was earned: a send that came back need not be sent again."""
        self._ending = True
        if self._sends:
            await asyncio.wait(self._sends, timeout=GRACE)
        for task in list(self._sends):
            task.cancel()
        if self._sends:
            await asyncio.wait(self._sends)
        if self._arrived and self._crash is None:
            try:
                await self._written(self._arrived.all())
            except (DatabaseUnwritable, DatabaseLocked) as error:
                self._logbook.database(error)
