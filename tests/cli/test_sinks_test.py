"""`syncd sinks test`: one message unless more are asked for, each marked as a test, and no real file is touched."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from aiohttp import web

from syncd.model import EVENT_TYPES
from syncd.sinks.line_writers import why_unwritable
from tests.cli.command_line import CommandLine
from tests.store.users import let_in, needs_root, run_as

ROOT = Path(__file__).parents[2]
SCHEMA = jsonschema.Draft202012Validator(json.loads((ROOT / "syncd" / "event.schema.json").read_text()))


@asynccontextmanager
async def receiver(cli: CommandLine, *lines: str) -> AsyncIterator[list[Any]]:
    """What the sink ``hook``, which is configured with these lines, sends."""
    got: list[Any] = []

    async def take(request: web.Request) -> web.Response:
        got.append(await request.json())
        return web.json_response({"code": 0, "errcode": 0})

    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    with cli.config.open("a") as config:
        config.write("\n".join(('[sinks.hook]\ntype = "webhook"', f'url = "{url}"', *lines, "")))
    try:
        yield got
    finally:
        await runner.cleanup()


async def test_one_message_shows_that_it_works_whatever_the_filters_are(cli: CommandLine) -> None:
    async with receiver(cli, 'accounts = ["lab"]', 'events = ["image.revoked", "sync.*"]') as got:
        assert "image.revoked  ✓  delivered" in await cli.run("sinks", "test", "hook")
        (event,) = got
        assert (event["type"], event["data"]["test"]) == ("image.revoked", True)
        SCHEMA.validate(event)


async def test_types_may_be_chosen_and_all_are_those_that_the_sink_takes(cli: CommandLine) -> None:
    async with receiver(cli, 'events = ["sync.*"]') as got:
        await cli.run("sinks", "test", "hook", "--type", "sync.held", "--type", "image.shared")
        assert [event["type"] for event in got] == ["sync.held", "image.shared"]
        got.clear()
        await cli.run("sinks", "test", "hook", "--type", "all")
        assert [event["type"] for event in got] == [name for name in EVENT_TYPES if name.startswith("sync.")]
        assert all(event["data"]["test"] is True for event in got)
        await cli.run("sinks", "test", "hook", "--type", "sync.nothing", code=2)


@pytest.mark.parametrize(("language", "mark"), [("en", "[syncd] [TEST]"), ("zh", "[syncd] 【测试】")])
async def test_a_robot_shows_in_its_language_that_each_message_is_a_test(
    cli: CommandLine, language: str, mark: str
) -> None:
    async with receiver(
        cli, 'format = "feishu"', f'language = "{language}"', 'events = ["*"]', 'prefix = "[syncd]"'
    ) as got:
        await cli.run("sinks", "test", "hook", "--type", "all")
        titles = [card["card"]["header"]["title"]["content"] for card in got]
        assert len(titles) == len(EVENT_TYPES)
        assert [title for title in titles if not title.startswith(mark)] == []


async def test_a_file_is_neither_made_nor_changed_and_what_it_would_get_is_shown(
    cli: CommandLine, tmp_path: Path
) -> None:
    lines = tmp_path / "events.jsonl"
    event = json.loads(await cli.run("sinks", "test", "file"))
    assert event["data"]["test"] is True
    assert f"a test writes nothing to {lines}" in cli.said
    assert not lines.exists()
    lines.write_text("kept\n")
    before = lines.stat()
    shown = await cli.run("sinks", "test", "file", "--type", "all")
    assert (
        len(shown.splitlines()) == len(EVENT_TYPES) - 1
    )  # image.updated is not wanted unless it is asked for
    assert "can write it" in cli.said
    after = lines.stat()
    assert (lines.read_text(), after.st_mtime_ns, after.st_mode) == (
        "kept\n",
        before.st_mtime_ns,
        before.st_mode,
    )
    lines.unlink()
    lines.symlink_to(lines)
    await cli.run("sinks", "test", "file", code=3)
    assert "cannot write it: Too many levels of symbolic links" in cli.said


def test_a_pipe_and_a_missing_folder_are_no_fault_and_a_folder_is(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert why_unwritable(tmp_path / "pipe") == ""
    assert why_unwritable(tmp_path / "new" / "deep" / "file") == ""
    assert not (tmp_path / "new").exists()
    assert why_unwritable(tmp_path) == "it is a folder"
    (tmp_path / "file").touch()
    assert why_unwritable(tmp_path / "file" / "below") != ""


@needs_root
def test_a_file_of_another_user_cannot_be_written(tmp_path: Path) -> None:
    let_in(tmp_path)
    path = tmp_path / "events.jsonl"
    path.touch(mode=0o600)
    path.chmod(0o600)
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from syncd.sinks.line_writers import why_unwritable\n"
        "print(why_unwritable(Path(sys.argv[1])))"
    )
    done = run_as(code, str(path))
    assert done.stdout == "Permission denied\n", done.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
