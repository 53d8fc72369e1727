from __future__ import annotations

import asyncio
import json
import signal
import socket
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from syncd.config import HeartbeatConfig
from syncd.model import Secret
from syncd.monitoring.health import AccountView, Health, SinkView, TargetView, assess
from syncd.monitoring.heartbeat import Heartbeat
from syncd.simulator import Fault, Simulator, World, lean_fields
from tests.daemon.prometheus import Samples, firing, samples_of
from tests.processes import WAIT_SECONDS, Process, syncd, write_config

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
FRESH = TargetView("lab", "cn-a", NOW + timedelta(minutes=1))
LAB = AccountView("lab", 1)


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    world = World(invent=lean_fields)
    world.add_region("cn-a")
    world.add_region("cn-b")
    world.add_account("lab")
    world.fill("lab", "*", 3)
    async with Simulator(world) as running:
        yield running


async def get(daemon: Process, path: str) -> tuple[int, str]:
    port = (await daemon.logged("listening"))["port"]
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, await answer.text()


async def measured(daemon: Process) -> tuple[Samples, str]:
    """The samples, and the text that they were read from."""
    _, text = await get(daemon, "/metrics")
    return samples_of(text), text


@pytest.mark.parametrize(
    ("account", "target", "sink", "healthy", "warns"),
    [
        (LAB, FRESH, SinkView("s", "ok"), True, ""),
        (LAB, TargetView("lab", "cn-a", NOW), SinkView("s", "ok"), False, ""),
        (LAB, TargetView("lab", "cn-a", None), SinkView("s", "ok"), False, ""),
        (
            LAB,
            TargetView("lab", "cn-a", NOW + timedelta(9), NOW + timedelta(8)),
            SinkView("s", "ok"),
            False,
            "",
        ),
        (
            LAB,
            TargetView("lab", "cn-a", NOW + timedelta(1), NOW + timedelta(seconds=9)),
            SinkView("s", "ok"),
            True,
            "",
        ),
        (LAB, FRESH, SinkView("s", "ok", NOW + timedelta(hours=8)), False, ""),
        (LAB, FRESH, SinkView("s", "disabled", NOW + timedelta(hours=8), 7), True, "disabled, 7 wait"),
        (AccountView("lab", 0), FRESH, SinkView("s", "ok"), False, ""),
        (LAB, FRESH, SinkView("s", "ok", NOW - timedelta(minutes=60)), True, ""),
        (LAB, FRESH, SinkView("s", "backing_off", NOW - timedelta(minutes=61)), False, "away"),
        (LAB, FRESH, SinkView("s", "disabled", NOW - timedelta(days=2), 7), True, "disabled, 7 wait"),
        (LAB, FRESH, SinkView("s", "ok", dead=2), True, "2 dead"),
        (LAB, TargetView("lab", "cn-a", NOW + timedelta(1), held=4), SinkView("s", "ok"), True, "4 held"),
    ],
)
def test_healthy_is_fresh_and_not_overdue_and_the_rest_are_warnings(
    account: AccountView, target: TargetView, sink: SinkView, healthy: bool, warns: str
) -> None:
    health = assess([account], [target], [sink], NOW)
    assert health.healthy == healthy
    assert any(warns in warning for warning in health.warnings) == bool(warns)


def test_a_failed_reload_is_a_warning() -> None:
    assert assess([LAB], [FRESH], [], NOW, "2 faults").warnings[0].endswith("2 faults")


async def test_the_daemon_answers_whether_it_lives_is_ready_and_what_it_measures(
    sim: Simulator, tmp_path: Path
) -> None:
    config = write_config(tmp_path, sim, '[http]\nlisten = "127.0.0.1:0"\n[sinks.log]\ntype = "log"\n')
    async with syncd("run", "--config", config) as daemon:
        await daemon.logged("synced", 2)
        assert (await get(daemon, "/livez"))[0] == 200
        assert (await get(daemon, "/readyz"))[0] == 200
        await get(daemon, "/metrics")
        image = sim.world.share("lab", "*")
        await daemon.logged("synced", 4)
        samples, text = await measured(daemon)
        while samples["syncd_sink_pending_events", "log"]:
            samples, text = await measured(daemon)
        assert samples["syncd_target_live_images", "cn-a", "lab"] == 4
        assert samples["syncd_target_fresh", "cn-b", "lab"] == 1
        assert samples["syncd_events_total", "image.shared"] == 8  # six of them in the first lists
        assert samples[("syncd_config_last_reload_successful",)] == 1
        assert samples["syncd_syncs_total", "cn-a", "complete", "lab"] >= 2
        assert samples["syncd_sink_pending_events", "log"] == 0
        assert any(key[0] == "syncd_deliveries_total" for key in samples)
        assert image not in text


