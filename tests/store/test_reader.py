"""Reading beside a daemon, after it, and as another user of its group."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from syncd.errors import (
    DatabaseCorrupt,
    DatabaseError,
    DatabaseForeign,
    DatabaseMissing,
    DatabaseNewer,
    DatabaseOlder,
    DatabaseUnwritable,
)
from syncd.store import migrate, queries
from syncd.store.queries import EventFilter, Follower, Reader
from tests.store.users import STRANGERS, let_in, needs_root, run_as, script_as

DAEMON = """
import asyncio, sys
from pathlib import Path
from syncd.store.engine import Database

async def main():
    db = await Database.open(Path(sys.argv[1]))
    for line in sys.stdin:
        if line == "end\\n":
            break
        async with db.write() as tx:
            await tx.fetch(
                "INSERT INTO events (id, type, observed_at, body)"
                " SELECT 'new' || MAX(seq), 'sync.held', '2026-11-24T05:00:00.000Z', '{}' FROM events"
            )
            if line == "keep open\\n":
                print("open", flush=True)
                sys.stdin.readline()
        print("written", flush=True)
    await db.close()

asyncio.run(main())
"""

READ = """
import sys
from pathlib import Path
from syncd.errors import DatabaseError
from syncd.store import queries
from syncd.store.queries import EventFilter, Reader
try:
    with Reader.open(Path(sys.argv[1])) as reader:
        print(queries.last_seq(reader), len(list(queries.images(reader, queries.ImageFilter()))), reader.immutable)
except DatabaseError as error:
    print(type(error).__name__, error.message)
"""


class Daemon:
    """A process that has the file open and writes an event whenever it is told to."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", DAEMON, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.tell("write", "written")

    def tell(self, word: str, answer: str) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == answer + "\n"

    def end(self) -> None:
        self.process.communicate("end\n", timeout=10)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


@contextmanager
def _running(path: Path) -> Iterator[Daemon]:
    daemon = Daemon(path)
    try:
        yield daemon
    finally:
        if daemon.process.poll() is None:
            daemon.kill()


@pytest.fixture
def shared(filled_once: Path) -> Iterator[Path]:
    """The filled database in a folder of its own that its group may read, as `group_readable` makes it.

    Not one of pytest's: whenever a session starts, it closes those of all sessions to others.
    """
    with tempfile.TemporaryDirectory(prefix="syncd-shared-") as name:
        yield _shared(filled_once, Path(name) / "state")


def _shared(filled_once: Path, folder: Path) -> Path:
    folder.mkdir()
    path = Path(shutil.copy(filled_once, folder / "x.db"))
    path.chmod(0o640)
    if os.geteuid() == 0:
        let_in(folder, 0o750)
        os.chown(path, -1, folder.stat().st_gid)
        # New files of the folder belong to its group, as they do where the daemon's own group is meant.
        folder.chmod(0o2750)
    return path


def _last(path: Path) -> int:
    with Reader.open(path) as reader:
        return queries.last_seq(reader)


def test_a_reader_sees_what_a_daemon_committed_and_not_what_it_is_about_to(filled: Path) -> None:
    before = _last(filled)
    with _running(filled) as daemon:
        assert _last(filled) == before + 1
        daemon.tell("keep open", "open")
        assert _last(filled) == before + 1
        daemon.tell("commit", "written")
        assert _last(filled) == before + 2


@pytest.mark.parametrize("ending", ["end", "kill"])
def test_a_reader_sees_everything_after_the_daemon_is_gone(filled: Path, ending: str) -> None:
    before = _last(filled)
    with _running(filled) as daemon:
        getattr(daemon, ending)()
    assert _last(filled) == before + 1


@needs_root
def test_another_user_of_the_group_reads_beside_the_daemon_and_after_it_however_it_ended(
    shared: Path,
) -> None:
    before = _last(shared)
    expected = before
    with _running(shared) as daemon:
        expected += 1
        assert run_as(READ, str(shared)).stdout == f"{expected} 5 False\n"
        daemon.tell("keep open", "open")
        assert run_as(READ, str(shared)).stdout == f"{expected} 5 False\n"
        daemon.kill()
    assert run_as(READ, str(shared)).stdout == f"{expected} 5 False\n"
    with _running(shared) as daemon:
        expected += 1
        daemon.end()
    assert sorted(os.listdir(shared.parent)) == ["x.db"]
    assert run_as(READ, str(shared)).stdout == f"{expected} 5 True\n"
    assert sorted(os.listdir(shared.parent)) == ["x.db"]


@needs_root
def test_what_is_still_in_the_wal_is_never_passed_over(shared: Path) -> None:
    """Without -shm, which this user cannot make, the -wal cannot be read: the file alone would be the past."""
    with _running(shared) as daemon:
        daemon.kill()
    shared.with_name("x.db-shm").unlink()
    done = run_as(READ, str(shared))
    assert done.stdout.startswith("DatabaseUnwritable cannot read")
    assert len(done.stdout.splitlines()) == 1


@needs_root
def test_a_stranger_is_told_that_access_is_denied(shared: Path) -> None:
    done = run_as(READ, str(shared), gid=STRANGERS)
    assert "DatabaseUnwritable" in done.stdout
    assert "Permission denied" in done.stdout
    shared.parent.chmod(0o755)
    done = run_as(READ, str(shared), gid=STRANGERS)
    assert "DatabaseUnwritable" in done.stdout
    assert done.stderr == ""


