"""The commands that change something: beside a daemon through it, without one by themselves, alike in what they say."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from syncd.simulator import Fault
from syncd.store.lock import FileLock
from tests.cli.command_line import REGIONS, CommandLine, daemon_of
from tests.cli.test_reading_commands import on_a_terminal
from tests.processes import syncd


def answered_requests(cli: CommandLine) -> list[tuple[str, int]]:
    """What the daemon was asked for and answered: kind and exit code."""
    with closing(sqlite3.connect(cli.db)) as db:
        return db.execute("SELECT kind, exit_code FROM requests ORDER BY id").fetchall()


def delivered_events(cli: CommandLine) -> list[Any]:
    """Events that the sink `file` got."""
    path = cli.config.with_name("events.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def without_secrets(cli: CommandLine) -> CommandLine:
    """As a shell beside the service: the key is a credential of the unit."""
    key = cli.world.account("lab").private_key
    config = cli.config.with_name("shell.toml")
    config.touch(mode=0o600)
    text = cli.config.read_text().replace(f'private_key = "{key}"', 'private_key_credential = "syncd_key"')
    assert key not in text
    config.write_text(text)
    return CommandLine(cli.sim, config)


async def test_beside_a_daemon_a_shell_needs_no_secret_and_the_daemon_does_it_all(cli: CommandLine) -> None:
    shell = without_secrets(cli)
    async with syncd("run", "--config", cli.config) as daemon:
        await daemon_of(daemon)
        await shell.run("sinks", "disable", "file")
        cli.world.share("lab", "*")
        await shell.run("sync")
        assert [event["type"] for event in delivered_events(cli)] == ["sync.baseline"]
        await shell.run("sinks", "enable", "file")
        assert (
            await shell.run("sinks", "replay", "file", "--since", "2020-01-01") == "2 events to file again\n"
        )
        cli.sim.faults.add(Fault("blank", region="cn-a"))
        await daemon.logged("held")
        assert await shell.run("held", "release", "--region", "cn-a") == "lab/cn-a  6 revoked\n"
    assert answered_requests(cli) == [
        (kind, 0) for kind in ("disable", "sync", "enable", "replay", "release")
    ]


REFUSED = {
    ("sync", "--account", "nope"): "account nope is not configured\n  accounts: lab",
    ("held", "release", "--account", "nope"): "nope is not watched\n  `syncd status` lists the targets",
    ("sinks", "replay", "file", "--event", "nope"): "there is no event nope",
}


async def test_a_refusal_is_the_same_with_and_without_a_daemon(cli: CommandLine) -> None:
    await cli.run("sync")
    alone = [(await cli.run(*args, code=2), cli.said) for args in REFUSED]
    assert all(hint in said for hint, (_, said) in zip(REFUSED.values(), alone, strict=True))
    async with syncd("run", "--config", cli.config) as daemon:
        await daemon.logged("ready")
        assert [(await cli.run(*args, code=2), cli.said) for args in REFUSED] == alone
        daemon.signal(signal.SIGTERM)
        assert await daemon.exit_code() == 0
    assert answered_requests(cli) == [("sync", 2), ("replay", 2)]


async def test_without_a_daemon_what_is_held_is_released_and_nothing_held_is_no_error(
    cli: CommandLine,
) -> None:
    await cli.run("held", "release", code=5)
    await cli.run("sync")
    await cli.run("held", "release")
    assert cli.said == "nothing is held"
    cli.sim.faults.add(Fault("blank", region="cn-a"))
    await cli.run("sync", code=4)
    rows = await cli.rows("held", "list")
    assert len(rows) == 5
    assert {row["held"] for row in rows} == {True}
    await cli.run("held", "list")
    assert cli.said == "if those of lab/cn-a are really gone: syncd held release --account lab --region cn-a"
    await cli.run("held", "list", "--region", "cn-b")
    assert cli.said == "nothing that is held matches"
    assert await cli.run("held", "release") == "lab/cn-a  5 revoked\n"
    await cli.run("held", "release")
    assert cli.said == "nothing is held"
    assert answered_requests(cli) == []


async def test_without_a_daemon_the_keys_are_needed_and_their_lack_is_named(cli: CommandLine) -> None:
    shell = without_secrets(cli)
    await shell.run("held", "list", code=5)
    await shell.run("sync", code=2)
    assert "private_key_credential" in shell.said
    assert "needs $CREDENTIALS_DIRECTORY" in shell.said


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "give one of --since, --event and --dead"),
        (["--since", "1", "--dead"], "give one of --since, --event and --dead"),
        (["--dead", "--until", "2h"], "--until needs a beginning"),
        (["--since", "soon"], "'soon' is not a time"),
    ],
)
async def test_a_replay_of_nothing_definite_is_refused(cli: CommandLine, args: list[str], said: str) -> None:
    await cli.run("sinks", "replay", "file", *args, code=2)
    assert said in cli.said
    assert not cli.db.exists()


async def test_an_upgrade_waits_for_a_command_and_not_for_a_daemon(cli: CommandLine) -> None:
    with FileLock.acquire(cli.db, "command"):
        upgrade = asyncio.create_task(cli.run("db", "upgrade"))
        done, _ = await asyncio.wait({upgrade}, timeout=1.5)
        assert not done
        assert not cli.db.exists()
    assert "has schema" in await upgrade
    with FileLock.acquire(cli.db, "daemon"):
        await cli.run("db", "upgrade", code=5)
    assert "a syncd daemon (pid" in cli.said


async def test_rounds_of_cron_go_one_after_the_other(cli: CommandLine) -> None:
    cli.sim.faults.add(Fault("latency", seconds=0.3))
    together = await asyncio.gather(cli.run("sync"), cli.run("sync"), cli.run("sync"))
    assert together == [""] * 3
    assert {row["count"] for row in await cli.rows("runs") if not row["shared"]} == {2}
    assert [event["type"] for event in delivered_events(cli)] == ["sync.baseline"]


async def test_a_history_that_does_not_give_the_state_is_found(cli: CommandLine) -> None:
    await cli.run("sync")
    with closing(sqlite3.connect(cli.db)) as db, db:
        db.execute("UPDATE image_rows SET status = 'Broken' WHERE rowid = 1")
    await cli.run("db", "check", code=5)
    assert "fold: lab/cn-" in cli.said
    assert "its status is not what event" in cli.said
    assert ": 1 problem\n" in cli.said


async def test_no_command_shows_a_secret_of_a_sink_or_an_account(cli: CommandLine, tmp_path: Path) -> None:
    account = cli.world.account("lab")
    secrets = (
        account.private_key,
        account.public_key,
        "TokenInThePath",
        "TokenInTheHeader",
        "tokeninthehost",
    )
    with cli.config.open("a") as config:
        config.write(
            '[sinks.hook]\ntype = "webhook"\nurl = "https://tokeninthehost.invalid/TokenInThePath"\n'
            'headers = { Authorization = "TokenInTheHeader" }\n'
        )
    said = []
    for args, code in (
        (["sync"], 0),
        (["doctor"], 3),
        (["regions"], 0),
        (["sinks", "list"], 0),
        (["sinks", "test", "hook"], 3),
        (["sinks", "replay", "hook", "--since", "1"], 0),
        (["sinks", "disable", "hook"], 0),
        (["deliveries"], 0),
        (["--log-level", "debug", "doctor"], 3),
    ):
        said += [await cli.run(*args, code=code), cli.said]
    assert "hook" in "".join(said)
    assert [secret for secret in secrets if secret in "".join(said)] == []
    assert [secret for secret in secrets if secret.encode() in cli.db.read_bytes()] == []


async def test_a_shell_learns_to_complete(cli: CommandLine) -> None:
    async with syncd("completion", "bash") as process:
        assert "_SYNCD_COMPLETE=bash_complete" in await process.stdout()
    words = {"_SYNCD_COMPLETE": "bash_complete", "COMP_WORDS": "syncd held ", "COMP_CWORD": "2"}
    async with syncd(**words) as process:
        assert (await process.stdout()).splitlines() == ["plain,list", "plain,release"]


async def test_a_sync_on_a_terminal_shows_each_target_once(cli: CommandLine) -> None:
    output = await asyncio.to_thread(on_a_terminal, 100, "sync", "--config", cli.config)
    for region in REGIONS:
        assert output.count(f"lab/{region}  complete") == 1
