"""Whatever the umask: nobody else reads what a daemon leaves on the disk, but for the group that was let in."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from syncd.simulator import Simulator, World, lean_fields
from tests.processes import syncd, write_config

pytestmark = pytest.mark.slow


def modes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): oct(stat.S_IMODE(path.stat().st_mode))
        for path in (folder, *folder.rglob("*"))
    }


@pytest.mark.parametrize("umask", ["000", "077"])
@pytest.mark.parametrize("group_readable", [False, True])
async def test_files_and_folders_have_their_modes(tmp_path: Path, umask: str, group_readable: bool) -> None:
    world = World(invent=lean_fields)
    world.add_region("cn-a")
    world.add_account("lab")
    world.fill("lab", "cn-a", 3)
    state, events = tmp_path / "state", tmp_path / "events"
    under = ("sh", "-c", f'umask {umask} && exec "$@"', "sh")
    async with Simulator(world) as sim:
        sink = f'[sinks.file]\ntype = "log"\npath = "{events}/events.jsonl"\nbaseline = true\n'
        config = write_config(tmp_path, sim, sink)
        readable = f'path = "{state}/syncd.db"\ngroup_readable = {str(group_readable).lower()}'
        config.write_text(config.read_text().replace(f'path = "{tmp_path}/syncd.db"', readable))
        async with syncd("run", "--config", config, under=under) as daemon:
            await daemon.logged("synced")
            async with syncd("db", "backup", state / "copy.db", "--config", config, under=under) as backup:
                assert await backup.exit_code() == 0
            file, folder = ("0o640", "0o750") if group_readable else ("0o600", "0o700")
            assert modes(state) == {
                ".": folder, "syncd.db": file, "syncd.db-wal": file, "syncd.db-shm": file, "syncd.db.lock": file,
                "copy.db": "0o600",
            }  # fmt: skip
            assert modes(events) == {".": "0o700", "events.jsonl": "0o600"}
