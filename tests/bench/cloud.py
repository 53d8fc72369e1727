"""The shipped simulator in a process of its own, and a configuration for its accounts."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen


@contextmanager
def cloud(folder: Path, images: int, *, accounts: int = 1, regions: int = 1) -> Iterator[str]:
    """Its URL; ``folder`` gets a config.toml. Every image's counters differ at each listing."""
    names = ",".join(f"cn-{number}" for number in range(1, regions + 1))
    command = [sys.executable, "-m", "syncd.simulator", "--port", "0", "--regions", names]
    command += ["--accounts", str(accounts), "--images", str(images)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield _configure(folder, process)
        finally:
            process.terminate()


def _configure(folder: Path, process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    lines: list[str] = []
    while "[sinks.events]\n" not in lines:
        lines.append(process.stdout.readline())
    lines.append(process.stdout.readline())
    printed = re.sub(r"(?m)^path = .*$", f'path = "{folder}/syncd.db"', "".join(lines))
    path = folder / "config.toml"
    path.touch(mode=0o600)
    path.write_text(printed)
    found = re.search(r'base_url = "(.*)"', printed)
    assert found is not None
    return found[1]


def control(url: str, path: str, body: dict[str, Any]) -> Any:
    with urlopen(Request(f"{url}/_control/{path}", json.dumps(body).encode())) as answer:  # loopback
        return json.loads(answer.read())


def set_status(url: str, ids: Sequence[str], status: str) -> None:
    for image in ids:
        control(url, "status", {"image": image, "status": status})