async def test_the_shipped_alerts_fire_on_trouble_and_only_then(sim: Simulator, tmp_path: Path) -> None:
    more = '[http]\nlisten = "127.0.0.1:0"\n[sinks.log]\ntype = "log"\n'
    config = write_config(tmp_path, sim, more, regions='regions = ["cn-a", "cn-b"]')
    config.write_text(config.read_text().replace("rate = 1000", "rate = 1000\nretries = 0"))
    async with syncd("run", "--config", config) as daemon:
        await daemon.logged("synced", 2)
        assert firing((await measured(daemon))[0]) == set()
        sim.faults.add(Fault("http_error", status=502, region="cn-b"))
        sim.faults.add(Fault("blank", region="cn-a"))
        config.write_text(config.read_text() + "[guard]\nmn = 1\n")
        daemon.signal(signal.SIGHUP)
        await daemon.logged("reload_failed")
        await daemon.logged("held")
        wanted = {
            "SyncdTargetFailing", "SyncdAccountAlert", "SyncdUnhealthy", "SyncdImagesHeld", "SyncdReloadFailed",
        }  # fmt: skip
        async with asyncio.timeout(WAIT_SECONDS):
            while firing((await measured(daemon))[0]) != wanted:
                pass


async def test_the_alerts_of_stale_targets_and_waiting_deliveries_fire_too(
    sim: Simulator, tmp_path: Path
) -> None:
    more = '[http]\nlisten = "127.0.0.1:0"\n[sinks.away]\ntype = "webhook"\nurl = "http://127.0.0.1:9/"\n'
    config = write_config(tmp_path, sim, more)
    config.write_text(config.read_text().replace("rate = 1000", "rate = 1000\nretries = 0"))
    async with syncd("run", "--config", config) as daemon:
        await daemon.logged("synced", 2)
        sim.world.share("lab", "*")
        sim.world.share("lab", "*")
        await daemon.logged("synced", 4)
        daemon.signal(signal.SIGTERM)
        assert await daemon.exit_code() == 0
    age(tmp_path / "syncd.db", hours=2)
    sim.faults.add(Fault("http_error", status=502))
    wanted = {"SyncdTargetStale", "SyncdDeliveryOverdue", "SyncdDeliveryDead", "SyncdUnhealthy"}
    async with syncd("run", "--config", config) as daemon:
        await daemon.logged("sync_failed")
        async with asyncio.timeout(WAIT_SECONDS):
            while not wanted <= firing((await measured(daemon))[0]):
                pass


def age(path: Path, hours: int) -> None:
    """Everything happened so many hours earlier, and one delivery was given up."""
    with closing(sqlite3.connect(path)) as db, db:
        then = f"strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-{hours} hours')"
        db.execute(f"UPDATE events SET observed_at = {then}")
        db.execute(f"UPDATE targets SET fresh_until = {then}, last_success_at = {then}")
        last = "(SELECT max(event_seq) FROM deliveries WHERE state = 'pending')"
        db.execute(f"UPDATE deliveries SET state = 'dead', finished_at = {then} WHERE event_seq = {last}")


async def test_a_target_that_was_never_read_makes_it_unready_with_the_reason(
    sim: Simulator, tmp_path: Path
) -> None:
    sim.faults.add(Fault("http_error", status=502, region="cn-b"))
    more = '[http]\nlisten = "127.0.0.1:0"\n'
    config = write_config(tmp_path, sim, more, regions='regions = ["cn-a", "cn-b"]')
    config.write_text(config.read_text().replace("rate = 1000", "rate = 1000\nretries = 0"))
    async with syncd("run", "--config", config) as daemon:
        await daemon.logged("synced")
        await daemon.logged("sync_failed")
        status, text = await get(daemon, "/readyz")
        assert status == 503
        assert "lab/cn-b was never read whole" in text
        assert "HTTP 502" in text


