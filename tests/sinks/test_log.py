"""The log sink: every event a whole line, on the disk before it counts, through rotations, crashes and full disks."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import stat
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from syncd.config import LogSinkConfig
from syncd.sinks import line_writers
from syncd.sinks.log import LogSink
from syncd.sinks.sink import Delivered, Item, ReceiverTrouble
from tests.sinks.samples import each_type, of_image

ITEMS = list(each_type().values())


@contextlib.asynccontextmanager
async def log_to(path: Path | None) -> AsyncIterator[LogSink]:
    sink = LogSink(LogSinkConfig("log", path=path))
    yield sink
    await sink.aclose()


async def deliver(sink: LogSink, *items: Item) -> None:
    assert await sink.send(items) == Delivered()


def seqs(text: bytes) -> list[int]:
    """The numbers of the lines' events; fails where a line is none."""
    assert text.endswith(b"\n") or not text
    return [int(json.loads(line)["sequence"]) for line in text.splitlines()]


class Disk:
    """What the sink asks of the disk, in order; ``full`` and ``failing`` make it fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[str] = []
        self.room: int | None = None
        self.failing: OSError | None = None
        self._write, self._fsync = os.write, os.fsync
        monkeypatch.setattr(line_writers.os, "write", self.write)
        monkeypatch.setattr(line_writers.os, "fsync", self.fsync)

    def write(self, descriptor: int, data: memoryview) -> int:
        self.calls.append("write")
        if self.room is not None:
            data = data[: self.room]
            if not data:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.room -= len(data)
        return self._write(descriptor, data)

    def fsync(self, descriptor: int) -> None:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            self.calls.append("fsync")
            if self.failing:
                raise self.failing
        self._fsync(descriptor)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


class SlowDisk:
    """Flushes a file only when told to ``go_on``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self._fsync = os.fsync
        monkeypatch.setattr(line_writers.os, "fsync", self.fsync)

    def fsync(self, descriptor: int) -> None:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            self.begun.set()
            assert self.go_on.wait(10)
        self._fsync(descriptor)

    async def is_asked(self) -> None:
        assert await asyncio.to_thread(self.begun.wait, 10)


@pytest.fixture
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> SlowDisk:
    return SlowDisk(monkeypatch)


# A file


