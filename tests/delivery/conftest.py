"""The fixture of most tests here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from syncd.delivery import sender
from tests.delivery.harness import Harness, harness_at


@pytest.fixture
async def harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Harness]:
    """A database with a dispatcher that does not wait for messages under way when it stops."""
    monkeypatch.setattr(sender, "STOP_GRACE", 0.0)
    async with harness_at(tmp_path / "syncd.db") as harness:
        yield harness
