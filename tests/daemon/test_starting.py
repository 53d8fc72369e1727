"""A start that cannot go on as usual: a command works on the file, or the machine refuses what a start needs."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import resource
import signal
import socket
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from syncd.config import load
from syncd.errors import REMEDIES, DatabaseUnwritable, MachineTrouble
from syncd.simulator import Fault, Simulator
from syncd.store import migrate
from syncd.store.backup import back_up
from syncd.store.lock import FileLock
from syncd.store.version import SCHEMA_VERSION
from tests.one_region import one_region
from tests.processes import WAIT_SECONDS, syncd, write_config


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with one_region() as running:
        yield running


# a command works on the file


async def test_a_daemon_waits_for_a_command_and_says_so_everywhere(sim: Simulator, tmp_path: Path) -> None:
    config = write_config(tmp_path, sim)
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        heard: list[str] = []

        async def hear(word: str, count: int = 1) -> None:
            async with asyncio.timeout(WAIT_SECONDS):
                while sum(word in message for message in heard) < count:
                    heard.append((await asyncio.get_running_loop().sock_recv(listener, 4096)).decode())

        command = FileLock.acquire(tmp_path / "syncd.db", "command")
        async with syncd("run", "--config", config, NOTIFY_SOCKET=str(tmp_path / "notify")) as daemon:
            said = await daemon.logged("waiting")
            assert said["holder"] == f"another syncd command (pid {os.getpid()})"
            await hear(f"STATUS=waiting for another syncd command (pid {os.getpid()}) to finish")
            await hear("EXTEND_TIMEOUT_USEC=30000000", 3)
            assert not any("READY=1" in message for message in heard)
            command.release()
            await hear("READY=1")
            assert len(daemon.lines("waiting")) == 1
            daemon.signal(signal.SIGTERM)
            assert await daemon.exit_code() == 0


async def test_a_stop_is_obeyed_while_it_waits(sim: Simulator, tmp_path: Path) -> None:
    config = write_config(tmp_path, sim)
    with FileLock.acquire(tmp_path / "syncd.db", "command"):
        async with syncd("run", "--config", config) as daemon:
            await daemon.logged("waiting")
            daemon.signal(signal.SIGTERM)
            assert await daemon.exit_code() == 0
            assert not daemon.lines("ready")


async def test_it_goes_on_when_the_command_dies(sim: Simulator, tmp_path: Path) -> None:
    config = write_config(tmp_path, sim)
    sim.faults.add(Fault("hang"))
    async with syncd("sync", "--config", config) as command:
        await sim.requests.arrive(1)
        async with syncd("run", "--config", config) as daemon:
            assert str(command.pid) in (await daemon.logged("waiting"))["holder"]
            sim.faults.clear()
            command.signal(signal.SIGKILL)
            await daemon.logged("synced")


# the machine refuses

TROUBLES = (
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOLCK,
    errno.EACCES,
)  # fmt: skip


def lock(path: Path) -> None:
    FileLock.acquire(path, "daemon").release()


def upgrade(path: Path) -> None:
    migrate.upgrade_file(path)


STEPS: list[tuple[Callable[[Path], None], object, str]] = [
    (lock, Path, "mkdir"),
    (lock, os, "open"),
    (lock, os, "fsync"),
    (lock, fcntl, "flock"),
    (lock, os, "ftruncate"),
    (lock, os, "pwrite"),
    (upgrade, os, "open"),
    (upgrade, os, "fsync"),
]


@pytest.mark.parametrize("code", TROUBLES, ids=errno.errorcode.get)
@pytest.mark.parametrize(("deed", "room", "call"), STEPS, ids=lambda value: getattr(value, "__name__", value))
def test_whatever_the_machine_refuses_is_the_file_s_trouble_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    deed: Callable[[Path], None],
    room: object,
    call: str,
    code: int,
) -> None:
    path = tmp_path / ("new" if deed is lock else "") / "x.db"
    with monkeypatch.context() as patch:
        patch.setattr(room, call, refusing(code))
        with pytest.raises(DatabaseUnwritable, match=os.strerror(code)) as refused:
            deed(path)
    assert refused.value.exit_code == 5
    assert refused.value.hint == REMEDIES.get(code, refused.value.hint)
    assert refused.value.hint
    deed(path)  # and nothing is in the way of the next start


@pytest.mark.parametrize("code", TROUBLES, ids=errno.errorcode.get)
@pytest.mark.parametrize("call", ["replace", "unlink"])
def test_a_backup_before_an_upgrade_that_cannot_be_made_leaves_the_file_as_it_was(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, call: str, code: int
) -> None:
    path = tmp_path / "x.db"
    migrate.upgrade_file(path)
    (tmp_path / "x.db.backup-0001-20261001T000000Z.part").touch()
    monkeypatch.setattr(migrate, "SCHEMA_VERSION", "9999")
    monkeypatch.setattr(Path, call, refusing(code))
    with pytest.raises(DatabaseUnwritable, match=os.strerror(code)):
        migrate.upgrade_file(path)
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT version_num FROM alembic_version").fetchall() == [(SCHEMA_VERSION,)]


@pytest.mark.parametrize("code", TROUBLES, ids=errno.errorcode.get)
def test_a_backup_by_hand_that_gets_no_name_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int
) -> None:
    migrate.upgrade_file(tmp_path / "x.db")
    monkeypatch.setattr(os, "link", refusing(code))
    monkeypatch.setattr(Path, "rename", refusing(code))
    with pytest.raises(DatabaseUnwritable, match=os.strerror(code)):
        back_up(tmp_path / "x.db", tmp_path / "copy.db")
    assert [file.name for file in tmp_path.glob("copy*")] == []


def test_links_that_lead_in_a_circle_are_no_riddle(tmp_path: Path) -> None:
    (tmp_path / "x.db").symlink_to(tmp_path / "y.db")
    (tmp_path / "y.db").symlink_to(tmp_path / "x.db")
    with pytest.raises(DatabaseUnwritable, match="symbolic links"):
        FileLock.acquire(tmp_path / "x.db", "daemon")


@pytest.mark.parametrize("left", [0, 1, 2])
def test_without_enough_descriptors_nobody_is_told_to_mend_permissions(tmp_path: Path, left: int) -> None:
    path = tmp_path / "x.db"
    migrate.upgrade_file(path)
    with few_descriptors(left), pytest.raises(DatabaseUnwritable, match="Too many open files") as refused:
        migrate.file_version(path)
    assert refused.value.hint == REMEDIES[errno.EMFILE]


@contextmanager
def few_descriptors(left: int) -> Iterator[None]:
    """All of this process are used, but so many."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    try:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 8, limits[1])
        )
        with suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        for _ in range(left):
            os.close(taken.pop())
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