def test_following_goes_on_over_the_end_and_the_start_of_daemons(filled: Path) -> None:
    with Follower(filled, _last(filled)) as follower:
        for ending in ("end", "kill", "end"):
            with _running(filled) as daemon:
                assert len(follower.poll()) == 1
                daemon.tell("write", "written")
                assert len(follower.poll()) == 1
                assert follower.poll() == []
                getattr(daemon, ending)()
            assert follower.poll() == []


FOLLOW = """
import sys
from pathlib import Path
from syncd.store.queries import Follower
with Follower(Path(sys.argv[1]), int(sys.argv[2])) as follower:
    for line in sys.stdin:
        print(len(follower.poll()), flush=True)
"""


@needs_root
def test_another_user_follows_from_a_closed_file_into_a_daemons_life(shared: Path) -> None:
    """The file was opened as immutable; it must not be once a daemon writes to it."""
    last = _last(shared)
    for name in ("x.db-wal", "x.db-shm"):
        (shared.parent / name).unlink(missing_ok=True)
    with subprocess.Popen(
        [sys.executable, "-c", script_as(FOLLOW), str(shared), str(last)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as follower:
        assert follower.stdin
        assert follower.stdout

        def poll() -> str:
            assert follower.stdin
            assert follower.stdout
            follower.stdin.write("\n")
            follower.stdin.flush()
            return follower.stdout.readline()

        assert poll() == "0\n"
        with _running(shared) as daemon:
            assert poll() == "1\n"
            daemon.tell("write", "written")
            assert poll() == "1\n"
            daemon.end()
        assert poll() == "0\n"
        follower.stdin.close()


def test_a_snapshot_stays_of_one_moment(filled: Path) -> None:
    with Reader.open(filled) as reader:
        reader.snapshot()
        before = queries.last_seq(reader)
        with _running(filled):
            assert queries.last_seq(reader) == before


def test_rows_that_nobody_reads_to_the_end_do_not_mind_that_the_reader_is_closed(filled: Path) -> None:
    with Reader.open(filled) as reader:
        events = queries.events(reader, EventFilter())
        next(events)
    del events  # an exception here would be unraisable, and so fail this test


def test_a_reader_cannot_write(filled: Path) -> None:
    with Reader.open(filled) as reader, pytest.raises(DatabaseUnwritable):
        reader.all("DELETE FROM events")


def test_many_rows_are_read_in_little_memory(filled: Path) -> None:
    with closing(sqlite3.connect(filled)) as other:
        other.execute(
            "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 20000)"
            " INSERT INTO events (id, type, observed_at, body) SELECT 'e' || i, 'sync.held', '', ? FROM c",
            ("x" * 1000,),
        )
        other.commit()
    with Reader.open(filled) as reader:
        tracemalloc.start()
        try:
            assert sum(1 for _ in queries.events(reader, EventFilter())) > 20_000
            assert sum(1 for _ in queries.events(reader, EventFilter(types=("sync.*",)), 15_000)) == 15_000
            assert tracemalloc.get_traced_memory()[1] < 3_000_000
        finally:
            tracemalloc.stop()


def _newer(path: Path) -> None:
    _run(path, "UPDATE alembic_version SET version_num = '0999'")


def _missing(path: Path) -> None:
    path.unlink()


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _foreign(path: Path) -> None:
    _run(path, "PRAGMA application_id = 5")


def _text(path: Path) -> None:
    path.write_text("not a database at all\n" * 300)


def _damaged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[100:3000] = b"\x99" * 2900
    path.write_bytes(content)


def _run(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(sql)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@pytest.mark.parametrize(
    ("breaking", "kind", "message"),
    [
        (_newer, DatabaseNewer, "newer syncd"),
        (_missing, DatabaseMissing, "does not exist"),
        (_empty, DatabaseOlder, "is empty"),
        (_foreign, DatabaseForeign, "not one of syncd"),
        (_text, DatabaseCorrupt, "not a SQLite database"),
        (_damaged, DatabaseCorrupt, "damaged"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_one_line_with_a_remedy(
    filled: Path, breaking: Callable[[Path], None], kind: type[DatabaseError], message: str
) -> None:
    breaking(filled)
    with pytest.raises(DatabaseError) as caught:
        Reader.open(filled)
    assert type(caught.value) is kind
    assert message in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code == 5


def test_an_older_file_is_refused_until_it_is_upgraded(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncd.store.version.SCHEMA_VERSION", "9999")
    with pytest.raises(DatabaseOlder) as caught:
        Reader.open(filled)
    assert "syncd db upgrade" in caught.value.hint


def test_damage_in_the_middle_of_the_file_is_said_when_it_is_met(filled: Path) -> None:
    with closing(sqlite3.connect(filled, isolation_level=None)) as connection:
        [(page,)] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'runs'")
        [(size,)] = connection.execute("PRAGMA page_size")
    content = bytearray(filled.read_bytes())
    content[(page - 1) * size : page * size] = b"\xee" * size
    filled.write_bytes(content)
    with Reader.open(filled) as reader, pytest.raises(DatabaseCorrupt, match="damaged"):
        queries.runs(reader)


def test_opening_to_read_makes_no_file_and_upgrades_nothing(tmp_path: Path) -> None:
    with pytest.raises(DatabaseMissing):
        Reader.open(tmp_path / "nowhere" / "x.db")
    assert os.listdir(tmp_path) == []
    migrate.upgrade_file(tmp_path / "x.db")
    before = (tmp_path / "x.db").read_bytes()
    Reader.open(tmp_path / "x.db").close()
    assert (tmp_path / "x.db").read_bytes() == before
