"""Releasing what is held: one target at once, several only after a question or with --all."""

from __future__ import annotations

import asyncio
import os
import pty
import sys

import pytest

from syncd.simulator import Fault
from tests.cli.command_line import CommandLine

QUESTION = b"Release 9 images of 2 targets?"


@pytest.fixture
async def held(cli: CommandLine) -> CommandLine:
    """Five images of one region are held, and four of another."""
    await cli.run("sync")
    cli.sim.faults.add(Fault("blank"))
    await cli.run("sync", code=4)
    return cli


async def held_count(cli: CommandLine) -> int:
    return len(await cli.rows("held", "list"))


async def answer(cli: CommandLine, text: str) -> tuple[int, str]:
    """The exit code of `held release` on a terminal where somebody answers this, and all that was shown."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "syncd", "held", "release", "--config", cli.config,
        stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    try:
        while QUESTION not in shown:
            shown += await asyncio.to_thread(os.read, ours, 4096)
        os.write(ours, f"{text}\n".encode())
        code = await process.wait()
        shown += await asyncio.to_thread(os.read, ours, 4096)
    finally:
        os.close(ours)
    return code, shown.decode()


async def test_several_targets_are_released_only_by_who_says_all(held: CommandLine) -> None:
    for narrowed in ([], ["--account", "lab"]):
        assert await held.run("held", "release", *narrowed, code=2) == ""
        assert "9 images of 2 targets are held: lab/cn-a (5), lab/cn-b (4). Nothing was released" in held.said
        assert "syncd held release --account lab --region cn-a`, or all of them with --all" in held.said
    assert await held_count(held) == 9
    assert await held.run("held", "release", "--all") == "lab/cn-a  5 revoked\nlab/cn-b  4 revoked\n"
    assert await held_count(held) == 0


async def test_a_hint_names_its_target_and_releases_nothing_else(held: CommandLine) -> None:
    await held.run("held", "list")
    hint = held.said.splitlines()[0]
    command = hint.partition(": syncd ")[2].split()
    assert await held.run(*command) == "lab/cn-a  5 revoked\n"
    assert await held_count(held) == 4
    assert await held.run("held", "release") == "lab/cn-b  4 revoked\n"


async def test_the_event_names_the_target_too(held: CommandLine) -> None:
    events = await held.rows("events", "--type", "sync.held")
    commands = [event["body"]["data"]["release_command"] for event in events]
    assert sorted(commands) == [
        f"syncd held release --account lab --region {region}" for region in ("cn-a", "cn-b")
    ]


async def test_on_a_terminal_it_says_what_and_asks(held: CommandLine) -> None:
    code, shown = await answer(held, "n")
    assert (code, await held_count(held)) == (130, 9)
    assert "lab/cn-a  5" in shown
    code, shown = await answer(held, "y")
    assert (code, await held_count(held)) == (0, 0)
    assert "lab/cn-b  4 revoked" in shown
