"""`syncd demo`: a pretend cloud, the real daemon, a receiver that prints. No account, no set-up."""

from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
import time
from pathlib import Path

import click

from syncd.cli.demo_scenario import ACCOUNT, REGIONS, Proof, Receiver, Story, prove
from syncd.cli.duration import DURATION
from syncd.config import Config, load
from syncd.daemon import logs
from syncd.daemon.assembly import SystemClock
from syncd.daemon.daemon import Daemon
from syncd.simulator import Account, Simulator, World

IMAGES = 5
"""Images of each region at the beginning, and as many that are in all of them."""

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
    type=DURATION,
    default=90.0,
    metavar="TIME",
    help="End after this time at the latest [90s].",
)
@click.option("--keep", is_flag=True, help="Keep the database, and say how to look into it.")
@click.pass_context
def demo(context: click.Context, limit: float, keep: bool) -> None:
    """Show syncd at work on a pretend cloud: no account needed."""
    logs.configure("error")
    folder = Path(tempfile.mkdtemp(prefix="syncd-demo-"))
    try:
        fine = asyncio.run(_play(folder, limit))
    finally:
        if keep:
            _say_where(folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    context.exit(0 if fine else 1)


class Narrator:
    """Prints, with the seconds since the beginning."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self, text: str) -> None:
        click.echo(f"{time.monotonic() - self._started:5.1f} s  {text}")


async def _play(folder: Path, limit: float) -> bool:
    """Tell the story until it ends, the time is up or somebody presses Ctrl-C; whether all came out as it should."""
    say = Narrator()
    world = World()
    for region in REGIONS:
        world.add_region(region)
    lab = world.add_account(ACCOUNT)
    for region in REGIONS:
        world.fill(ACCOUNT, region, IMAGES)
    world.fill(ACCOUNT, "*", IMAGES)
    receiver = Receiver()
    async with Simulator(world) as cloud, receiver.serving() as url:
        config = _write_config(folder, cloud.url, url, lab)
        say(
            f"A pretend CompShare serves {cloud.url}, with {IMAGES * 2} images in each of {len(REGIONS)} regions."
        )
        story = Story(world, cloud, receiver, say)
        whole = await _with_daemon(config, story, limit)
    proof = prove(config.database.path, world)
    _conclude(say, story, whole, proof)
    return proof.sound and (whole or story.interrupted)


async def _with_daemon(config: Config, story: Story, limit: float) -> bool:
    """Whether the story was told to its end."""
    ready = asyncio.Event()
    daemon = Daemon(config, SystemClock(), ready=ready.set)
    running = asyncio.create_task(daemon.run(), name="daemon")
    telling = asyncio.create_task(_tell(story, ready), name="story")
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, telling.cancel)
    try:
        await asyncio.wait([telling, running], timeout=limit, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if not telling.done():
            telling.cancel()
        daemon.stop()
        await asyncio.wait([telling, running])
    running.result()
    story.interrupted = telling.cancelled()
    if not telling.cancelled():
        telling.result()
    return not telling.cancelled()


async def _tell(story: Story, ready: asyncio.Event) -> None:
    await ready.wait()
    story.say("syncd watches it, every second, over HTTP.")
    await story.tell()


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


def _conclude(say: Narrator, story: Story, whole: bool, proof: Proof) -> None:
    say(
        "The end."
        if whole
        else f"The time is up, or you are: {story.told} of {story.scenes} scenes were told."
    )
    click.echo()
    click.echo("What was proved:")
    for fine, claim in (
        (
            proof.folded,
            f"folding the {proof.events} image events from nothing gives exactly the {proof.live} live rows",
        ),
        (proof.faithful or not whole, "the live rows are what the cloud shows"),
        (not proof.false_revocations, f"{proof.revocations} rows were called revoked, each of them rightly"),
    ):
        click.echo(f"  {'✓' if fine else '✗'} {claim}")


def _say_where(folder: Path) -> None:
    path = folder / "syncd.db"
    click.echo(f"\nThe database is {path}; try")
    click.echo(f'  sqlite3 -box {path} "SELECT region, status, COUNT(*) FROM images GROUP BY 1, 2"')
    click.echo(f'  sqlite3 -box {path} "SELECT seq, type, scope, region FROM events WHERE baseline = 0"')
