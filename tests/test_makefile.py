"""`make` after a start that went wrong."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent

PYTHON = """#!/bin/sh
# Stands for Python: makes an environment whose python says whether it has pip; the first one has none.
case "$*" in
  *"-m venv --clear"*)
    for folder; do :; done
    [ -e "$0.failed" ]; code=$?
    touch "$0.failed"
    rm -rf "$folder"; mkdir -p "$folder/bin"
    printf '#!/bin/sh\\nexit %s\\n' "$code" > "$folder/bin/python"; chmod +x "$folder/bin/python"
    exit "$code";;
esac
"""


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_a_half_made_environment_is_made_anew_and_a_whole_one_is_kept(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    venv = tmp_path / "venv"

    def make() -> int:
        line = ["make", "-s", f"PYTHON={python}", f"VENV={venv}", f"{venv}/.run"]
        return subprocess.run(line, cwd=PROJECT, capture_output=True, timeout=60, check=False).returncode

    assert make() != 0
    assert (venv / "bin/python").exists()
    assert not (venv / ".made").exists()
    assert make() == 0
    (venv / "kept").touch()
    (venv / ".made").unlink()
    assert make() == 0
    assert (venv / "kept").exists()
