"""The commands as a user runs them: real processes on a file that real syncs filled."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from syncd.simulator import Fault
from tests.cli.command_line import EVIL, REGIONS, CommandLine, daemon_of
from tests.processes import syncd


async def test_every_reading_command_explains_an_empty_or_missing_file(cli: CommandLine) -> None:
    await cli.run("images", code=5)
    assert str(cli.db) in cli.said
    await cli.run("db", "upgrade")
    assert await cli.rows("images") == []
    assert "syncd sync" in cli.said


async def test_images_are_one_line_each_with_their_regions_and_filters_narrow_them(cli: CommandLine) -> None:
    await cli.run("sync")
    rows = await cli.rows("images")
    assert len(rows) == 5
    assert sorted(map(len, (row["regions"] for row in rows))) == [1, 2, 2, 2, 2]
    assert len(await cli.rows("images", "--by-region")) == 9
    (evil,) = await cli.rows("images", "--name", "*镜像")
    assert evil["name"] == EVIL
    assert len(await cli.rows("images", "--region", "cn-b")) == 4
    assert await cli.rows("images", "--status", "Offline") == []
    assert "nothing matches" in cli.said
    await cli.run("images", "--status", "None", code=2)
    assert "there is no status None" in cli.said


async def test_no_output_obeys_a_strangers_escapes(cli: CommandLine) -> None:
    await cli.run("sync")
    (row,) = [row for row in await cli.rows("images") if row["name"] == EVIL]
    for args in (
        ["images"],
        ["image", row["image_id"]],
        ["events", "--baseline"],
        ["images", "--format", "csv"],
        ["events", "--baseline", "--format", "jsonl"],
    ):
        output = await cli.run(*args)
        assert "\x1b" not in output
        assert "镜像" in output
    rows = list(csv.DictReader(io.StringIO(await cli.run("images", "--format", "csv"))))
    assert len(rows) == 5


async def test_an_image_shows_its_regions_and_its_history(cli: CommandLine) -> None:
    await cli.run("sync")
    image = cli.world.share("lab", "*", Name="新的", Status="Making")
    await cli.run("sync")
    cli.world.set_status(image, "Available")
    await cli.run("sync")
    cli.world.unshare("lab", "*", image)
    await cli.run("sync")
    output = await cli.run("image", image)
    assert output.count("status Making → Available") == 2
    assert output.count("  revoked\n") == 2
    assert await cli.rows("images", "--name", "新的") == []
    assert len(await cli.rows("images", "--name", "新的", "--revoked")) == 1
    await cli.run("image", "nonsense", code=2)


async def test_events_are_told_since_a_number_or_a_time_and_by_type(cli: CommandLine) -> None:
    await cli.run("sync")
    rows = await cli.rows("events", "--baseline")
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert len(await cli.rows("events", "--since", str(rows[-2]["seq"]))) == 1
    assert {row["type"] for row in await cli.rows("events", "--type", "sync.*")} == {"sync.baseline"}
    assert await cli.rows("events", "--since", "2099-01-01") == []
    await cli.run("events", "--since", "tomorrow", code=2)
    assert len(await cli.rows("events", "--baseline", "--limit", "2")) == 2


async def test_follow_shows_an_event_as_it_is_recorded(cli: CommandLine) -> None:
    await cli.run("sync")
    async with syncd("events", "--follow", "--limit", "1", "--config", cli.config) as follower:
        assert follower._process.stdout is not None
        follower._stdout.cancel()
        image = cli.world.share("lab", "*", Name="跟随")
        await cli.run("sync")
        seen = ""
        while image not in seen and "跟随" not in seen:
            seen = (await follower._process.stdout.readline()).decode()
        assert "image.shared" in seen


async def test_status_says_what_is_fresh_and_what_is_not(cli: CommandLine) -> None:
    await cli.run("sync")
    (status,) = await cli.rows("status")
    assert status["healthy"]
    assert {target["region"] for target in status["targets"]} == set(REGIONS)
    assert "healthy: every target is fresh" in await cli.run("status")
    async with syncd("run", "--config", cli.config) as daemon:
        await daemon.logged("ready")
        assert f"running: pid {daemon.pid}" in await cli.run("status")


async def test_held_images_are_listed_and_released_beside_the_daemon(cli: CommandLine) -> None:
    async with syncd("run", "--config", cli.config) as daemon:
        await daemon_of(daemon)
        cli.sim.faults.add(Fault("blank", region="cn-a"))
        logged = await daemon.logged("held")
        assert logged["hint"] == "syncd held list --account lab --region cn-a"
        assert len(await cli.rows("held", "list")) == 5
        await cli.run("status", code=4)
        assert "lab/cn-a  5 revoked" in await cli.run("held", "release", "--account", "lab")
        assert await cli.rows("held", "list") == []
        assert len(await cli.rows("events", "--type", "sync.released")) == 1


async def test_a_sync_goes_through_the_daemon_and_says_what_failed(cli: CommandLine) -> None:
    async with syncd("run", "--config", cli.config) as daemon:
        await daemon_of(daemon)
        await cli.run("sync")
        await daemon.logged("request")
        cli.sim.faults.add(Fault("http_error", status=404, region="cn-b"))
        await cli.run("sync", "--region", "cn-b", code=3)
        assert "cn-b" in cli.said


async def test_a_dry_run_says_what_would_be_announced_and_writes_nothing(cli: CommandLine) -> None:
    await cli.run("sync")
    image = cli.world.share("lab", "cn-a")
    before = len(await cli.rows("events"))
    assert image in await cli.run("sync", "--dry-run")
    assert len(await cli.rows("events")) == before


async def test_sinks_are_tested_disabled_enabled_and_replayed(cli: CommandLine, tmp_path: Path) -> None:
    lines = tmp_path / "events.jsonl"
    await cli.run("sync")
    assert len(lines.read_text().splitlines()) == 1
    await cli.run("sinks", "disable", "file")
    image = cli.world.share("lab", "*")
    await cli.run("sync")
    assert image not in lines.read_text()
    (sink,) = await cli.rows("sinks", "list")
    assert (sink["state"], sink["pending"]) == ("disabled", 1)
    await cli.run("sinks", "replay", "file", "--since", "1")
    assert "file is disabled: they wait until `syncd sinks enable file`" in cli.said
    await cli.run("sinks", "enable", "file")
    assert image in lines.read_text()
    seq = (await cli.rows("events"))[-1]["seq"]
    await cli.run("sinks", "replay", "file", "--since", str(seq - 1))
    assert lines.read_text().count(image) >= 2
    await cli.run("sinks", "replay", "file", code=2)
    await cli.run("sinks", "test", "nope", code=2)
    assert "file" in cli.said


async def test_of_a_receiver_that_is_not_there_two_events_are_tried(cli: CommandLine) -> None:
    with cli.config.open("a") as config:
        config.write('[sinks.hook]\ntype = "webhook"\nurl = "http://127.0.0.1:1/"\n')
    assert "✗  no connection: Connection refused" in await cli.run("sinks", "test", "hook", code=3)
    *refused, last = (await cli.run("sinks", "test", "hook", "--type", "all", code=3)).splitlines()
    assert [line.split("✗")[1].strip() for line in refused] == ["no connection: Connection refused"] * 2
    assert last.endswith("the rest is not tried")


async def test_the_file_is_checked_copied_and_pruned(cli: CommandLine, tmp_path: Path) -> None:
    await cli.run("sync")
    await cli.run("db", "check")
    await cli.run("db", "backup", tmp_path / "copy.db")
    assert len(await cli.rows("images", "--db", tmp_path / "copy.db")) == 5
    await cli.run("db", "backup", tmp_path / "copy.db", code=2)
    await cli.run("db", "prune")
    assert len(await cli.rows("runs")) == 2
    assert {row["state"] for row in await cli.rows("deliveries")} == {"delivered"}


async def test_the_doctor_finds_a_wrong_key_and_names_no_secret(cli: CommandLine) -> None:
    await cli.run("sync")
    assert {row["state"] for row in await cli.rows("doctor")} == {"ok"}
    key = cli.world.account("lab").private_key
    cli.config.write_text(cli.config.read_text().replace(key, "wrong-" + key[6:]))
    rows = await cli.rows("doctor", code=3)
    (failed,) = [row for row in rows if row["check"] == "account lab"]
    assert failed["state"] == "failed"
    assert key[6:] not in json.dumps(rows)
    (row,) = await cli.rows("regions", code=3)
    assert "171" in row["error"]


async def test_regions_tells_which_the_key_may_list(cli: CommandLine) -> None:
    cli.sim.faults.add(Fault("http_error", status=404, region="cn-b"))
    rows = await cli.rows("regions")
    assert {row["region"]: row["usable"] for row in rows} == {"cn-a": True, "cn-b": False}
