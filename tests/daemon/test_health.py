"""One definition of health: `status`, /readyz, metrics, heartbeat and the unit's line agree in every situation."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from syncd.cli.main import main
from syncd.config import Config, HeartbeatConfig, HttpConfig, load
from syncd.daemon.assembly import Observers, SystemClock
from syncd.daemon.monitor import Monitor
from syncd.model import Secret, to_text
from syncd.simulator import Fault, Simulator, World, lean_fields
from syncd.store import migrate
from tests.daemon.prometheus import firing, rules, samples_of
from tests.processes import WAIT_SECONDS, Process, syncd, write_config

CONFIG = """
[database]
path = "{path}"
[accounts.lab]
public_key = "a"
private_key = "b"
regions = ["cn-a"]
[sinks.team]
type = "webhook"
url = "http://127.0.0.1:9/"
"""

ALL_IS_WELL = """
INSERT INTO accounts (account, scope, key_hash) VALUES ('lab', 's', 'k');
INSERT INTO targets (account, region, baseline_at, last_attempt_at, last_success_at, fresh_until, live_count)
  VALUES ('lab', 'cn-a', {now}, {now}, {now}, {soon}, 3);
INSERT INTO sinks (name, state, since) VALUES ('team', 'ok', {now});
INSERT INTO events (seq, id, type, account, observed_at, body) VALUES (1, 'e1', 'sync.failed', 'lab', {now}, '{{}}');
"""
PENDING = "INSERT INTO deliveries (event_seq, sink) VALUES (1, 'team');"
LONG_AGO = "UPDATE events SET observed_at = {ago};"
FAILING = "UPDATE targets SET last_error = 'HTTP 502', failure_class = 'unreachable', failures = "
ALERT = (
    "UPDATE accounts SET alert_class = 'auth', alert_since = {now}, alert_opened_at = {now}, alert_said_at = {now},"
    ' alert_told = \'{{"classes": ["auth"], "named": ["cn-a"], "failed": ["cn-a"]}}\';'
)
DISABLED = "UPDATE sinks SET state = 'disabled', failed_said_at = {now}, failed_reason = "
AWAY = (
    "UPDATE sinks SET state = 'backing_off', last_error = 'HTTP 503', failures = 3, next_attempt_at = {soon};"
)
TOLD_AWAY = "UPDATE sinks SET failed_said_at = {now}, failed_reason = 'backing_off';"
REFUSED = "UPDATE deliveries SET attempts = 2, next_attempt_at = {soon}, last_error = 'HTTP 400';"
DEAD = (
    "INSERT INTO deliveries (event_seq, sink, state, last_error) VALUES (1, 'team', 'dead', 'HTTP 413');"
    "UPDATE sinks SET dead_said_at = {now};"
)


@dataclass(frozen=True)
class Situation:
    """``change`` is what differs from a database in which all is well, ``said`` what is said about it."""

    change: str
    exit_code: int = 0
    said: str = ""
    alerts: tuple[str, ...] = ()

    @property
    def healthy(self) -> bool:
        return self.exit_code in (0, 4)


UNHEALTHY = "SyncdUnhealthy"
SITUATIONS = {
    "all is well": Situation(""),
    "an event waits": Situation(PENDING),
    "a target is stale": Situation(
        "UPDATE targets SET fresh_until = {ago};", 3, "lab/cn-a is stale", ("SyncdTargetStale", UNHEALTHY)
    ),
    "a target was never read": Situation(
        "UPDATE targets SET fresh_until = NULL, last_success_at = NULL;",
        3, "never read whole", ("SyncdTargetStale", UNHEALTHY),
    ),
    "an account has no target": Situation("DELETE FROM targets;", 3, "lab has no target", (UNHEALTHY,)),
    "an alert is open": Situation(ALERT, 3, "sync fails (auth)", ("SyncdAccountAlert", UNHEALTHY)),
    "a target fails with an open alert": Situation(
        ALERT + FAILING + "6;", 3, "failed 6 times in a row",
        ("SyncdAccountAlert", "SyncdTargetFailing", UNHEALTHY),
    ),
    "a target failed once": Situation(FAILING + "1;", 0, "lab/cn-a failed once: HTTP 502"),
    "regions are unknown": Situation(
        "UPDATE accounts SET discovery_failures = 1, discovery_error = 'HTTP 502';", 0, "regions of lab are unknown"
    ),
    "images are held": Situation(
        "UPDATE targets SET held_count = 2;", 4, "syncd held list --account lab --region cn-a", ("SyncdImagesHeld",)
    ),
    "an event has waited long": Situation(
        PENDING + LONG_AGO, 3, "has waited for 2 h", ("SyncdDeliveryOverdue", UNHEALTHY)
    ),
    "a sink is away": Situation(PENDING + AWAY, 0, "sink team is away: HTTP 503"),
    "a sink has been away for long": Situation(
        PENDING + AWAY + TOLD_AWAY, 3, "has taken nothing for over an hour", ("SyncdSinkFailed", UNHEALTHY)
    ),
    "a receiver is gone": Situation(
        PENDING + DISABLED + "'gone';", 3, "its receiver is gone, 1 wait", ("SyncdSinkFailed", UNHEALTHY)
    ),
    "a sink was enabled after its receiver was gone": Situation(
        DISABLED + "'gone'; UPDATE sinks SET state = 'ok';", 0, "has taken nothing since", ("SyncdSinkFailed",)
    ),
    "a person disabled a sink": Situation(
        PENDING + LONG_AGO + DISABLED + "'disabled';", 0, "sink team is disabled", ("SyncdSinkFailed",)
    ),
    "events are refused": Situation(
        PENDING + REFUSED, 0, "UTC; it is tried again: HTTP 400", ("SyncdDeliveryRefused",)
    ),
    "events have been refused for long": Situation(
        PENDING + REFUSED + LONG_AGO, 3, "HTTP 400", ("SyncdDeliveryOverdue", "SyncdDeliveryRefused", UNHEALTHY)
    ),
    "an event is dead": Situation(
        DEAD, 0, "1 dead (given up): HTTP 413", ("SyncdDeliveryDead", "SyncdSinkFailed")
    ),
}  # fmt: skip


def database(tmp_path: Path, change: str) -> Config:
    now = SystemClock().now()
    times = {
        name: f"'{to_text(moment)}'"
        for name, moment in (
            ("now", now),
            ("soon", now + timedelta(minutes=2)),
            ("ago", now - timedelta(hours=2)),
        )
    }
    path = tmp_path / "syncd.db"
    migrate.upgrade_file(path)
    with closing(sqlite3.connect(path)) as db:
        db.executescript((ALL_IS_WELL + change).format(**times))
    config = tmp_path / "config.toml"
    config.touch(mode=0o600)
    config.write_text(CONFIG.format(path=path))
    return load(config, {})


@asynccontextmanager
async def heartbeats() -> AsyncIterator[tuple[str, list[str]]]:
    """The URL of a monitoring service, and what it got."""
    got: list[str] = []

    async def take(request: web.Request) -> web.Response:
        got.append(request.path)
        return web.Response()

    app = web.Application()
    app.router.add_get("/beat", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/beat", got
    finally:
        await runner.cleanup()


@asynccontextmanager
async def monitoring(config: Config) -> AsyncIterator[tuple[Monitor, str]]:
    monitor = Monitor(lambda: config, SystemClock(), Observers())
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    await monitor.follow(HttpConfig("127.0.0.1", port))
    try:
        yield monitor, f"http://127.0.0.1:{port}"
    finally:
        await monitor.aclose()


async def get(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize("name", SITUATIONS)
async def test_all_that_tells_of_health_agrees(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    situation = SITUATIONS[name]
    config = database(tmp_path, situation.change)
    async with heartbeats() as (url, beats), monitoring(config) as (monitor, address):
        await monitor.heartbeat(HeartbeatConfig(Secret(url))).beat()
        status, text = await get(f"{address}/readyz")
        _, metrics = await get(f"{address}/metrics")
        line = await monitor.status_line()
    capsys.readouterr()  # the log
    code = main(["status", "--format", "json", "--config", str(config.path)])
    (shown,) = json.loads(capsys.readouterr().out)
    ready, samples = json.loads(text), samples_of(metrics)
    healthy = situation.healthy
    assert (status, code) == (200 if healthy else 503, situation.exit_code)
    assert (shown["healthy"], ready["healthy"], samples[("syncd_healthy",)] == 1) == (healthy,) * 3
    assert (len(beats), "unhealthy" in line) == (int(healthy), not healthy)
    assert (shown["reasons"], shown["warnings"]) == (ready["reasons"], ready["warnings"])
    assert situation.said in " ".join(ready["reasons"] + ready["warnings"])
    assert bool(ready["reasons"] + ready["warnings"]) == bool(situation.said)
    assert firing(samples) == set(situation.alerts)


def test_the_situations_fire_every_rule_but_those_that_no_database_shows() -> None:
    fired = {alert for situation in SITUATIONS.values() for alert in situation.alerts}
    assert {name for name, _ in rules()} - fired == {"SyncdDown", "SyncdReloadFailed"}


@pytest.mark.parametrize(
    ("page", "unhealthy", "warning"),
    [("operations.md", "unhealthy", "a warning"), ("zh/operations.md", "不健康", "警告")],
    ids=["en", "zh"],
)
def test_the_table_of_the_page_names_what_is_unhealthy_and_what_is_a_warning(
    page: str, unhealthy: str, warning: str
) -> None:
    text = (Path(__file__).parents[2] / "docs" / page).read_text()
    verdicts = re.findall(rf"^\| .+ \| ({unhealthy}|{warning}) \|", text, re.MULTILINE)
    assert verdicts == [unhealthy] * 6 + [warning] * 8


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    world = World(invent=lean_fields)
    world.add_region("cn-a")
    world.add_account("lab")
    world.fill("lab", "*", 3)
    async with Simulator(world) as running:
        yield running


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not await condition():
            pass


async def alerts_of(daemon: Process) -> set[str]:
    port = (await daemon.logged("listening"))["port"]
    _, text = await get(f"http://127.0.0.1:{port}/metrics")
    return firing(samples_of(text))


async def test_a_refused_key_and_a_receiver_that_is_gone_are_known_at_once(
    sim: Simulator, tmp_path: Path
) -> None:
    async def gone(_: web.Request) -> web.Response:
        return web.Response(status=410)

    app = web.Application()
    app.router.add_post("/", gone)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    more = f'[http]\nlisten = "127.0.0.1:0"\n[sinks.team]\ntype = "webhook"\nurl = "{url}"\n'
    config = write_config(tmp_path, sim, more, regions='regions = ["cn-a"]')
    try:
        async with syncd("run", "--config", config) as daemon:
            await daemon.logged("synced")
            sim.faults.add(Fault("retcode", code=171))

            async def both_fire() -> bool:
                wanted = {"SyncdAccountAlert", "SyncdSinkFailed", "SyncdUnhealthy"}
                return await alerts_of(daemon) == wanted

            await until(both_fire)
    finally:
        await runner.cleanup()


async def test_the_line_of_the_unit_counts_targets_and_follows_what_fails(
    sim: Simulator, tmp_path: Path
) -> None:
    """A discovery that fails is no target; and the line changes when a sync reports it, not a minute later."""
    config = write_config(tmp_path, sim)
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)

        async def hear(line: str) -> None:
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(WAIT_SECONDS):
                while not re.search(line, (await loop.sock_recv(listener, 4096)).decode(), re.MULTILINE):
                    pass

        async with syncd("run", "--config", config, NOTIFY_SOCKET=str(tmp_path / "notify")):
            await hear("STATUS=watching 1 target$")
            wrong_key = sim.faults.add(Fault("retcode", code=171, on="list"))
            await hear(r"STATUS=watching 1 target, 1 failing; unhealthy: account lab: sync fails \(auth\)")
            wrong_key.remove()
