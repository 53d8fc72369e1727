"""`syncd demo`: a pretend cloud, the real daemon, and a receiver that prints. No account and no setup is needed."""

from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
import time
from pathlib import Path

import click

from syncd.cli.demo_check import DemoCheck, check_demo
from syncd.cli.demo_receiver import DemoReceiver
from syncd.cli.demo_scenario import ACCOUNT, REGIONS, DemoScenario
from syncd.cli.language import translate
from syncd.cli.options import Duration
from syncd.cli.output import tell
from syncd.config import Config, load
from syncd.daemon import logs
from syncd.daemon.assembly import SystemClock
from syncd.daemon.daemon import Daemon
from syncd.errors import ExitCode
from syncd.simulator import Account, Simulator, World

IMAGES = 5
"""So many images are in each region at the beginning, and as many more are in all of them."""

CONFIG = """\
[database]
path = "{path}"
[schedule]
interval = "1s"
jitter = "0s"
[api]
base_url = "{cloud}"
[accounts.{account}]
public_key = "{public_key}"
private_key = "{private_key}"
[sinks.printer]
type = "webhook"
url = "{receiver}"
"""


@click.command(
    epilog="""\b
Example:
  syncd demo
  syncd demo --for 30s --keep

\b
Environment: none; it reads no configuration."""
)
@click.option(
    "--for",
    "limit",
    type=Duration(),
    default=90.0,
    metavar="TIME",
    help="End after this time at the latest [90s].",
)
@click.option("--keep", is_flag=True, help="Keep the database, and say how to look into it.")
@click.pass_context
def demo(context: click.Context, limit: float, keep: bool) -> None:
    """Show syncd at work on a pretend cloud; no account is needed."""
    logs.configure("error")
    folder = Path(tempfile.mkdtemp(prefix="syncd-demo-"))
    try:
        succeeded = asyncio.run(_run_demo(folder, limit))
    finally:
        if keep:
            _print_database_path(folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
            click.echo()
            tell("Try next:")
            click.echo(
                f"  syncd demo --keep   {translate('the same, and the database is kept for you to look into')}"
            )
            click.echo(f"  syncd config init   {translate('a configuration for your own account')}")
    context.exit(ExitCode.OK if succeeded else ExitCode.UNEXPECTED)


class Narrator:
    """Prints lines, each with the seconds since the beginning."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self, text: str) -> None:
        click.echo(f"{time.monotonic() - self._started:5.1f} s  {translate(text)}")


async def _run_demo(folder: Path, limit: float) -> bool:
    """Play the scenario until it ends, the time is up or somebody presses Ctrl-C; True if all came out as it should."""
    say = Narrator()
    world, account = _make_world()
    receiver = DemoReceiver()
    async with Simulator(world) as cloud, receiver.serving() as url:
        config = _write_config(folder, cloud.url, url, account)
        say(
            f"A pretend CompShare serves {cloud.url}, with {IMAGES * 2} images in each of {len(REGIONS)} regions."
        )
        scenario = DemoScenario(world, cloud, receiver, say)
        finished = await _play_with_daemon(config, scenario, limit)
    check = check_demo(config.database.path, world)
    _print_conclusion(say, scenario, finished, check)
    return check.passed and (finished or scenario.interrupted)


def _make_world() -> tuple[World, Account]:
    world = World()
    for region in REGIONS:
        world.add_region(region)
    account = world.add_account(ACCOUNT)
    for region in REGIONS:
        world.fill(ACCOUNT, region, IMAGES)
    world.fill(ACCOUNT, "*", IMAGES)
    return world, account


async def _play_with_daemon(config: Config, scenario: DemoScenario, limit: float) -> bool:
    """Run the daemon and the scenario beside each other; True if the scenario was played to its end."""
    ready = asyncio.Event()
    daemon = Daemon(config, SystemClock(), ready=ready.set)
    running = asyncio.create_task(daemon.run(), name="daemon")
    playing = asyncio.create_task(_play(scenario, ready), name="scenario")
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, playing.cancel)
    try:
        await asyncio.wait([playing, running], timeout=limit, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if not playing.done():
            playing.cancel()
        daemon.stop()
        await asyncio.wait([playing, running])
    running.result()
    scenario.interrupted = playing.cancelled()
    if not playing.cancelled():
        playing.result()
    return not playing.cancelled()


async def _play(scenario: DemoScenario, ready: asyncio.Event) -> None:
    await ready.wait()
    scenario.say("syncd watches it, every second, over HTTP.")
    await scenario.play()


def _write_config(folder: Path, cloud: str, receiver: str, account: Account) -> Config:
    path = folder / "config.toml"
    path.touch(mode=0o600)
    path.write_text(
        CONFIG.format(
            path=folder / "syncd.db",
            cloud=cloud,
            receiver=receiver,
            account=ACCOUNT,
            public_key=account.public_key,
            private_key=account.private_key,
        )
    )
    return load(path, {})


def _print_conclusion(say: Narrator, scenario: DemoScenario, finished: bool, check: DemoCheck) -> None:
    say(
        "The end."
        if finished
        else f"Stopped early: {scenario.played} of {scenario.scene_count} scenes were played."
    )
    click.echo()
    tell("What was checked:")
    # A scenario that is cut short may leave a change in the cloud that no sync has seen yet.
    for passed, claim in (
        (
            check.history_gives_state,
            f"the {check.events} image events add up to exactly the {check.live} images in the database",
        ),
        (check.matches_cloud or not finished, "the images in the database are those in the cloud"),
        (
            not check.false_revocations,
            f"{check.revocations} images were reported as revoked, all of them correctly",
        ),
    ):
        click.echo(f"  {'✓' if passed else '✗'} {translate(claim)}")


def _print_database_path(folder: Path) -> None:
    path = folder / "syncd.db"
    click.echo()
    tell(f"The database is {path}. Look into it:")
    for words in ("images", "events", "status", "runs --limit 5"):
        click.echo(f"  syncd {words} --db {path}")
    click.echo(f'  sqlite3 -box {path} "SELECT region, status, COUNT(*) FROM images GROUP BY 1, 2"')
    tell("To watch your own account next: syncd config init")
