"""Runs code as another user of the file's group, as a colleague would at the same machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

OTHER_UID, GROUP, STRANGERS = 54321, 54320, 54319

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def let_in(folder: Path, mode: int = 0o755) -> None:
    """pytest keeps its folders from others; open those above ``folder``, and it itself to its group."""
    for parent in folder.parents:
        if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    os.chown(folder, -1, GROUP)
    folder.chmod(mode)


def script_as(code: str, uid: int = OTHER_UID, gid: int = GROUP) -> str:
    """Code that imports first and then becomes another user: a checkout may be closed to others."""
    become = f"import os; os.setgroups([]); os.setgid({gid}); os.setuid({uid})"
    lines = code.splitlines()
    imports = [line for line in lines if line.startswith(("import ", "from "))]
    return "\n".join([*imports, become, *(line for line in lines if line not in imports)])


def run_as(code: str, *args: str, gid: int = GROUP) -> subprocess.CompletedProcess[str]:
    """Run Python as another user of the group ``gid``."""
    return subprocess.run(
        [sys.executable, "-c", script_as(code, gid=gid), *args],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
