"""The power goes at any moment: what left the machine is in the file, and nothing is said under its number again.

Everything runs in this process with SQLite's own writes and syncs recorded; then every moment is laid out as a disk may
be found after it, and opened by the product.
"""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, closing, suppress
from datetime import datetime
from pathlib import Path

import pytest

from syncd.config import RetentionConfig
from syncd.delivery.dispatcher import Dispatcher
from syncd.model import Route, SinkFilter
from syncd.sinks.sink import Delivered, Item, MessageTrouble, ReceiverTrouble, SendResult
from syncd.store import files, migrate, outbox, pruning
from syncd.store.backup import back_up
from syncd.store.check import check_file
from syncd.store.engine import Database
from syncd.sync.release import release
from syncd.sync.settings import Settings
from tests.delivery.harness import FakeSink, drafts, harness_at
from tests.faults.power import Kept, Lost, Mark, Op, Recorder, Sync, Torn, library, moments
from tests.sync.rig import Rig, rig_at

pytestmark = [
    pytest.mark.skipif(
        library() is None, reason="this Python's SQLite is built in: its writes cannot be seen"
    ),
    pytest.mark.timeout(600),
]

ALL = SinkFilter(events=("*",), scope="region", baseline=True)
ROUTES = (Route("hook", ALL), Route("log", ALL))
REGIONS = ("cn-a", "cn-b")
MEMORY = Path("/dev/shm")
"""Where what is found after a cut is opened, since a real disk would be waited for at each."""


class Watched(FakeSink):
    """What it gets has left the machine: noted before anything comes of it."""

    recorder: Recorder

    async def send(self, items: Sequence[Item], away_since: datetime | None = None) -> SendResult:
        for item in items:
            self.recorder.mark((item.seq, item.event_id, item.body))
        return await super().send(items, away_since)


class Story:
    """Random steps of a cloud and a syncer, with a dispatcher at work beside them."""

    def __init__(self, rig: Rig, recorder: Recorder, rng: random.Random) -> None:
        self.rig = rig
        self.rng = rng
        self.recorder = recorder
        self.trouble: SendResult | None = None
        self.committed = asyncio.Event()
        rig.db.on_commit(self.committed.set)
        self.sinks = [Watched("hook", self._answer), Watched("log")]
        for sink in self.sinks:
            sink.recorder = recorder
        self.dispatcher = Dispatcher(rig.db, self.sinks, routes=ROUTES, clock=rig.clock, rng=random.Random(1))

    def _answer(self, sink: FakeSink, items: Sequence[Item]) -> SendResult:
        return self.trouble or Delivered()

    async def live(self, steps: int) -> None:
        async with self.rig.db.write() as tx:
            await tx.fetch(
                "PRAGMA wal_autocheckpoint = 100"
            )  # often, so that the power goes in the midst of one
        await self.dispatcher.reconcile()
        running = asyncio.create_task(self.dispatcher.run())
        deeds: list[Callable[[], Awaitable[None]]] = [
            self.share, self.share, self.unshare, self.change, self.stay_quiet, self.stay_quiet, self.fail,
            self.lose_many, self.be_away, self.refuse, self.disable, self.replay, self.prune, self.move,
        ]  # fmt: skip
        try:
            await self.share()
            for deed in self.rng.choices(deeds, k=steps):
                await deed()
                await self._delivered()
            assert not running.done()
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    async def sync(self) -> None:
        self.rig.advance(seconds=60)
        await self.rig.sync(*REGIONS)

    async def share(self) -> None:
        region = self.rng.choice((*REGIONS, "*"))
        self.rig.world.fill("lab", region, self.rng.choice((1, 2, 30)))
        await self.sync()

    async def unshare(self) -> None:
        for image in self._shown("cn-a")[:1]:
            self.rig.world.unshare("lab", self.rng.choice((*REGIONS, "*")), image)
        await self.sync()

    async def change(self) -> None:
        for image in self._shown("cn-b")[:3]:
            self.rig.world.change(image, "*", Status=self.rng.choice("AB"), Name=self.rng.choice("xy"))
        await self.sync()

    async def stay_quiet(self) -> None:
        await self.sync()
        await self.sync()

    async def fail(self) -> None:
        """Until it is said, and until it is over."""
        self.rig.fault("retcode", "cn-a", code=130)
        for _ in range(4):
            await self.sync()
        self.rig.sim.faults.clear()
        await self.sync()

    async def lose_many(self) -> None:
        for image in self._shown("cn-b")[1:]:
            self.rig.world.unshare("lab", "cn-b", image)
        await self.sync()
        await release(self.rig.syncer)

    async def be_away(self) -> None:
        self.trouble = ReceiverTrouble("HTTP 503")
        await self.share()
        self.trouble = None

    async def refuse(self) -> None:
        self.trouble = MessageTrouble("HTTP 422")
        await self.share()
        self.trouble = None

    async def disable(self) -> None:
        """Whoever asked is told when it is done."""
        await self.dispatcher.disable("hook")
        self.recorder.mark("disabled")
        await self.share()
        self.recorder.mark("enabling")
        await self.dispatcher.enable("hook")

    async def replay(self) -> None:
        await self.dispatcher.replay("log", since_seq=self.rng.randrange(20))

    async def prune(self) -> None:
        self.recorder.mark("pruning")
        self.rig.advance(days=400)
        await pruning.prune(self.rig.db, RetentionConfig(), self.rig.clock.now())
        self.recorder.mark("pruned")
        await self.sync()

    async def move(self) -> None:
        """To another project, where everything is a baseline again."""
        await self.rig.restart(project_id=self.rng.choice(self.rig.world.account("lab").projects))
        await self.sync()

    def _shown(self, region: str) -> list[str]:
        return sorted(self.rig.world.share_list("lab", region).ids())

    async def _delivered(self) -> None:
        """Until the sink that takes everything has it."""
        async with asyncio.timeout(20):
            while self.rig.rows("SELECT 1 FROM deliveries WHERE sink = 'log' AND state = 'pending'"):
                await self.committed.wait()
                self.committed.clear()