def port() -> int:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        return int(nobody.getsockname()[1])


async def answers(url: str) -> bool:
    async with aiohttp.ClientSession() as session:
        try:
            async with session.get(f"{url}/livez") as answer:
                return answer.status == 200
        except aiohttp.ClientConnectorError:
            return False


async def test_listen_may_change_its_host_on_the_same_port_in_a_reload(
    sim: Simulator, tmp_path: Path
) -> None:
    own = port()
    config = write_config(tmp_path, sim, f'[http]\nlisten = "0.0.0.0:{own}"\n')
    async with syncd("run", "--config", config) as daemon:
        await daemon.logged("ready")
        assert await answers(f"http://127.0.0.2:{own}")
        write_config(tmp_path, sim, f'[http]\nlisten = "127.0.0.1:{own}"\n')
        daemon.signal(signal.SIGHUP)
        await daemon.logged("reloaded")
        assert await answers(f"http://127.0.0.1:{own}")
        assert not await answers(f"http://127.0.0.2:{own}")
        write_config(tmp_path, sim, f'[http]\nlisten = "192.0.2.1:{own}"\n')
        daemon.signal(signal.SIGHUP)
        await daemon.logged("reload_failed")
        assert await answers(f"http://127.0.0.1:{own}")


@pytest.mark.slow
async def test_a_reload_that_cannot_be_written_leaves_all_as_it_was(sim: Simulator, tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        elsewhere = nobody.getsockname()[1]
    sinks = '[sinks.events]\ntype = "log"\n'
    config = write_config(tmp_path, sim, f'{sinks}[http]\nlisten = "127.0.0.1:0"\n')
    async with syncd("run", "--config", config) as daemon:
        await daemon.logged("synced", 2)
        with closing(sqlite3.connect(tmp_path / "syncd.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            write_config(
                tmp_path, sim, f'[sinks.other]\ntype = "log"\n[http]\nlisten = "127.0.0.1:{elsewhere}"\n'
            )
            daemon.signal(signal.SIGHUP)
            await daemon.logged("reload_failed")
        back = (await daemon.logged("listening", 3))["port"]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{back}/readyz") as answer:
                assert "another program keeps" in await answer.text()
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.get(f"http://127.0.0.1:{elsewhere}/livez")
        sim.world.share("lab", "*")
        await daemon.logged("synced", 4)
        daemon.signal(signal.SIGTERM)
        assert [json.loads(line)["type"] for line in (await daemon.stdout()).splitlines()].count(
            "image.shared"
        )


async def test_systemd_hears_ready_watchdog_reloading_and_stopping(sim: Simulator, tmp_path: Path) -> None:
    config = write_config(tmp_path, sim)
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        heard: list[str] = []

        async def hear(word: str, count: int = 1) -> None:
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(WAIT_SECONDS):
                while sum(word in message for message in heard) < count:
                    heard.append((await loop.sock_recv(listener, 4096)).decode())

        environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
        async with syncd("run", "--config", config, **environ) as daemon:
            await hear("READY=1")
            await hear("STATUS=watching 2 targets")
            await hear("WATCHDOG=1", 3)
            daemon.signal(signal.SIGHUP)
            await hear("RELOADING=1\nMONOTONIC_USEC=")
            await hear("READY=1", 2)
            daemon.signal(signal.SIGTERM)
            await hear("STOPPING=1")
            assert await daemon.exit_code() == 0


async def test_the_heart_beats_while_it_is_healthy_and_never_shows_its_url(
    caplog: pytest.LogCaptureFixture,
) -> None:
    beats = 0
    status = 200

    async def take(_: web.Request) -> web.Response:
        nonlocal beats
        beats += 1
        return web.Response(status=status)

    app = web.Application()
    app.router.add_get("/{secret}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/s3cret"
    health = Health()

    async def judged() -> Health:
        return health

    try:
        heart = Heartbeat(HeartbeatConfig(Secret(url)), judged)
        await heart.beat()
        assert beats == 1
        health = Health(("lab/cn-a is stale",))
        await heart.beat()
        assert beats == 1
        health, status = Health(), 500
        await heart.beat()
        assert beats == 2
    finally:
        await runner.cleanup()
    await heart.beat()
    assert "s3cret" not in caplog.text
