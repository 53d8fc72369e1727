from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from tests.store.filled import fill


@pytest.fixture(scope="session")
def filled_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("filled") / "x.db"
    asyncio.run(fill(path))
    return path


@pytest.fixture
def filled(filled_once: Path, tmp_path: Path) -> Path:
    """A copy of its own of the database that `filled.fill` makes, closed cleanly."""
    return Path(shutil.copy(filled_once, tmp_path / "x.db"))