async def lived(path: Path, steps: int, seed: int) -> list[Op]:
    """What a story left in the log of the disk, from the making of the file to its end."""
    with Recorder() as recorder:
        async with rig_at(path, regions=REGIONS, settings=Settings(routes=ROUTES)) as rig:
            await Story(rig, recorder, random.Random(seed)).live(steps)
    return recorder.ops


class Cut:
    """What was said until the power went, and whether the file still knows."""

    def __init__(self) -> None:
        self.told: dict[int, tuple[str, bytes]] = {}
        self.last = 0
        self.disabled = False
        self.pruning = False

    def hear(self, what: object) -> None:
        match what:
            case (int(seq), str(event_id), bytes(body)):
                assert self.told.setdefault(seq, (event_id, body)) == (event_id, body)
                self.last = max(self.last, seq)
            case "pruning" | "pruned":
                self.pruning = what == "pruning"
                self.told.clear()
            case "disabled" | "enabling":
                self.disabled = what == "disabled"

    async def check(self, path: Path) -> None:
        """``path`` is what the next start finds."""
        await migrate.upgrade(path)
        assert check_file(path) == []
        with closing(sqlite3.connect(path)) as file:
            rows = file.execute("SELECT seq, id, body FROM events").fetchall()
            state = file.execute("SELECT state FROM sinks WHERE name = 'hook'").fetchone()
        kept = {seq: (event_id, body.encode()) for seq, event_id, body in rows}
        lost = {seq: said for seq, said in self.told.items() if kept.get(seq) != said}
        assert self.pruning or not lost, f"told, and gone from the file: {sorted(lost)}"
        assert not self.disabled or state == ("disabled",)
        db = await Database.open(path)
        async with db.write() as tx:
            (seq,) = await outbox.append(tx, drafts("new"), ROUTES)
        await db.close()
        assert seq > self.last, "a number is given twice"


