"""A real database with a dispatcher, receivers that a test scripts, and a clock that moves when everybody waits."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager, closing, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from syncd.delivery.dispatcher import DeliveryRecord, Dispatcher
from syncd.model import Draft, Route, SinkFilter
from syncd.sinks.sink import Delivered, Item, MessageTrouble, ReceiverTrouble, SendResult, Sink
from syncd.store import migrate, outbox
from syncd.store.engine import Database

START = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
ALL = SinkFilter(events=("*",), scope="region", baseline=True)
Answer = Callable[["FakeSink", Sequence[Item]], SendResult]
DOWN = ReceiverTrouble("HTTP 503")
BAD = MessageTrouble("HTTP 400")


class Clock:
    """Moves when somebody sleeps, once everybody else has had time to do what they do without waiting.

    It stands still while the file is written: how long a disk takes is no matter of its hours.
    """

    def __init__(self) -> None:
        self.at = START
        self.passed = 0.0
        self.stands = False
        """Whoever sleeps then sleeps on: what happens nevertheless happens at once."""
        self.is_written: Callable[[], bool] = lambda: False

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.passed

    async def sleep(self, seconds: float) -> None:
        for _ in range(10):
            await asyncio.sleep(0)
        if self.stands:
            await asyncio.Event().wait()
        while self.is_written():  # noqa: ASYNC110  # the disk's own time is waited for
            await asyncio.sleep(0.001)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.passed += seconds


class FakeSink:
    """``answer(sink, items)`` says what comes of a message; every attempt is remembered and its order checked."""

    def __init__(
        self,
        name: str = "hook",
        answer: Callable[[FakeSink, Sequence[Item]], SendResult] = lambda *_: Delivered(),
        *,
        group_wait: float = 0.0,
        clock: Clock | None = None,
    ) -> None:
        self.name = name
        self.group_wait = timedelta(seconds=group_wait)
        self.longest_backoff = timedelta(minutes=10) if group_wait else timedelta(hours=1)
        self.answer = answer
        self.attempts: list[list[int]] = []
        self.times: list[datetime] = []
        self.away: list[datetime | None] = []
        self.taken: list[int] = []
        self.last_taken_at = START
        self.ids: dict[int, str] = {}
        self.faults: list[str] = []
        self.is_dead: Callable[[int], bool] = lambda _: False
        self.depths: list[int] = []
        """How many messages were out at each attempt."""
        self.closed = False
        self._clock = clock
        self._out: set[str] = set()
        self._messages = 0
        self._waiting: dict[str, set[int]] = {}
        self._attempted = asyncio.Condition()

    async def send(self, items: Sequence[Item], away_since: datetime | None = None) -> SendResult:
        keys = {key_of(item) for item in items}
        self._check(keys, items)
        self.attempts.append([item.seq for item in items])
        self.away.append(away_since)
        if self._clock:
            self.times.append(self._clock.now())
        self._out |= keys
        self._messages += 1
        self.depths.append(self._messages)
        try:
            await asyncio.sleep(0)
            result = self.answer(self, items)
        finally:
            self._out -= keys
            self._messages -= 1
            async with self._attempted:
                self._attempted.notify_all()
        if isinstance(result, Delivered):
            self.taken += [item.seq for item in items]
            self.last_taken_at = self._clock.now() if self._clock else START
            for item in items:
                self._waiting[key_of(item)].discard(item.seq)
        return result

    def _check(self, keys: set[str], items: Sequence[Item]) -> None:
        """At most one message of a key at a time, none while an earlier event of the key waits, each under one id.

        What the dispatcher would take for the receiver's trouble if it were raised.
        """
        if keys & self._out:
            self.faults.append(f"two of {keys & self._out} at once")
        numbers = [item.seq for item in items]
        if numbers != sorted(set(numbers)):
            self.faults.append(f"not in order: {numbers}")
        for item in items:
            key = key_of(item)
            waiting = [seq for seq in self._waiting.get(key, ()) if seq < item.seq and seq not in numbers]
            if waiting and not all(self.is_dead(seq) for seq in waiting):
                self.faults.append(f"{key}: {item.seq} while {waiting} wait")
            if self.ids.setdefault(item.seq, item.event_id) != item.event_id:
                self.faults.append(f"{item.seq} under two ids")
            self._waiting.setdefault(key, set()).add(item.seq)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with self._attempted:
            await self._attempted.wait_for(condition)

    async def aclose(self) -> None:
        self.closed = True


def key_of(item: Item) -> str:
    body = json.loads(item.body)
    return f"{body['data'].get('account')}/{body.get('subject')}"


def drafts(*images: int | str, account: str = "lab", at: datetime = START) -> list[Draft]:
    """An image.updated for each."""
    return [
        Draft(
            "image.updated", at, {"account": account, "image": {"image_id": f"i-{image}", "name": f"n{image}"}},
            account, "cn-a", f"i-{image}", "account", names=(f"n{image}",),
        )
        for image in images
    ]  # fmt: skip


class Harness:
    """The database, the clock and the sinks, with a dispatcher that can be killed and started again."""

    def __init__(self, path: Path, db: Database, clock: Clock) -> None:
        self.path = path
        self.db = db
        self.clock = clock
        self.rng = random.Random(7)
        self.sinks: list[Sink] = []
        self.routes: list[Route] = []
        self.records: list[DeliveryRecord] = []
        self.dispatcher: Dispatcher
        self.task: asyncio.Task[None] | None = None
        self._seen: list[FakeSink] = []

    async def configure(self, *sinks: Sink, wants: SinkFilter = ALL) -> None:
        """A dispatcher for these sinks, not running yet."""
        self.sinks = list(sinks)
        for sink in sinks:
            if isinstance(sink, FakeSink):
                sink.is_dead = partial(self.is_dead, sink.name)
                self._seen.append(sink)
        self.routes = [Route(sink.name, wants) for sink in sinks]
        self.dispatcher = Dispatcher(
            self.db,
            self.sinks,
            routes=self.routes,
            clock=self.clock,
            record=self.records.append,
            rng=self.rng,
            sleep=self.clock.sleep,
        )
        await self.dispatcher.reconcile()

    async def append(self, events: Iterable[Draft]) -> list[int]:
        async with self.db.write() as tx:
            return await outbox.append(tx, list(events), self.routes)

    def start(self) -> None:
        self.task = asyncio.create_task(self.dispatcher.run())

    async def stop(self) -> None:
        """End `run` as a stop does; what was earned is saved."""
        if self.task is not None:
            self.task.cancel()
            task, self.task = self.task, None
            with suppress(asyncio.CancelledError):
                await task

    async def settled(self, sink: str = "hook", *, left: int = 0) -> None:
        """Until so few deliveries of the sink wait, as the database says."""
        await self.reached(lambda: self.count(sink, "pending") <= left)

    async def reached(self, condition: Callable[[], bool]) -> None:
        """Until it holds after a commit; fails if the dispatcher dies, or does not get there in 20 seconds."""
        changed = asyncio.Event()
        self.db.on_commit(changed.set)
        async with asyncio.timeout(20):
            while not condition():
                await self._or_death(changed.wait())
                changed.clear()

    async def _or_death(self, work: Coroutine[Any, Any, Any]) -> None:
        both = {asyncio.ensure_future(work)} | ({self.task} if self.task else set())
        done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if self.task in done:
            self.task.result()

    def rows(self, sql: str, *params: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as db:
            return db.execute(sql, params).fetchall()

    def count(self, sink: str, state: str) -> int:
        return int(
            self.rows("SELECT COUNT(*) FROM deliveries WHERE sink = ? AND state = ?", sink, state)[0][0]
        )

    def is_dead(self, sink: str, seq: int) -> bool:
        return bool(self.delivery(seq, "state", sink) == ("dead",))

    def check(self) -> None:
        assert [fault for sink in self._seen for fault in sink.faults] == []

    def sink(self, columns: str, name: str = "hook") -> tuple[Any, ...]:
        return self.rows(f"SELECT {columns} FROM sinks WHERE name = ?", name)[0]

    def delivery(self, seq: int, columns: str = "state, attempts", sink: str = "hook") -> tuple[Any, ...]:
        return self.rows(f"SELECT {columns} FROM deliveries WHERE event_seq = ? AND sink = ?", seq, sink)[0]

    def news(self) -> list[dict[str, Any]]:
        """The data of sink.* events, with their type."""
        rows = self.rows("SELECT type, body FROM events WHERE type LIKE 'sink.%' ORDER BY seq")
        return [{"type": kind, **json.loads(body)["data"]} for kind, body in rows]


@asynccontextmanager
async def harness_at(path: Path) -> AsyncIterator[Harness]:
    await migrate.upgrade(path)
    db = await Database.open(path)
    harness = Harness(path, db, Clock())
    harness.clock.is_written = db._turn.locked
    try:
        yield harness
        harness.check()
    finally:
        await harness.stop()
        await db.close()


def down_until(harness: Harness, hours: float) -> Answer:
    def answer(_: FakeSink, __: Sequence[Item]) -> SendResult:
        return DOWN if harness.clock.now() < START + timedelta(hours=hours) else Delivered()

    return answer


def unless(*bad: int, result: SendResult = BAD) -> Answer:
    """Everything is taken but messages with one of these events."""

    def answer(_: FakeSink, items: Sequence[Item]) -> SendResult:
        return result if any(item.seq in bad for item in items) else Delivered()

    return answer
