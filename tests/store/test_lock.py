from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from syncd.errors import DatabaseLocked, DatabaseUnwritable
from syncd.store.lock import FileLock, holder

HOLD = """
import sys, time
from pathlib import Path
from syncd.store.lock import FileLock
lock = FileLock.acquire(Path(sys.argv[1]), sys.argv[2])
print("held", flush=True)
sys.stdin.readline()
lock.release()
print("free", flush=True)
sys.stdin.readline()
"""


@contextmanager
def _holding(path: Path, kind: str = "daemon") -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    with process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_second_is_told_pid_and_kind_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with _holding(path) as process, pytest.raises(DatabaseLocked, match=rf"daemon \(pid {process.pid}\)"):
        FileLock.acquire(path, "command", sleep=lambda _: None)


def test_a_holder_killed_without_warning_frees_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with _holding(path) as process:
        found = holder(path)
        assert found is not None
        assert (found.pid, found.kind) == (process.pid, "daemon")
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert holder(path) is None
        FileLock.acquire(path, "daemon").release()


def test_a_link_to_the_database_has_the_same_lock(tmp_path: Path) -> None:
    (tmp_path / "x.db").touch()
    (tmp_path / "link.db").symlink_to(tmp_path / "x.db")
    with FileLock.acquire(tmp_path / "x.db", "daemon"), pytest.raises(DatabaseLocked):
        FileLock.acquire(tmp_path / "link.db", "command", sleep=lambda _: None)


def test_a_command_waits_for_the_lock_and_gets_it(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with _holding(path, "command") as process:
        assert process.stdin
        process.stdin.write("release\n")
        process.stdin.flush()
        with FileLock.acquire(path, "command", wait=timedelta(seconds=30)):
            found = holder(path)
            assert found is not None
            assert found.pid == os.getpid()


def test_waiting_ends_when_its_time_is_up(tmp_path: Path) -> None:
    slept: list[float] = []
    with FileLock.acquire(tmp_path / "x.db", "command"), pytest.raises(DatabaseLocked, match="another syncd"):
        FileLock.acquire(tmp_path / "x.db", "command", wait=timedelta(seconds=7), sleep=slept.append)
    assert sum(slept) == pytest.approx(7)


def test_a_released_lock_has_no_holder_and_keeps_its_file(tmp_path: Path) -> None:
    with FileLock.acquire(tmp_path / "x.db", "daemon"):
        assert holder(tmp_path / "x.db") is not None
    assert holder(tmp_path / "x.db") is None
    assert (tmp_path / "x.db.lock").exists()


def test_nobody_holds_a_file_that_never_was(tmp_path: Path) -> None:
    assert holder(tmp_path / "x.db") is None


def test_a_new_holder_is_seen_by_its_own_name_not_by_its_dead_predecessors(tmp_path: Path) -> None:
    path, lock = tmp_path / "x.db", tmp_path / "x.db.lock"
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with FileLock.acquire(path, "command"):
        mine = lock.read_text()
        lock.write_text(json.dumps({"pid": gone.pid, "kind": "daemon", "since": ""}))
        found = holder(path, sleep=lambda _: lock.write_text(mine))
    assert found is not None
    assert (found.pid, found.kind) == (os.getpid(), "command")


def test_looking_never_makes_an_acquirer_fail(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    FileLock.acquire(path, "daemon").release()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            holder(path)

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(100):
            FileLock.acquire(path, "daemon").release()
    finally:
        stop.set()
        for looker in lookers:
            looker.join()


@pytest.mark.parametrize(("group_readable", "mode"), [(False, 0o600), (True, 0o640)])
def test_the_lock_file_is_as_private_as_the_database(tmp_path: Path, group_readable: bool, mode: int) -> None:
    path = tmp_path / "new" / "x.db"
    with FileLock.acquire(path, "daemon", group_readable=group_readable):
        assert (tmp_path / "new" / "x.db.lock").stat().st_mode & 0o777 == mode
        assert (tmp_path / "new").stat().st_mode & 0o777 == (0o750 if group_readable else 0o700)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseUnwritable, match="file"):
        FileLock.acquire(tmp_path / "file" / "x.db", "daemon")