async def cut_everywhere(ops: list[Op], folder: Path, losses: Sequence[Lost]) -> int:
    """Cut the power at every sync; how often."""
    cut, count = Cut(), 0
    for disk, said in moments(ops):
        for what in said:
            cut.hear(what)
        for loss in losses:
            count += 1
            with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else folder) as after_cut:
                disk.lay_out(Path(after_cut), loss)
                await cut.check(Path(after_cut) / "syncd.db")
    return count


async def test_what_left_the_machine_is_in_the_file_wherever_the_power_goes(tmp_path: Path) -> None:
    ops = await lived(tmp_path / "syncd.db", steps=10, seed=4)
    assert any(isinstance(op, Mark) for op in ops)
    await cut_everywhere(ops, tmp_path, [Lost()])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
async def test_nor_by_halves_and_in_pieces(tmp_path: Path, seed: int) -> None:
    ops = await lived(tmp_path / "syncd.db", steps=40, seed=seed)
    rng = random.Random(seed)
    count = await cut_everywhere(ops, tmp_path, [Lost(), Kept(), Torn(rng), Torn(rng), Torn(rng)])
    print(f"seed {seed}: {count} cuts")  # noqa: T201  # for docs/reliability.md


def syncs(ops: Iterable[Op]) -> list[str]:
    return [Path(op.file).name for op in ops if isinstance(op, Sync)]


@asynccontextmanager
async def quiet_rig(path: Path) -> AsyncIterator[tuple[Rig, list[Op]]]:
    """A rig that said hello, and what it does to the disk from then on."""
    with Recorder() as recorder:
        async with rig_at(path) as rig:
            rig.world.fill("lab", "cn-a", 5)
            await rig.sync()
            recorder.ops.clear()
            yield rig, recorder.ops


async def test_a_sync_without_news_waits_for_no_disk(tmp_path: Path) -> None:
    async with quiet_rig(tmp_path / "syncd.db") as (rig, ops):
        for _ in range(5):
            await rig.sync()
        rig.fault("retcode", code=130)
        await rig.sync()
        await rig.sync()
        assert ops
        assert syncs(ops) == []


async def test_news_costs_one_sync_of_the_disk_a_transaction(tmp_path: Path) -> None:
    async with quiet_rig(tmp_path / "syncd.db") as (rig, ops):
        rig.world.fill("lab", "cn-a", 40)
        await rig.sync()
        assert syncs(ops) == ["syncd.db-wal"]


async def test_an_alert_and_its_end_are_news_though_no_image_changes(tmp_path: Path) -> None:
    async with quiet_rig(tmp_path / "syncd.db") as (rig, ops):
        rig.fault("retcode", code=130)
        await rig.sync()
        await rig.sync()
        assert syncs(ops) == []
        await rig.sync()
        assert len(syncs(ops)) == 1
        rig.sim.faults.clear()
        await rig.sync()
        assert len(syncs(ops)) == 2
        assert [event.type for event in rig.events()][-2:] == ["sync.failed", "sync.recovered"]


async def test_what_was_delivered_is_written_down_without_waiting_for_the_disk(tmp_path: Path) -> None:
    with Recorder() as recorder:
        async with harness_at(tmp_path / "syncd.db") as harness:
            await harness.configure(FakeSink())
            await harness.append(drafts(*range(20)))
            recorder.ops.clear()
            harness.start()
            await harness.settled()
            await harness.stop()
            assert recorder.ops
            assert syncs(recorder.ops) == []


def test_the_names_of_a_new_file_and_of_its_folders_are_on_the_disk_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    fsync = os.fsync

    def spy(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").resolve())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", spy)
    path = tmp_path / "state" / "syncd" / "syncd.db"
    files.make_folder(path, group_readable=False)
    assert synced == [tmp_path, tmp_path / "state"]
    files.make_file(path, group_readable=False)
    assert synced[2:] == [path.parent]
    migrate.upgrade_file(path)
    synced.clear()
    back_up(path, tmp_path / "copy.db")
    assert tmp_path in synced
