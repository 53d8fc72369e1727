from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from syncd.errors import DatabaseLocked, DatabaseMissing, DatabaseUnwritable, SyncdError
from syncd.store import migrate, requests
from syncd.store.daemon_call import LockTaken, call_daemon
from syncd.store.engine import Database
from syncd.store.lock import FileLock, holder
from syncd.store.requests import Answered, Request, RequestWatch, Waiting
from tests.store.users import let_in, needs_root, run_as

NOW = datetime(2026, 11, 24, 2, 41, 59, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    migrate.upgrade_file(tmp_path / "x.db")
    return tmp_path / "x.db"


@asynccontextmanager
async def _opened(path: Path) -> AsyncIterator[Database]:
    db = await Database.open(path)
    yield db
    await db.close()


async def _take(db: Database, now: datetime = NOW) -> list[Request]:
    async with db.write() as tx:
        return await requests.take(tx, now)


async def _finish(db: Database, request_id: int, exit_code: int = 0, **answer: Any) -> None:
    async with db.write() as tx:
        await requests.finish(tx, request_id, exit_code, answer, NOW)


async def test_a_request_is_taken_once_and_its_answer_comes_back(path: Path) -> None:
    first = requests.submit(path, "sync", {"account": "lab"}, NOW)
    second = requests.submit(path, "release", {}, NOW)
    async with _opened(path) as db:
        assert requests.look(path, first) == Waiting(begun=False)
        assert await _take(db) == [Request(first, "sync", {"account": "lab"}), Request(second, "release", {})]
        assert await _take(db) == []
        assert requests.look(path, first) == Waiting(begun=True)
        await _finish(db, first, 3, text="镜像")
        assert requests.look(path, first) == Answered(3, {"text": "镜像"})
        assert requests.look(path, second) == Waiting(begun=True)


async def test_a_request_that_the_daemon_does_not_know_is_answered_at_once(path: Path) -> None:
    asked = requests.submit(path, "dance", {}, NOW)  # type: ignore[arg-type]  # as a newer command would
    async with _opened(path) as db:
        assert await _take(db) == []
    answer = requests.look(path, asked)
    assert isinstance(answer, Answered)
    assert answer.exit_code == 1
    assert "restart" in answer.answer["error"]


async def test_only_what_is_not_begun_can_be_taken_back(path: Path) -> None:
    first = requests.submit(path, "sync", {}, NOW)
    assert requests.withdraw(path, first)
    assert not requests.withdraw(path, first)
    second = requests.submit(path, "sync", {}, NOW)
    assert second > first
    async with _opened(path) as db:
        assert [request.id for request in await _take(db)] == [second]
        assert not requests.withdraw(path, second)
        await _finish(db, second)
        assert not requests.withdraw(path, second, even_begun=True)
        assert isinstance(requests.look(path, second), Answered)


async def test_a_starting_daemon_answers_what_was_interrupted_or_is_stale_and_takes_the_rest(
    path: Path,
) -> None:
    begun = requests.submit(path, "sync", {}, NOW)
    async with _opened(path) as db:
        await _take(db)
        stale = requests.submit(path, "sync", {}, NOW - timedelta(hours=1, seconds=1))
        ahead = requests.submit(path, "sync", {}, NOW + timedelta(hours=8))  # the clock was set back since
        young = requests.submit(path, "sync", {}, NOW - timedelta(minutes=59))
        async with db.write() as tx:
            await requests.recover(tx, NOW)
        assert requests.look(path, begun) == Answered(1, {"error": requests.INTERRUPTED})
        assert requests.look(path, stale) == Answered(1, {"error": requests.EXPIRED})
        assert requests.look(path, ahead) == Answered(1, {"error": requests.EXPIRED})
        assert [request.id for request in await _take(db)] == [young]


async def test_answered_requests_are_forgotten_after_a_while_and_open_ones_never(path: Path) -> None:
    answered, waiting = (requests.submit(path, "sync", {}, NOW) for _ in range(2))
    async with _opened(path) as db:
        await _finish(db, answered)
        async with db.write() as tx:
            await requests.prune(tx, NOW)
        assert isinstance(requests.look(path, answered), Answered)
        async with db.write() as tx:
            await requests.prune(tx, NOW + timedelta(days=1))
        with pytest.raises(SyncdError, match="replaced or restored"):
            requests.look(path, answered)
        assert requests.look(path, waiting) == Waiting(begun=False)


@pytest.fixture
def watch(path: Path) -> Any:
    watch = RequestWatch(path)
    yield watch
    watch.close()


async def test_the_watch_tells_of_requests_until_they_are_taken(path: Path, watch: RequestWatch) -> None:
    assert not watch.changed()
    requests.submit(path, "sync", {}, NOW)
    assert watch.changed()
    assert watch.changed()
    async with _opened(path) as db:
        await _take(db)
        assert not watch.changed()
        requests.submit(path, "sync", {}, NOW)
        assert watch.changed()


def test_the_watch_finds_what_waited_before_it_began(path: Path, watch: RequestWatch) -> None:
    requests.submit(path, "sync", {}, NOW)
    assert watch.changed()


async def test_the_watch_looks_into_the_table_only_after_a_write(path: Path, watch: RequestWatch) -> None:
    statements: list[str] = []
    watch.changed()
    assert watch._connection is not None
    watch._connection.set_trace_callback(statements.append)
    for _ in range(5):
        watch.changed()
    assert {statement for statement in statements if "requests" in statement} == set()
    with closing(sqlite3.connect(path)) as other:
        other.execute("INSERT INTO sinks (name, since) VALUES ('a', '')")
        other.commit()
    assert not watch.changed()
    assert any("requests" in statement for statement in statements)


def test_the_watch_follows_a_replaced_file_and_says_when_it_is_gone(path: Path, watch: RequestWatch) -> None:
    assert not watch.changed()
    other = path.with_name("other.db")
    migrate.upgrade_file(other)
    requests.submit(other, "sync", {}, NOW)
    other.rename(path)
    assert watch.changed()
    path.unlink()
    with pytest.raises(DatabaseMissing):
        watch.changed()


def test_the_watch_waits_for_nobody(path: Path, watch: RequestWatch) -> None:
    requests.submit(path, "sync", {}, NOW)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        before = monotonic()
        assert not watch.changed()
        assert monotonic() - before < 1
        other.execute("COMMIT")
    assert watch.changed()


def test_a_command_asks_without_importing_anything_heavy(path: Path) -> None:
    code = (
        "import sys, syncd.store.daemon_call\n"
        "heavy = {'sqlalchemy', 'aiosqlite', 'asyncio', 'alembic', 'aiohttp'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


class Time:
    """Time that passes only by sleeping, with something happening at a given second."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.due: list[tuple[float, Any]] = []

    def at(self, second: float, deed: Any) -> None:
        self.due.append((second, deed))

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        for second, deed in [due for due in self.due if due[0] <= self.seconds]:
            self.due.remove((second, deed))
            deed()

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def time() -> Time:
    return Time()


def _reach(path: Path, time: Time) -> Any:
    return call_daemon(
        path, "sync", {"account": "lab"}, sleep=time.sleep, monotonic=time.monotonic, now=lambda: NOW
    )


def _open_requests(path: Path) -> list[tuple[int, bool]]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT id, begun_at IS NOT NULL FROM requests WHERE finished_at IS NULL")
        return [(row[0], bool(row[1])) for row in rows]


def _sql(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(sql)


BEGIN = "UPDATE requests SET begun_at = 'x'"
ANSWER = "UPDATE requests SET begun_at = 'x', finished_at = 'x', exit_code = 4, answer = '{\"held\": 2}'"


def test_without_a_holder_the_command_takes_the_lock(path: Path, time: Time) -> None:
    outcome = _reach(path, time)
    assert isinstance(outcome, LockTaken)
    found = holder(path)
    assert found is not None
    assert (found.pid, found.kind) == (os.getpid(), "command")
    outcome.lock.release()
    assert _open_requests(path) == []


def test_the_lock_can_be_had_before_there_is_a_file(tmp_path: Path, time: Time) -> None:
    outcome = _reach(tmp_path / "new" / "x.db", time)
    assert isinstance(outcome, LockTaken)
    outcome.lock.release()


def test_facing_a_daemon_the_command_waits_for_its_answer_as_long_as_it_takes(path: Path, time: Time) -> None:
    with FileLock.acquire(path, "daemon"):
        time.at(1, lambda: _sql(path, BEGIN))
        time.at(100, lambda: _sql(path, ANSWER))
        assert _reach(path, time) == Answered(4, {"held": 2})
    assert time.seconds >= 100


def test_a_request_not_begun_within_a_minute_is_taken_back_and_fails(path: Path, time: Time) -> None:
    with FileLock.acquire(path, "daemon"):
        with pytest.raises(SyncdError, match="within 60 s") as caught:
            _reach(path, time)
        assert caught.value.exit_code == 1
        assert str(os.getpid()) in caught.value.message
    assert 60 <= time.seconds < 62
    assert _open_requests(path) == []


def test_a_request_begun_in_the_last_moment_is_waited_for(path: Path, time: Time) -> None:
    with FileLock.acquire(path, "daemon"):
        time.at(59.9, lambda: _sql(path, BEGIN))
        time.at(70, lambda: _sql(path, ANSWER))
        assert _reach(path, time) == Answered(4, {"held": 2})


def test_a_request_begun_while_the_command_gives_up_is_waited_for(path: Path, time: Time) -> None:
    """Begun after the last look and before the request is taken back."""
    begun = False

    def monotonic() -> float:
        nonlocal begun
        if time.seconds > 60 and not begun:
            begun = True
            _sql(path, BEGIN)
        return time.seconds

    with FileLock.acquire(path, "daemon"):
        time.at(70, lambda: _sql(path, ANSWER))
        outcome = call_daemon(path, "sync", {}, sleep=time.sleep, monotonic=monotonic, now=lambda: NOW)
    assert begun
    assert outcome == Answered(4, {"held": 2})


@pytest.mark.parametrize("begun", [False, True])
def test_when_the_daemon_goes_away_the_command_takes_over_and_its_request_is_gone(
    path: Path, time: Time, begun: bool
) -> None:
    daemon = FileLock.acquire(path, "daemon")
    if begun:
        time.at(5, lambda: _sql(path, BEGIN))
    time.at(30, daemon.release)
    outcome = _reach(path, time)
    assert isinstance(outcome, LockTaken)
    assert _open_requests(path) == []
    outcome.lock.release()


def test_an_answer_written_in_the_daemons_last_moment_counts(path: Path, time: Time) -> None:
    daemon = FileLock.acquire(path, "daemon")

    def answer_and_end() -> None:
        _sql(path, ANSWER)
        daemon.release()

    time.at(30, answer_and_end)
    assert _reach(path, time) == Answered(4, {"held": 2})
    assert holder(path) is None


def test_a_daemon_that_restarts_in_between_answers_the_same_request(path: Path, time: Time) -> None:
    locks = [FileLock.acquire(path, "daemon")]

    def restart() -> None:
        locks.pop().release()
        locks.append(FileLock.acquire(path, "daemon"))

    time.at(10, restart)
    time.at(20, lambda: _sql(path, ANSWER))
    assert _reach(path, time) == Answered(4, {"held": 2})
    locks.pop().release()


def test_a_command_waits_a_minute_for_another_one_and_then_says_who(path: Path, time: Time) -> None:
    with FileLock.acquire(path, "command"), pytest.raises(DatabaseLocked, match=f"pid {os.getpid()}"):
        _reach(path, time)
    assert 60 <= time.seconds < 62
    assert _open_requests(path) == []


def test_a_command_takes_the_lock_when_the_other_one_ends(path: Path, time: Time) -> None:
    other = FileLock.acquire(path, "command")
    time.at(40, other.release)
    outcome = _reach(path, time)
    assert isinstance(outcome, LockTaken)
    outcome.lock.release()


def test_a_daemon_that_still_makes_the_file_is_given_the_time(tmp_path: Path, time: Time) -> None:
    path = tmp_path / "x.db"
    with FileLock.acquire(path, "daemon"):
        time.at(5, path.touch)
        time.at(10, lambda: migrate.upgrade_file(path))
        time.at(20, lambda: _sql(path, ANSWER))
        assert _reach(path, time) == Answered(4, {"held": 2})


def test_a_daemon_that_never_makes_the_file_is_not_waited_for_for_ever(tmp_path: Path, time: Time) -> None:
    with FileLock.acquire(tmp_path / "x.db", "daemon"), pytest.raises(DatabaseMissing):
        _reach(tmp_path / "x.db", time)
    assert 60 <= time.seconds < 62


def test_an_interrupted_command_takes_its_request_back(path: Path, time: Time) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with FileLock.acquire(path, "daemon"):
        time.at(5, interrupt)
        with pytest.raises(KeyboardInterrupt):
            _reach(path, time)
    assert _open_requests(path) == []


async def test_a_real_daemon_and_a_real_command_meet_within_moments(path: Path, watch: RequestWatch) -> None:
    """With real time, a real engine and a thread for the command."""
    async with _opened(path) as db:
        with FileLock.acquire(path, "daemon"):
            command = asyncio.create_task(asyncio.to_thread(call_daemon, path, "enable", {"sink": "a"}))
            while not watch.changed():  # noqa: ASYNC110  # as the daemon does
                await asyncio.sleep(0.01)
            [request] = await _take(db)
            await _finish(db, request.id, 0, enabled=request.args["sink"])
            assert await command == Answered(0, {"enabled": "a"})


@needs_root
def test_a_user_who_may_only_read_is_told_so(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    migrate.upgrade_file(folder / "x.db", group_readable=True)
    with FileLock.acquire(folder / "x.db", "daemon", group_readable=True):
        let_in(folder, 0o750)
        os.chown(folder / "x.db", -1, 54320)
        os.chown(folder / "x.db.lock", -1, 54320)
        done = run_as(
            "import sys\nfrom pathlib import Path\nfrom syncd.store.daemon_call import call_daemon\n"
            "from syncd.errors import DatabaseUnwritable\n"
            "try:\n    call_daemon(Path(sys.argv[1]), 'sync', {})\n"
            "except DatabaseUnwritable as error:\n    print(error.message, '|', error.hint)\n",
            str(folder / "x.db"),
        )
    assert done.stderr == ""
    assert "ermission denied" in done.stdout
    assert DatabaseUnwritable.exit_code == 5
