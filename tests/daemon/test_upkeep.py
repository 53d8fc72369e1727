"""Upkeep and reloads on a whole installation: pruning only by a believed clock, sinks only as far as they changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from syncd.config import LogSinkConfig, WebhookSinkConfig
from syncd.daemon.assembly import Observers, Parts, assemble
from syncd.daemon.operations import perform, prune_if_due
from syncd.model import Secret, SinkFilter, to_text
from syncd.sinks.build import settings_digest
from syncd.store import outbox
from tests.config_files import Files
from tests.delivery.harness import Clock, drafts

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EVERYTHING = SinkFilter(events=("*",), scope="region", baseline=True)
ROBOT = WebhookSinkConfig("robot", EVERYTHING, Secret("http://127.0.0.1:1/token-of-robot"), format="feishu")
HOOK = WebhookSinkConfig(
    "hook", EVERYTHING, Secret("http://127.0.0.1:1/in"), headers={"X-Key": Secret("k" * 20)}
)
LOG = LogSinkConfig("log", EVERYTHING)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def parts(tmp_path: Path, clock: Clock) -> AsyncIterator[Parts]:
    path = tmp_path / "syncd.db"
    config = Files(tmp_path).load(f'[database]\npath = "{path}"')
    config = replace(config, sinks={sink.name: sink for sink in (ROBOT, HOOK, LOG)})
    async with assemble(config, clock, Observers()) as parts:
        yield parts


async def sink_states(parts: Parts) -> dict[str, int]:
    async with parts.db.read() as tx:
        rows = await tx.fetch("SELECT state, COUNT(*) FROM deliveries GROUP BY state")
    return {str(state): int(count) for state, count in rows}


async def pruned(parts: Parts) -> Any:
    return (await perform(parts, "prune", {})).answer["pruned"]


async def test_a_clock_a_year_ahead_gives_nothing_up_and_a_year_that_passed_does(
    parts: Parts, clock: Clock
) -> None:
    async with parts.db.write() as tx:
        await outbox.append(tx, drafts(1), parts.syncer.settings.routes)
    assert await pruned(parts) is None, "the clock was never seen before"
    clock.advance(DAY.total_seconds())
    assert (await pruned(parts))["dead"] == 0
    clock.at += 366 * DAY
    for _ in range(20):
        assert await pruned(parts) is None
        await prune_if_due(parts)
        clock.advance(HOUR.total_seconds())
    assert await sink_states(parts) == {"pending": 3}
    clock.advance(5 * HOUR.total_seconds())
    await prune_if_due(parts)
    async with parts.db.read() as tx:
        sink_events = await tx.fetch("SELECT type FROM events WHERE type LIKE 'sink.%'")
        assert (await tx.fetch("SELECT pruned_at FROM clock")) == [(to_text(clock.now()),)]
    assert [kind for (kind,) in sink_events] == ["sink.failed"] * 3
    assert await sink_states(parts) == {"dead": 3, "pending": 6}


async def test_a_reload_exchanges_the_changed_sinks_only_and_keeps_their_pace(parts: Parts) -> None:
    before = dict(parts._sinks)
    english = {**parts.config.sinks, "robot": replace(ROBOT, language="zh")}
    filtered = english | {"log": replace(LOG, wants=SinkFilter())}
    await parts.change(replace(parts.config, sinks=filtered))
    after = parts._sinks
    assert {name for name in before if after[name] is not before[name]} == {"robot"}
    assert after["robot"]._rate_limiter is before["robot"]._rate_limiter  # type: ignore[attr-defined]  # a WebhookSink
    assert [route.wants for route in parts.dispatcher._routes if route.sink == "log"] == [SinkFilter()]


def test_a_digest_of_settings_changes_with_them_and_holds_nothing_secret() -> None:
    digest = settings_digest(HOOK)
    assert settings_digest(replace(HOOK, url=Secret("other"), wants=SinkFilter())) == digest
    assert settings_digest(replace(HOOK, headers={"X-Key": Secret("other")})) == digest
    changed = (replace(HOOK, format="cloudevents"), replace(HOOK, body="x"), replace(HOOK, headers={}))
    assert len({digest, *map(settings_digest, changed)}) == 4
