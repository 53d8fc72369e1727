"""One sink's deliveries: chooses what goes, sends it, has what came of it settled, waits for the next."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from syncd.errors import DatabaseLocked, DatabaseUnwritable
from syncd.model import Clock, Draft, Route
from syncd.sinks.queue import Entry, Queue
from syncd.sinks.settlement import SAID_AFTER, Arrival, DeliveryRecord, Settlement, failed
from syncd.sinks.sink import Delivered, Item, ReceiverTrouble, Sink, Verdict
from syncd.store import deliveries, outbox
from syncd.store.deliveries import SinkRecord
from syncd.store.engine import Database, Transaction

log = structlog.get_logger()

IN_FLIGHT = 8
SETTLED_AT_ONCE = 200
WINDOW = 20_000
"""Pending events that are kept in memory, without their bodies."""
FETCHED_AT_ONCE = 256
DIGEST = 5_000
"""Events of one digest."""

GRACE = 3.0
"""Seconds that sends under way are given when everything stops."""

RETRY_DATABASE = 5.0
"""Seconds until outcomes that could not be written are tried again."""

LOUD_AFTER = 3
"""Failures of the receiver in a row from which on the log mentions them."""

STUCK_AFTER = 15 * 60.0
"""Seconds after which a send that has not come back counts as stuck."""


Record = Callable[[DeliveryRecord], object]


class Worker:
    """``once``: one attempt at what is due, then its end; no waiting for company."""

    def __init__(
        self,
        db: Database,
        sink: Sink,
        routes: Callable[[], Sequence[Route]],
        clock: Clock,
        *,
        record: Record = lambda _: None,
        rng: random.Random | None = None,
        once: bool = False,
    ) -> None:
        self.sink = sink
        self._db = db
        self._routes = routes
        self._clock = clock
        self._record = record
        self._rng = rng or random.Random()
        self._once = once
        self._queue = Queue()
        self._cursor = 0
        self._stale = True
        self._wake = asyncio.Event()
        self._sends: dict[asyncio.Task[None], float] = {}
        self._arrived: list[Arrival] = []
        self._singly: set[str] = set()
        self._ending = False
        self._delivered = 0
        self._state = SinkRecord(sink.name, "ok", clock.now())
        self._not_before: float | None = None
        self._gather_until: float | None = None
        self._fallen = False
        """A failure has come back and is not settled yet: nothing else goes."""
        self._probed = False
        self._more = False
        self._bodies: dict[int, tuple[str, bytes] | None] = {}
        self._crash: BaseException | None = None
        self._turn = asyncio.Lock()

    @property
    def stuck(self) -> bool:
        """Whether a send has not come back for so long that something is wrong with syncd."""
        now = self._clock.monotonic()
        return any(now - started > STUCK_AFTER for started in self._sends.values())

    def nudge(self) -> None:
        """Something was committed."""
        self._stale = True
        self._wake.set()

    def finish(self) -> None:
        """Send nothing more, settle what is under way, then `run` ends."""
        self._ending = True
        self._wake.set()

    async def change(self, state: SinkRecord, news: Sequence[Draft] = ()) -> None:
        """Set the sink's state from outside, with what it is to tell."""
        async with self._turn:
            async with self._db.write() as tx:
                await deliveries.save_sink(tx, state)
                await outbox.append(tx, news, self._routes())
            self._state = state
        self._not_before = None
        self.nudge()

    @property
    def state(self) -> SinkRecord:
        return self._state

    async def run(self) -> None:
        try:
            await self._start()
            while not (self._ending and not self._sends):
                await self._settle()
                await self._load()
                await self._fetch()
                self._launch()
                if self._crash is not None:
                    raise self._crash
                if self._is_done():
                    break
                await self._sleep()
            await self._settle()
        except asyncio.CancelledError:
            await self._wind_up()
            raise

    async def read_state(self) -> None:
        async with self._db.read() as tx:
            self._state = await deliveries.read_sink(tx, self.sink.name) or self._state

    async def _start(self) -> None:
        await self.read_state()
        due = self._state.next_attempt_at
        if self._once and due is not None and due > self._clock.now():
            self._ending = True

    async def _load(self) -> None:
        idle = self._ending or self._state.state == "disabled"
        if idle or not (self._stale or self._more) or (room := WINDOW - len(self._queue)) <= 0:
            return
        self._stale = False
        async with self._db.read() as tx:
            rows = await deliveries.pending(tx, self.sink.name, self._cursor, room)
        self._more = len(rows) == room
        if rows:
            self._cursor = rows[-1].seq
            self._queue.add(Entry(row.seq, row.key, row.attempts, row.due) for row in rows)

    async def _fetch(self) -> None:
        """Have the bodies of the next events at hand, many in one query."""
        if self._ending or self.sink.group_wait or self._state.state == "disabled":
            return
        heads = [entry.seq for entry in self._queue.peek(FETCHED_AT_ONCE, self._clock.now())]
        if any(seq not in self._bodies for seq in heads[: 2 * IN_FLIGHT]):
            wanted = [seq for seq in heads if seq not in self._bodies]
            async with self._db.read() as tx:
                found = await deliveries.bodies(tx, wanted)
            self._bodies |= {seq: found.get(seq) for seq in wanted}

    # sending

    def _launch(self) -> None:
        """Send as much as may go now."""
        if self._ending or self._state.state == "disabled" or len(self._arrived) >= SETTLED_AT_ONCE:
            return
        if self._state.state == "backing_off" or self._fallen:
            if not self._sends and not self._arrived and self._may_probe():
                self._send(self._probe())
        elif self.sink.group_wait:
            if not self._sends and not self._arrived:
                self._send(self._message())
        else:
            self._fill()

    def _fill(self) -> None:
        """Several images at once; one whose body is not at hand yet makes `run` fetch it."""
        while len(self._sends) < IN_FLIGHT and (entry := self._queue.take(self._clock.now())) is not None:
            if entry.seq in self._bodies:
                self._send([entry])
            else:
                self._queue.back(entry)
                self._wake.set()
                return

    def _may_probe(self) -> bool:
        if self._once:
            return not self._probed and self._state.state == "backing_off"
        return self._not_before is None or self._clock.monotonic() >= self._not_before

    def _probe(self) -> list[Entry]:
        """While the receiver is away: a digest as always, otherwise the image tried least recently."""
        self._probed = True
        if self.sink.group_wait:
            return self._message(patient=False)
        entry = self._queue.take_oldest_tried(self._clock.now())
        return [entry] if entry else []

    def _message(self, patient: bool = True) -> list[Entry]:
        """The next digest; an image whose digest was refused goes event by event."""
        now = self._clock.now()
        if (entry := self._queue.take_of(self._singly, now)) is not None:
            return [entry]
        if not self._queue.has_ready(now):
            self._gather_until = None
            return []
        if patient and not self._gathered():
            return []
        self._gather_until = None
        return self._queue.take_lines(now, DIGEST, self._singly)

    def _gathered(self) -> bool:
        """Whether company for the first waiting event was waited for long enough."""
        if self._once:
            return True
        now = self._clock.monotonic()
        if self._gather_until is None:
            self._gather_until = now + self.sink.group_wait.total_seconds()
        return now >= self._gather_until

    def _send(self, entries: list[Entry]) -> None:
        if not entries:
            return
        task = asyncio.create_task(self._attempt(entries), name=f"send to {self.sink.name}")
        self._sends[task] = self._clock.monotonic()
        task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        del self._sends[task]
        self._wake.set()
        if not task.cancelled():
            self._crash = self._crash or task.exception()
            if self._crash is None:
                self._launch()

    async def _attempt(self, entries: list[Entry]) -> None:
        try:
            items = await self._items(entries)
            verdict: Verdict = await self.sink.send(items, self._away_since()) if items else Delivered()
        except asyncio.CancelledError:
            raise
        except (DatabaseUnwritable, DatabaseLocked) as error:
            verdict = ReceiverTrouble(error.message)
        except Exception as error:  # its text may hold a URL: only its type is told
            log.debug("send_failed", sink=self.sink.name, exc_info=True)
            verdict = ReceiverTrouble(f"unexpected {type(error).__name__}")
        if isinstance(verdict, ReceiverTrouble):
            self._fallen = True
        self._arrived.append((entries, verdict))

    async def _items(self, entries: list[Entry]) -> list[Item]:
        """An event that was pruned meanwhile is not sent."""
        found = {entry.seq: self._bodies.pop(entry.seq) for entry in entries if entry.seq in self._bodies}
        if len(found) < len(entries):
            async with self._db.read() as tx:
                found |= await deliveries.bodies(tx, [entry.seq for entry in entries])
        return [Item(entry.seq, *what) for entry in entries if (what := found.get(entry.seq)) is not None]

    def _away_since(self) -> datetime | None:
        state = self._state
        away = state.state == "backing_off" and self._clock.now() - state.since > SAID_AFTER
        return state.since if away else None

    # settling

    async def _settle(self) -> None:
        """Write what came back, in one transaction; what cannot be written now is kept and tried again."""
        if self._arrived:
            arrived = self._arrived[:SETTLED_AT_ONCE]
            while not await self._written(arrived):  # noqa: ASYNC110  # nothing tells when a disk has room
                await asyncio.sleep(RETRY_DATABASE)  # nothing tells when a disk has room again
        elif self._must_say_away():
            await self._say_away()

    async def _written(self, arrived: list[Arrival]) -> bool:
        """Written whole and known to be, even if everything stops meanwhile."""
        writing = asyncio.ensure_future(self._write(arrived))
        try:
            written = await asyncio.shield(writing)
        except asyncio.CancelledError:
            if await writing:
                del self._arrived[: len(arrived)]
            raise
        if written:
            del self._arrived[: len(arrived)]
        return written

    async def _write(self, arrived: Sequence[Arrival]) -> bool:
        async with self._turn:
            made = Settlement(
                self._state,
                arrived,
                self._clock.now(),
                delivered=self._delivered,
                longest=self.sink.longest_backoff,
                rng=self._rng,
            )
            try:
                async with self._db.write() as tx:
                    await self._save(tx, made)
            except (DatabaseUnwritable, DatabaseLocked) as error:
                log.error("outcomes_not_written", sink=self.sink.name, error=error.message)
                return False
            self._apply(made)
            return True

    async def _save(self, tx: Transaction, made: Settlement) -> None:
        outcomes = [outcome for _, outcome in made.outcomes]
        await deliveries.settle(tx, self.sink.name, outcomes, self._clock.now())
        dead = made.before.failed_reason == "dead"
        if made.may_be_over and not (dead and await deliveries.has_dead(tx, self.sink.name)):
            made.say_over()
        if made.state != made.before:
            await deliveries.save_sink(tx, made.state)
        await outbox.append(tx, made.news, self._routes())

    def _apply(self, made: Settlement) -> None:
        self._singly |= made.split
        for entry, outcome in made.outcomes:
            if outcome.state != "pending":
                self._queue.done(entry)
            elif outcome.due is not None:
                entry.attempts = outcome.attempts
                self._queue.later(entry, outcome.due)
            else:
                self._queue.back(entry)
        self._singly &= self._queue.keys()
        self._fallen = False
        self._delivered = made.delivered
        if made.state.state == "backing_off" and made.state.next_attempt_at is not None:
            wait = (made.state.next_attempt_at - self._clock.now()).total_seconds()
            self._not_before = self._clock.monotonic() + wait
        self._state = made.state
        self._say(made)

    def _say(self, made: Settlement) -> None:
        before, after = made.before, made.state
        if after.state == "ok" and before.failures >= LOUD_AFTER:
            log.info("sink_recovered", sink=after.name)
        if after.state == "backing_off" and after.failures == LOUD_AFTER and before.failures < LOUD_AFTER:
            log.warning("sink_backing_off", sink=after.name, error=after.last_error)
        if after.state == "disabled" != before.state:
            log.warning("sink_disabled", sink=after.name, error=after.last_error)
        for _, outcome in made.outcomes:
            if outcome.state == "dead":
                log.warning("delivery_dead", sink=self.sink.name, event=outcome.seq, error=outcome.error)
        for record in made.records:
            self._record(record)

    def _must_say_away(self) -> bool:
        state = self._state
        return (
            state.state == "backing_off"
            and state.failed_said_at is None
            and self._clock.now() - state.since >= SAID_AFTER
        )

    async def _say_away(self) -> None:
        now = self._clock.now()
        state = replace(self._state, failed_said_at=now, failed_reason="backing_off")
        await self.change(state, [failed(state, "backing_off", now)])

    # waiting

    def _is_done(self) -> bool:
        if not self._once or self._sends or self._arrived:
            return False
        if self._state.state == "disabled" or not (self._stale or self._queue.has_ready(self._clock.now())):
            return True
        return self._probed and self._state.state == "backing_off"

    async def _sleep(self) -> None:
        if not self._arrived:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._seconds_to_wait()):
                    await self._wake.wait()
        self._wake.clear()

    def _seconds_to_wait(self) -> float | None:
        """Until something may be due by itself; None: until somebody nudges. Never long: clocks jump."""
        if self._sends or self._state.state == "disabled":
            return None
        waits: list[float] = []
        now, monotonic = self._clock.now(), self._clock.monotonic()
        ready = self._queue.has_ready(now)
        if (due := self._queue.next_due()) is not None:
            waits.append((due - now).total_seconds())
        if self._state.state == "backing_off":
            waits += [(self._not_before or monotonic) - monotonic] * ready
            if self._state.failed_said_at is None:
                waits.append((self._state.since + SAID_AFTER - now).total_seconds())
        elif self._gather_until is not None:
            waits.append(self._gather_until - monotonic)
        return min(max(min(waits), 0.0), 300.0) if waits else None

    async def _wind_up(self) -> None:
        """Save what was earned: a send that came back need not be sent again."""
        if self._sends:
            await asyncio.wait(self._sends, timeout=GRACE)
        for task in list(self._sends):
            task.cancel()
        if self._sends:
            await asyncio.wait(self._sends)
        if self._arrived:
            await self._write(self._arrived)
