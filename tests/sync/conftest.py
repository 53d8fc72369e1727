from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.sync.rig import Rig, rig_at

MakeRig = Callable[..., Awaitable[Rig]]


@pytest.fixture
async def make_rig(tmp_path: Path) -> AsyncIterator[MakeRig]:
    """``await make_rig(regions=…)``: see `rig_at`."""
    async with AsyncExitStack() as stack:

        async def make(**options: Any) -> Rig:
            return await stack.enter_async_context(rig_at(tmp_path / "syncd.db", **options))

        yield make


@pytest.fixture
async def rig(make_rig: MakeRig) -> Rig:
    """One account, one region."""
    return await make_rig()