async def test_a_line_is_the_stored_bytes(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "events.jsonl"
    async with log_to(path) as sink:
        for item in ITEMS:
            await deliver(sink, item)
    assert path.read_bytes() == b"".join(item.body + b"\n" for item in ITEMS)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_nothing_is_opened_before_the_first_event(tmp_path: Path) -> None:
    async with log_to(tmp_path / "events.jsonl"):
        pass
    assert list(tmp_path.iterdir()) == []


async def test_what_is_there_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    for item in ITEMS[:3]:
        async with log_to(path) as sink:
            await deliver(sink, item)
    assert seqs(path.read_bytes()) == [1, 2, 3]


async def test_a_line_is_on_the_disk_before_it_counts_and_the_loop_goes_on_meanwhile(
    tmp_path: Path, slow_disk: SlowDisk
) -> None:
    async with log_to(tmp_path / "events.jsonl") as sink:
        sending = asyncio.create_task(sink.send([of_image(1)]))
        await slow_disk.is_asked()
        assert not sending.done()
        slow_disk.go_on.set()
        assert await sending == Delivered()


async def test_events_that_come_together_share_their_flush(tmp_path: Path, disk: Disk) -> None:
    path = tmp_path / "events.jsonl"
    async with log_to(path) as sink:
        verdicts = await asyncio.gather(*(sink.send([of_image(n)]) for n in range(1, 101)))
    assert verdicts == [Delivered()] * 100
    assert seqs(path.read_bytes()) == list(range(1, 101))
    assert disk.calls == ["write", "fsync"]


async def test_a_send_that_is_called_off_takes_no_other_with_it(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    async with log_to(path) as sink:
        first, second = (asyncio.create_task(sink.send([of_image(n)])) for n in (1, 2))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == Delivered()
        with pytest.raises(asyncio.CancelledError):
            await first
        await deliver(sink, of_image(3))
    assert seqs(path.read_bytes()) == [1, 2, 3]


async def test_closing_waits_for_what_is_being_written(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    sink = LogSink(LogSinkConfig("log", path=path))
    sending = asyncio.create_task(sink.send([of_image(1)]))
    await asyncio.sleep(0)
    open_before = _open_files(path)
    await sink.aclose()
    assert seqs(path.read_bytes()) == [1]
    assert await sending == Delivered()
    assert open_before == _open_files(path) == 0


def _open_files(path: Path) -> int:
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found += str(link.readlink()).startswith(str(path))
    return found


# Rotation


async def test_a_renamed_file_gets_nothing_more(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    async with log_to(path) as sink:
        await deliver(sink, of_image(1))
        path.rename(tmp_path / "old")
        await deliver(sink, of_image(2))
        path.unlink()
        await deliver(sink, of_image(3))
        path.rename(tmp_path / "older")
        path.write_bytes(b"")
        await deliver(sink, of_image(4))
        assert _open_files(tmp_path) == 1
    assert seqs((tmp_path / "old").read_bytes()) == [1]
    assert seqs((tmp_path / "older").read_bytes()) == [3]
    assert seqs(path.read_bytes()) == [4]


async def test_a_copied_and_emptied_file_is_written_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    async with log_to(path) as sink:
        await deliver(sink, of_image(1))
        os.truncate(path, 0)
        await deliver(sink, of_image(2))
    assert seqs(path.read_bytes()) == [2]


async def test_reopening_beside_a_write_lets_it_finish(tmp_path: Path, slow_disk: SlowDisk) -> None:
    path = tmp_path / "events.jsonl"
    async with log_to(path) as sink:
        sending = asyncio.create_task(sink.send([of_image(1)]))
        await slow_disk.is_asked()
        sink.reopen()
        slow_disk.go_on.set()
        assert await sending == Delivered()
        await deliver(sink, of_image(2))
        assert _open_files(path) == 1
    assert seqs(path.read_bytes()) == [1, 2]


async def test_reopening_opens_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    open_ = line_writers._open

    def counted(path: Path) -> int:
        opened.append(path)
        return open_(path)

    monkeypatch.setattr(line_writers, "_open", counted)
    async with log_to(tmp_path / "events.jsonl") as sink:
        await deliver(sink, of_image(1))
        await deliver(sink, of_image(2))
        assert len(opened) == 1
        sink.reopen()
        await deliver(sink, of_image(3))
        await deliver(sink, of_image(4))
    assert len(opened) == 2


# After a crash


LINE = of_image(1).body + b"\n"


@pytest.mark.parametrize(
    "torn",
    [LINE[:1], LINE[:9], LINE[:200], LINE[:-1], LINE[:100] + b"\0" * 300, b"\0" * 5000],
    ids=["a byte", "a word", "a half", "all but its end", "half of its blocks", "none of its blocks"],
)
@pytest.mark.parametrize("before", [b"", LINE * 3])
async def test_a_torn_line_is_cut_and_its_event_comes_again(
    tmp_path: Path, before: bytes, torn: bytes
) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(before + torn)
    async with log_to(path) as sink:
        await deliver(sink, of_image(7))
    assert path.read_bytes() == before + of_image(7).body + b"\n"


async def test_a_torn_line_longer_than_one_look_back_is_cut_whole(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    many = LINE * (3 * line_writers.TAIL_BYTES // len(LINE))
    path.write_bytes(many + LINE[:-1] + b"x" * (2 * line_writers.TAIL_BYTES))
    async with log_to(path) as sink:
        await deliver(sink, of_image(7))
    assert path.read_bytes() == many + of_image(7).body + b"\n"


@pytest.mark.parametrize("text", [b"my only copy", b"a\nlast line without an end", b'{"not": "ours"}'])
async def test_a_text_of_somebody_else_is_never_cut(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(text)
    async with log_to(path) as sink:
        await deliver(sink, of_image(7))
    assert path.read_bytes() == text + b"\n" + of_image(7).body + b"\n"


# Trouble


async def test_a_full_disk_is_trouble_of_the_receiver_and_leaves_no_half_line(
    tmp_path: Path, disk: Disk
) -> None:
    path = tmp_path / "events.jsonl"
    async with log_to(path) as sink:
        await deliver(sink, of_image(1))
        disk.room = len(of_image(2).body) + 10
        verdicts = await asyncio.gather(*(sink.send([of_image(n)]) for n in (2, 3)))
        assert verdicts == [ReceiverTrouble("the file cannot be written: No space left on device")] * 2
        assert seqs(path.read_bytes()) == [1]
        disk.room = None
        await deliver(sink, of_image(2))
    assert seqs(path.read_bytes()) == [1, 2]


async def test_what_could_not_be_flushed_is_written_again(tmp_path: Path, disk: Disk) -> None:
    path = tmp_path / "events.jsonl"
    async with log_to(path) as sink:
        disk.failing = OSError(errno.EIO, os.strerror(errno.EIO))
        verdict = await sink.send([of_image(1)])
        assert verdict == ReceiverTrouble("the file cannot be written: Input/output error")
        assert path.read_bytes() == b""
        disk.failing = None
        await deliver(sink, of_image(1))
    assert seqs(path.read_bytes()) == [1]


async def test_what_cannot_even_be_taken_back_is_mended_before_the_next_line(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    path = tmp_path / "events.jsonl"
    async with log_to(path) as sink:
        disk.room = 100
        with monkeypatch.context() as at_first:
            at_first.setattr(line_writers.os, "ftruncate", broken)
            verdict = await sink.send([of_image(1)])
        assert verdict == ReceiverTrouble("the file cannot be written: No space left on device")
        assert path.stat().st_size == 100
        disk.room = None
        await deliver(sink, of_image(1))
    assert seqs(path.read_bytes()) == [1]


async def test_a_path_that_cannot_be_opened_is_trouble_until_it_can(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with log_to(tmp_path / "file" / "events.jsonl") as sink:
        verdict = await sink.send([of_image(1)])
        assert isinstance(verdict, ReceiverTrouble)
        assert "file cannot be written" in verdict.reason
        (tmp_path / "file").unlink()
        await deliver(sink, of_image(1))


async def test_a_device_is_no_trouble() -> None:
    async with log_to(Path("/dev/null")) as sink:
        await deliver(sink, of_image(1))
        await deliver(sink, of_image(2))


# stdout


Redirect = Callable[[int], None]


@pytest.fixture
def redirect(monkeypatch: pytest.MonkeyPatch) -> Iterator[Redirect]:
    """Makes a descriptor the process's stdout; it is closed at the end."""
    with contextlib.ExitStack() as stack:

        def to(descriptor: int) -> None:
            file = stack.enter_context(open(descriptor, "w", closefd=True))
            monkeypatch.setattr(sys, "stdout", file)

        yield to


async def test_stdout_gets_each_event_at_once_and_after_what_was_printed(redirect: Redirect) -> None:
    reading, writing = os.pipe()
    redirect(writing)
    async with log_to(None) as sink:
        sys.stdout.write("before\n")
        await deliver(sink, *ITEMS[:2])
        assert os.read(reading, 65536) == b"before\n" + ITEMS[0].body + b"\n" + ITEMS[1].body + b"\n"
        await deliver(sink, ITEMS[2])
        assert os.read(reading, 65536) == ITEMS[2].body + b"\n"
    os.close(reading)


async def test_a_pipe_that_takes_little_at_a_time_gets_every_byte(redirect: Redirect) -> None:
    reading, writing = os.pipe()
    redirect(writing)
    big = [of_image(n, image={"description": "长" * 4000}) for n in range(1, 21)]
    got = bytearray()

    def read() -> None:
        while len(got) < sum(len(item.body) + 1 for item in big):
            got.extend(os.read(reading, 1000))

    async with log_to(None) as sink:
        reader = asyncio.create_task(asyncio.to_thread(read))
        await asyncio.gather(*(deliver(sink, item) for item in big))
        await reader
    os.close(reading)
    assert seqs(bytes(got)) == list(range(1, 21))


async def test_two_sinks_on_stdout_write_whole_lines_in_turn(redirect: Redirect) -> None:
    reading, writing = os.pipe()
    redirect(writing)
    big = [of_image(n, image={"description": "长" * 20_000}) for n in range(1, 9)]
    got = bytearray()

    def read() -> None:
        while len(got) < sum(len(item.body) + 1 for item in big):
            got.extend(os.read(reading, 1000))

    async with log_to(None) as one, log_to(None) as other:
        reader = asyncio.create_task(asyncio.to_thread(read))
        await asyncio.gather(*(deliver(sink, item) for sink, item in zip([one, other] * 4, big, strict=True)))
        await reader
    os.close(reading)
    assert sorted(seqs(bytes(got))) == list(range(1, 9))


async def test_nobody_at_the_other_end_is_trouble_of_the_receiver(redirect: Redirect) -> None:
    reading, writing = os.pipe()
    redirect(writing)
    os.close(reading)
    async with log_to(None) as sink:
        verdict = await sink.send([of_image(1)])
        assert verdict == ReceiverTrouble("stdout cannot be written: Broken pipe")


async def test_a_reader_who_sleeps_is_not_waited_for_and_gets_whole_lines_when_awake(
    redirect: Redirect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_writers, "READER_TIMEOUT", 0.05)
    reading, writing = os.pipe()
    redirect(writing)
    big = of_image(1, image={"description": "长" * 40_000})
    async with log_to(None) as sink:
        verdict = await sink.send([big])
        assert verdict == ReceiverTrouble("stdout cannot be written: nobody read it for 0.05 seconds")
        torn = os.read(reading, 1 << 20)
        assert big.body.startswith(torn)
        await deliver(sink, of_image(2))
        assert os.read(reading, 1 << 20) == b"\n" + of_image(2).body + b"\n"
    os.close(reading)


@pytest.mark.parametrize("missing", ["closed", "never there"])
async def test_without_stdout_nothing_else_is_written_to(
    missing: str, redirect: Redirect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    redirect(os.open(tmp_path / "out", os.O_CREAT | os.O_WRONLY))
    sys.stdout.close()
    if missing == "never there":
        monkeypatch.setattr(sys, "stdout", None)
    async with log_to(None) as sink:
        assert await sink.send([of_image(1)]) == ReceiverTrouble("stdout cannot be written: it is closed")


async def test_a_disk_that_was_full_under_stdout_leaves_a_line_that_ends(
    redirect: Redirect, disk: Disk, tmp_path: Path
) -> None:
    path = tmp_path / "out"
    redirect(os.open(path, os.O_CREAT | os.O_WRONLY))
    async with log_to(None) as sink:
        disk.room = 100
        assert isinstance(await sink.send([of_image(1)]), ReceiverTrouble)
        disk.room = None
        await deliver(sink, of_image(1))
        await deliver(sink, of_image(2))
    torn, *whole = path.read_bytes().splitlines(keepends=True)
    assert of_image(1).body.startswith(torn[:-1])
    assert seqs(b"".join(whole)) == [1, 2]