PASSING = [errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM]


@pytest.mark.parametrize("code", PASSING, ids=errno.errorcode.get)
@pytest.mark.parametrize("call", ["configuration", "secret"])
def test_a_configuration_that_cannot_be_read_for_a_while_is_no_faulty_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, call: str, code: int
) -> None:
    """A faulty one (exit code 2) keeps systemd from trying again."""
    (tmp_path / "key").touch(mode=0o600)
    (tmp_path / "key").write_text("private")
    config = tmp_path / "config.toml"
    config.touch(mode=0o600)
    config.write_text('[accounts.lab]\npublic_key = "public"\nprivate_key_file = "key"\n')
    load(config, {})
    refuse, real = refusing(code), open
    name = "key" if call == "secret" else "config.toml"

    def open_or_refuse(path: Path, *args: Any, **options: Any) -> Any:
        return refuse() if path == tmp_path / name else real(path, *args, **options)

    monkeypatch.setattr("builtins.open", open_or_refuse)
    with pytest.raises(MachineTrouble, match=os.strerror(code)) as refused:
        load(config, {})
    assert (refused.value.exit_code, refused.value.hint) == (1, REMEDIES[code])


def refusing(code: int) -> Callable[..., Any]:
    def refuse(*_: object, **__: object) -> Any:
        raise OSError(code, os.strerror(code))

    return refuse
