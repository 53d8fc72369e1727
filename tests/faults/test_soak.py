"""A minute of `make soak`: nothing grows, nothing false is told, nothing is lost."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_short_soak_finds_nothing_that_grows_and_nothing_wrong() -> None:
    command = [sys.executable, "-m", "tests.soak", "--syncs", "2000", "--minutes", "4"]
    soak = subprocess.run(command, check=False, capture_output=True, text=True)
    assert soak.returncode == 0, soak.stdout + soak.stderr
    assert "false revocations: 0" in soak.stdout
    assert "deliveries lost or doubled: 0" in soak.stdout
