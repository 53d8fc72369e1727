"""What a running daemon does not load, because it needs it nowhere and it would cost memory."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from tests.one_region import one_region
from tests.processes import syncd, write_config

LISTENING = {"aiohttp.web", "prometheus_client", "syncd.web.listener", "syncd.monitoring.metrics"}
"""Only for ``[http] listen``."""
NEVER = {
    "alembic",
    "mako",
    "jinja2",
    "rich",
    "pygments",
    "syncd.cli.table",
    "syncd.simulator",
    "sqlite3.dump",
}

TELLING = (
    "import atexit, sys; from syncd.cli.main import main\n"
    "atexit.register(lambda: print(*sys.modules)); sys.exit(main(sys.argv[4:]))"
)
"""Runs the rest of its line, which is `python -m syncd …`, and prints the modules that are loaded at the end."""


@pytest.mark.parametrize(("http", "loaded"), [("", set()), ('[http]\nlisten = "127.0.0.1:0"\n', LISTENING)])
async def test_a_daemon_that_has_synced_loads_only_what_it_uses(
    tmp_path: Path, http: str, loaded: set[str]
) -> None:
    async with one_region() as sim:
        config = write_config(tmp_path, sim, http)
        async with syncd("run", "--config", config, under=(sys.executable, "-c", TELLING)) as daemon:
            await daemon.logged("ready")
            await daemon.logged("synced")
            daemon.signal(signal.SIGTERM)
            assert await daemon.exit_code() == 0
            modules = set((await daemon.stdout()).split())
    assert "syncd.sync.syncer" in modules
    assert (NEVER | LISTENING) & modules == loaded
