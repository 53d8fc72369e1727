"""`python -m syncd.simulator` as people run it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from syncd.config import load
from syncd.simulator import World
from syncd.simulator.sample_config import config_toml
from syncd.simulator.signature import sign

COMMAND = [sys.executable, "-m", "syncd.simulator"]


@contextmanager
def _running(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its URL, as its stderr says it."""
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stderr
    try:
        said = process.stderr.readline()
        yield process, said.split()[3].rstrip(";")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def _open(url: str, body: bytes | None = None, method: str | None = None) -> Any:
    with urllib.request.urlopen(urllib.request.Request(url, body, method=method), timeout=5) as response:
        return json.load(response)


def _list(url: str, account: dict[str, Any], region: str) -> Any:
    params = {
        "Action": "DescribeCompShareSharingImages",
        "Region": region,
        "PublicKey": account["public_key"],
    }
    params["Signature"] = sign(params, account["private_key"])
    return _open(url, urllib.parse.urlencode(params).encode())


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_a_configuration_that_works_and_ends_quietly(name: signal.Signals) -> None:
    with _running("--accounts", "2", "--regions", "cn-wlcb,cn-sh2", "--images", "4", "--seed", "3") as (
        process,
        url,
    ):
        process.send_signal(name)
        out, err = process.communicate(timeout=10)
        assert (process.returncode, err) == (0, "")
    config = tomllib.loads(out)
    assert config["api"]["base_url"] == url
    assert list(config["accounts"]) == ["lab", "team-2"]
    assert config["accounts"]["lab"]["regions"] == ["cn-wlcb", "cn-sh2"]
    assert config["sinks"]


def test_syncd_reads_the_printed_configuration(tmp_path: Path) -> None:
    world = World.sample()
    file = tmp_path / "simulator.toml"
    file.write_text(config_toml(world, "http://127.0.0.1:8080"))
    config = load(file, {})
    assert config.api.base_url == "http://127.0.0.1:8080"
    keys = {name: account.public_key.reveal() for name, account in config.accounts.items()}
    assert keys == {account.name: account.public_key for account in world.accounts}


def test_its_keys_list_images_and_its_curl_lines_change_them() -> None:
    with _running("--accounts", "1", "--regions", "cn-wlcb", "--images", "4") as (process, url):
        out = config_toml(World.sample(1, ("cn-wlcb",), 4), url)
        account = tomllib.loads(out)["accounts"]["lab"]
        assert _list(url, account, "cn-wlcb")["TotalCount"] == 4
        orders = re.findall(r"curl (\S+) -d '(.*)'", out)
        assert len(orders) == 6
        for where, order in orders:
            _open(where, order.encode())
        assert _list(url, account, "cn-wlcb")["RetCode"] == 153
        _open(f"{url}/_control/faults", method="DELETE")
        assert _list(url, account, "cn-wlcb")["TotalCount"] == 0
        process.terminate()
        assert process.communicate(timeout=10)[0] == out


def test_a_taken_port_is_one_line_and_exit_2() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = subprocess.run(
            [*COMMAND, "--port", port], capture_output=True, text=True, timeout=20, check=False
        )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert (
        ended.stderr
        == f"port {port} on 127.0.0.1 is taken; choose another with --port (0 finds a free one)\n"
    )


@pytest.mark.parametrize(
    "options", [("--port", "99999"), ("--images", "-1"), ("--regions", ","), ("--stir", "0")]
)
def test_a_wrong_option_is_refused_with_what_would_be_right(options: tuple[str, str]) -> None:
    ended = subprocess.run([*COMMAND, *options], capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 2
    assert options[0] in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr


def test_a_reader_that_has_left_does_not_end_it() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", "--images", "1"], stdout=writer, stderr=subprocess.PIPE, text=True
    )
    os.close(writer)
    assert process.stderr
    try:
        url = process.stderr.readline().split()[3].rstrip(";")
        assert _open(f"{url}/_control/state")["regions"]
        process.terminate()
        assert process.communicate(timeout=10)[1] == ""
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_help_names_every_option() -> None:
    ended = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, timeout=20, check=True)
    for option in ("--host", "--port", "--accounts", "--regions", "--images", "--seed", "--stir"):
        assert option in ended.stdout


def test_a_stirred_world_tells_what_happens() -> None:
    with _running("--images", "2", "--stir", "0.02") as (process, _):
        assert process.stderr
        lines = [process.stderr.readline() for _ in range(3)]
    assert all(re.match(r"shared|unshared|now|renamed", line) for line in lines)
