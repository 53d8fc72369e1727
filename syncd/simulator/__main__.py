"""`python -m syncd.simulator`: a pretend CompShare in its own process, until Ctrl-C or SIGTERM."""
# ruff: noqa: T201  (a command: it prints)

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import os
import random
import signal
import sys
from collections.abc import Callable, Sequence

from syncd.simulator.churn import churn_once
from syncd.simulator.sample_config import config_toml
from syncd.simulator.server import Simulator
from syncd.simulator.world import World

REGIONS = ("cn-wlcb", "cn-sh2", "cn-bj2")

DESCRIPTION = """\
A pretend CompShare for trying syncd, or any client, without an account. It checks signatures and
answers DescribeCompShareSharingImages, DescribeCompShareSupportZone and GetProjectList at "/".

On stdout it prints a configuration for syncd, with curl lines that change its world:
  python -m syncd.simulator --port 8080 > simulator.toml &
  syncd run --config simulator.toml
The same --seed gives the same keys, ids and images. Nothing is kept when it ends."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal comes; the exit code is 0 then, and 2 if it cannot listen."""
    options = _parser().parse_args(arguments)
    world = World.sample(options.accounts, options.regions, options.images, options.seed)
    return asyncio.run(_serve(world, options))


async def _serve(world: World, options: argparse.Namespace) -> int:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    sim = Simulator(world, host=options.host, port=options.port)
    try:
        await sim.start()
    except OSError as error:
        print(_refusal(options.host, options.port, error), file=sys.stderr)
        return 2
    _say(config_toml(world, sim.url))
    print(f"pretend CompShare at {sim.url}; Ctrl-C ends it", file=sys.stderr, flush=True)
    await _serve_until(stop, world, random.Random(options.seed), options.stir)
    await sim.stop()
    return 0


async def _serve_until(stop: asyncio.Event, world: World, rng: random.Random, pause: float | None) -> None:
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)
        if not stop.is_set():
            print(churn_once(world, rng), file=sys.stderr, flush=True)


def _say(text: str) -> None:
    """Print to stdout at once; that its reader has left (``| head``) is no reason to end."""
    try:
        sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refusal(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is taken; choose another with --port (0 finds a free one)"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"port {port} on {host} is not allowed; choose one from 1024 with --port"
    return f"cannot listen on {host} port {port}: {error.strerror or error}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m syncd.simulator",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="where to listen (default: %(default)s)")
    add("--port", type=_whole(0, 65535), default=8080, help="0 finds a free one (default: %(default)s)")
    add("--accounts", type=_whole(1, 1000), default=2, help="lab, team-2, … (default: %(default)s)")
    add("--regions", type=_names, default=REGIONS, help=f"default: {','.join(REGIONS)}")
    add(
        "--images", type=_whole(0, 1_000_000), default=40, help="an account and region (default: %(default)s)"
    )
    add("--seed", type=int, default=1, help="default: %(default)s")
    add("--stir", type=_seconds, metavar="SECONDS", help="let something happen by itself so often")
    return parser


def _whole(low: int, high: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low} to {high}")
        return int(text)

    return number


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.01 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0.01")
    return seconds


def _names(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise argparse.ArgumentTypeError("name at least one region")
    return names


if __name__ == "__main__":
    sys.exit(main())
