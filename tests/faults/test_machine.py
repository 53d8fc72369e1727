"""The machine turns against the daemon: its disk, its file, its names, its descriptors.

Time: `test_time`. A file that cannot be written: `test_troubled_file`.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from syncd.simulator import Fault, Simulator
from syncd.store.check import check_file
from tests.one_region import one_region, settled
from tests.processes import syncd, write_config

pytestmark = pytest.mark.slow


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with one_region() as running:
        yield running


class Ext4:
    """A small disk that can fail as a disk does: what is written to it is refused from then on."""

    def __init__(self, image: Path, folder: Path) -> None:
        self.folder = folder
        self._image = image

    def mount(self) -> bool:
        return not subprocess.run(["mount", "-o", "loop", self._image, self.folder], check=False).returncode

    def break_down(self) -> None:
        subprocess.run(["mount", "-o", "remount,abort", self.folder], check=True)

    def unmount(self) -> None:
        subprocess.run(["umount", "-l", self.folder], check=False)

    def mend(self) -> None:
        self.unmount()
        subprocess.run(["fsck.ext4", "-fy", self._image], check=False, capture_output=True)
        assert self.mount()


@pytest.fixture
def ext4(tmp_path: Path) -> Iterator[Ext4]:
    if os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
        pytest.skip("a disk of its own needs root and mkfs.ext4")
    image, folder = tmp_path / "disk.img", tmp_path / "disk"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(32 << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    disk = Ext4(image, folder)
    if not disk.mount():
        pytest.skip("no loop device can be mounted here")
    try:
        yield disk
    finally:
        disk.unmount()


class Names:
    """What a process sees as /etc/hosts; nobody else answers it."""

    def __init__(self, folder: Path) -> None:
        self._hosts = folder / "hosts"
        self._hosts.write_text("")
        nobody = folder / "resolv.conf"
        nobody.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        mounts = f"mount --bind {self._hosts} /etc/hosts && mount --bind {nobody} /etc/resolv.conf"
        self.under = ("unshare", "--mount", "sh", "-c", f'{mounts} && exec "$@"', "sh")

    def know(self, line: str) -> None:
        self._hosts.write_text(line + "\n")


@pytest.fixture
def names(tmp_path: Path) -> Names:
    names = Names(tmp_path)
    if subprocess.run([*names.under, "true"], check=False, capture_output=True).returncode:
        pytest.skip("a process with names of its own needs root")
    return names


async def test_a_file_system_that_turns_read_only_is_said_once_and_reading_goes_on(
    sim: Simulator, ext4: Ext4, tmp_path: Path
) -> None:
    path = ext4.folder / "syncd.db"
    config = write_config(tmp_path, sim)
    config.write_text(config.read_text().replace(f"{tmp_path}/syncd.db", str(path)))
    async with syncd("run", "--config", config) as daemon:
        await daemon.logged("synced")
        ext4.break_down()
        sim.world.fill("lab", "cn-a", 2)
        failed = await daemon.logged("database_failed")
        assert failed["hint"]
        async with syncd("images", "--config", config, "--format", "jsonl") as reading:
            assert len((await reading.stdout()).splitlines()) == 5
        daemon.signal(signal.SIGTERM)
        assert await daemon.exit_code() == 5
        assert len(daemon.lines("database_failed")) == 1
    async with syncd("run", "--config", config) as refused:
        assert await refused.exit_code() == 5
        assert len(refused.stderr) <= 2, refused.stderr
    ext4.mend()
    async with syncd("run", "--config", config):
        await settled(path, sim)
    assert not check_file(path)


async def test_a_file_replaced_under_the_daemon_ends_it_with_5_and_is_not_written_to(
    sim: Simulator, tmp_path: Path
) -> None:
    config = write_config(tmp_path, sim)
    path, other = tmp_path / "syncd.db", tmp_path / "restored.db"
    async with syncd("run", "--config", config) as daemon:
        await daemon.logged("synced")
        async with syncd("db", "backup", other, "--config", config) as backup:
            assert await backup.exit_code() == 0
        content = other.read_bytes()
        other.replace(path)
        sim.world.share("lab", "cn-a")
        assert await daemon.exit_code() == 5
        assert "was replaced" in "\n".join(daemon.stderr)
        assert path.read_bytes() == content


async def test_a_name_that_is_not_resolved_is_said_once_and_tried_until_it_is(
    sim: Simulator, names: Names, tmp_path: Path
) -> None:
    config = write_config(tmp_path, sim, '[sinks.events]\ntype = "log"\n', regions='regions = ["cn-a"]')
    text = config.read_text().replace("127.0.0.1", "cloud.example")
    config.write_text(text.replace("rate = 1000", "rate = 1000\nretries = 0"))
    async with syncd("run", "--config", config, under=names.under) as daemon:
        failed = await daemon.logged("sync_failed")
        assert failed["class"] == "unreachable"
        assert "cannot be resolved" in failed["error"]
        names.know("127.0.0.1 cloud.example")
        await daemon.logged("sync_recovered")
        await settled(tmp_path / "syncd.db", sim)
        daemon.signal(signal.SIGTERM)
        assert await daemon.exit_code() == 0
        assert len(daemon.lines("sync_failed")) == 1


async def test_a_page_that_rotted_ends_it_with_5_and_a_remedy(sim: Simulator, tmp_path: Path) -> None:
    sim.world.fill("lab", "cn-a", 300)
    config = write_config(tmp_path, sim)
    async with syncd("sync", "--config", config) as first:
        assert await first.exit_code() == 0
    path = tmp_path / "syncd.db"
    content = bytearray(path.read_bytes())
    content[4096 * 3 :] = os.urandom(len(content) - 4096 * 3)
    path.write_bytes(content)
    async with syncd("run", "--config", config) as daemon:
        assert await daemon.exit_code() == 5
        assert "backup" in "\n".join(daemon.stderr)
    async with syncd("db", "check", "--config", config) as check:
        assert await check.exit_code() == 5


async def test_few_descriptors_are_enough_and_none_are_leaked(sim: Simulator, tmp_path: Path) -> None:
    config = write_config(tmp_path, sim)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, before[1]))
    try:
        process = syncd("run", "--config", config)
        daemon = await process.__aenter__()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    try:
        await daemon.logged("synced")
        await sim.requests.reach(len(sim.requests.select()) + 3)
        count = len(list(Path(f"/proc/{daemon.pid}/fd").iterdir()))
        await sim.requests.reach(len(sim.requests.select()) + 3)
        assert len(list(Path(f"/proc/{daemon.pid}/fd").iterdir())) <= count + 1
    finally:
        await process.__aexit__(None, None, None)


async def test_without_a_descriptor_left_it_fails_aloud_and_recovers(sim: Simulator, tmp_path: Path) -> None:
    config = write_config(tmp_path, sim, regions='regions = ["cn-a"]')
    config.write_text(config.read_text().replace("rate = 1000", "rate = 1000\nretries = 0"))
    async with syncd("run", "--config", config) as daemon:
        await daemon.logged("synced")
        limits = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
        hanging_up = sim.faults.add(Fault("reset"))
        failed = await daemon.logged("sync_failed")
        hanging_up.remove()
        sim.world.fill("lab", "cn-a", 2)
        asked = len(sim.requests.select())
        assert failed["class"] == "unreachable"
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, limits)
        await daemon.logged("sync_recovered")
        assert len(sim.requests.select()) > asked
        await settled(tmp_path / "syncd.db", sim)
        assert len(daemon.lines("sync_failed")) == 1
