from __future__ import annotations

import os
from pathlib import Path

import pytest

from syncd.store import filesystem, migrate


def test_little_room_is_warned_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate.upgrade_file(tmp_path / "x.db")
    monkeypatch.setattr(filesystem, "space", lambda _: filesystem.Space(10 * 2**20, 1000))
    [warning] = filesystem.warnings(tmp_path / "x.db")
    assert "only 10 MB" in warning
    monkeypatch.setattr(filesystem, "space", lambda _: filesystem.Space(10 * 2**30, 0))
    [warning] = filesystem.warnings(tmp_path / "x.db")
    assert "inodes" in warning
    monkeypatch.setattr(filesystem, "space", lambda _: filesystem.Space(10 * 2**30, None))
    assert filesystem.warnings(tmp_path / "x.db") == ()
    monkeypatch.setattr(filesystem, "space", lambda _: None)
    assert filesystem.warnings(tmp_path / "x.db") == ()


def test_a_file_larger_than_what_is_free_is_warned_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "x.db").open("wb") as file:
        file.truncate(2**30)
    monkeypatch.setattr(filesystem, "space", lambda _: filesystem.Space(2**30 - 1, None))
    [warning] = filesystem.warnings(tmp_path / "x.db")
    assert "1024 MB" in warning


def test_space_is_that_of_the_nearest_folder_that_exists(tmp_path: Path) -> None:
    space = filesystem.space(tmp_path / "not" / "yet" / "x.db")
    found = os.statvfs(tmp_path)
    assert space is not None
    assert abs(space.free - found.f_bavail * found.f_frsize) < 2**30


MOUNTS = r"""
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 21 0:40 / /home rw,relatime shared:2 - nfs4 server:/home rw
31 30 8:2 / /home/local rw - xfs /dev/sdb1 rw
32 21 0:41 / /mnt/with\040space rw - fuse.sshfs user@host: rw
33 21 0:42 / /srv rw - ext4 /dev/sdc rw
34 21 0:42 / /srv rw shared:9 master:1 - cifs //host/share rw
a torn line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/syncd/syncd.db", None),
        ("/home/me/syncd.db", "nfs4"),
        ("/home/local/syncd.db", None),
        ("/homely/syncd.db", None),
        ("/mnt/with space/syncd.db", "fuse.sshfs"),
        ("/srv/syncd.db", "cifs"),
    ],
)
def test_a_network_file_system_is_known_by_the_mount_that_covers_the_path(
    tmp_path: Path, path: str, kind: str | None
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert filesystem.network_file_system(Path(path), mounts) == kind


def test_without_proc_no_file_system_is_accused(tmp_path: Path) -> None:
    assert filesystem.network_file_system(tmp_path, tmp_path / "nothing") is None


def test_an_upgrade_passes_warnings_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filesystem, "network_file_system", lambda _: "nfs4")
    for _ in range(2):
        warnings = migrate.upgrade_file(tmp_path / "x.db").warnings
        assert "network file system (nfs4)" in warnings[0]
