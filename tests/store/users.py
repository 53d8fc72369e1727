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


def run_as(code: str, *args: str, uid: int = OTHER_UID, gid: int = GROUP) -> subprocess.CompletedProcess[str]:
    """Run Python as another user: it imports first, then becomes that user (a checkout may be closed to others)."""
    become = f"import os; os.setgroups([]); os.setgid({gid}); os.setuid({uid})\n"
    imports = "".join(line + "\n" for line in code.splitlines() if line.startswith(("import ", "from ")))
    rest = "".join(line + "\n" for line in code.splitlines() if not line.startswith(("import ", "from ")))
    return subprocess.run(
        [sys.executable, "-c", imports + become + rest, *args],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
