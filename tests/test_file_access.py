"""Why a user is refused, as that user sees it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from syncd import file_access
from tests.config_files import open_up
from tests.store.users import GROUP, OTHER_UID, needs_root, run_as

LOOK = """
import sys
from pathlib import Path
from syncd import file_access
path = Path(sys.argv[1])
try:
    path.read_bytes()
except OSError as error:
    print(file_access.reason(path, error))
print(file_access.denied_hint(path, writing=True))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Belongs to root, and everybody may enter."""
    open_up(tmp_path)
    return tmp_path


def told(path: Path) -> list[str]:
    return run_as(LOOK, str(path)).stdout.splitlines()


@needs_root
def test_a_stranger_hears_who_owns_what_stops_them_and_how_to_get_past(folder: Path) -> None:
    path = folder / "closed/below/file"
    path.parent.mkdir(parents=True)
    path.write_text("x")
    (folder / "closed").chmod(0o700)
    reason, hint = told(path)
    assert reason == (
        f"Permission denied; {folder}/closed belongs to root, and you are {OTHER_UID}: run the command with `sudo`"
    )
    assert hint.endswith(f"let it write there: chown {OTHER_UID} {folder}/closed")
    os.chown(folder / "closed", 65534, -1)
    assert "belongs to nobody" in told(path)[0]
    assert "`sudo -u nobody`" in told(path)[0]


@needs_root
def test_where_a_group_may_read_it_is_named_and_where_one_s_own_mode_forbids_it_the_mode(
    folder: Path,
) -> None:
    path = folder / "file"
    path.write_text("x")
    os.chown(path, 0, GROUP + 1)
    path.chmod(0o640)
    assert f"or become a member of the group {GROUP + 1}" in told(path)[0]
    os.chown(path, OTHER_UID, GROUP)
    path.chmod(0o000)
    assert f"{path} is yours, but its mode is 0000: chmod u+rwX {path}" in told(path)[0]


def test_what_is_not_there_is_told_from_the_first_folder_that_is_missing(folder: Path) -> None:
    (folder / "file").touch()
    missing, below = folder / "no/such/file", folder / "file/below"
    assert (
        file_access.reason(missing, FileNotFoundError(2, "No"))
        == f"No (the folder {folder}/no does not exist)"
    )
    assert file_access.reason(below, NotADirectoryError(20, "No")) == f"No ({folder}/file is not a folder)"


def test_a_file_is_open_only_where_others_can_reach_it(folder: Path) -> None:
    path = folder / "inner/file"
    path.parent.mkdir()
    path.touch()
    assert file_access.is_open_to_others(path, 0o644)
    assert file_access.is_open_to_others(path, 0o602)
    assert not file_access.is_open_to_others(path, 0o640)
    path.parent.chmod(0o750)
    assert not file_access.is_open_to_others(path, 0o644)


TAKE = """
import sys
from pathlib import Path
import syncd.store.lock
from syncd.errors import DatabaseError
try:
    syncd.store.lock.FileLock.acquire(Path(sys.argv[1]), "command")
except DatabaseError as error:
    print(error.hint)
"""


@needs_root
def test_a_command_that_may_not_write_says_as_whom_to_run_it(folder: Path) -> None:
    (folder / "state").mkdir(mode=0o755)
    os.chown(folder / "state", 65534, -1)
    (hint,) = run_as(TAKE, str(folder / "state/syncd.db")).stdout.splitlines()
    assert hint.startswith(
        f"{folder}/state belongs to nobody, and you are {OTHER_UID}: run the command with `sudo -u nobody`; if "
    )
