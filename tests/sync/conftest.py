from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from syncd.sync.settings import Settings
from tests.sync.rig import SINK, Rig, rig_at

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


@pytest.fixture
async def daily(make_rig: MakeRig) -> Rig:
    """One account, one region, planned once a day: every gap of less counts as watched, and each look is seen."""
    return await make_rig(settings=Settings(routes=(SINK,), interval=lambda _: timedelta(days=1)))
