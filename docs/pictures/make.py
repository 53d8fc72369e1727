"""`make pictures` draws the pictures of a terminal in the READMEs, from what the commands really print.

A pretend cloud goes through a fortnight while `syncd sync` watches it. Then the reading commands run in a pseudo
terminal, and what they print becomes an SVG file beside this one.
"""

from __future__ import annotations

import asyncio
import fcntl
import io
import os
import pty
import re
import sqlite3
import struct
import sys
import tempfile
import termios
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from html import unescape
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.text import Text

from syncd.simulator import Account, Fault, Simulator, World

FOLDER = Path(__file__).parent
PICTURES = {
    "images": "syncd images",
    "image": "syncd image {image}",
    "events": "syncd events --limit 12",
    "status": "syncd status",
}
"""File name → the command line that it shows."""
COLUMNS = 130
"""Width of the terminal."""
COLUMN_WIDTH = 12.2
"""Width of a column in the picture, in the SVG's units, as rich draws it."""
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'Noto Sans Mono CJK SC', 'Microsoft YaHei', monospace"

CONFIG = """\
[database]
path = "{folder}/syncd.db"
[api]
base_url = "{url}"
retries = 0
{accounts}
[sinks.team]
type = "log"
path = "{folder}/events.jsonl"
"""
TIME_COLUMNS = {
    "image_rows": ("first_seen_at", "shared_at", "changed_at", "missing_since", "shown_at", "revoked_at"),
    "events": ("observed_at",),
    "targets": ("baseline_at", "last_success_at"),
    "accounts": ("first_baseline_at", "hello_at", "alert_since", "alert_opened_at", "alert_said_at"),
}


async def main() -> None:
    world = World(seed=7)
    for region in ("cn-wlcb", "cn-sh2"):
        world.add_region(region)
    accounts = [world.add_account(name) for name in ("lab", "alice")]
    with tempfile.TemporaryDirectory(prefix="syncd-pictures-") as name:
        async with Simulator(world) as cloud:
            config = _write_config(Path(name), cloud.url, accounts)
            image = await _play_fortnight(world, cloud, config)
            async with _daemon(config):
                for picture, template in PICTURES.items():
                    line = template.format(image=image)
                    printed = await asyncio.to_thread(_run_in_terminal, config, line.split()[1:])
                    printed = printed.replace(name, "/var/lib/syncd")
                    (FOLDER / f"{picture}.svg").write_text(_draw(line, printed))


def _write_config(folder: Path, url: str, accounts: Sequence[Account]) -> Path:
    keys = "".join(
        f'[accounts.{account.name}]\npublic_key = "{account.public_key}"\nprivate_key = "{account.private_key}"\n'
        for account in accounts
    )
    path = folder / "config.toml"
    path.touch(mode=0o600)
    path.write_text(CONFIG.format(folder=folder, url=url, accounts=keys))
    return path


async def _play_fortnight(world: World, cloud: Simulator, config: Path) -> str:
    """Let things happen in the cloud, and sync after each; returns the id of the image that most of it is about."""

    async def later(hours: int) -> None:
        await _sync(config)
        await asyncio.to_thread(_move_into_past, config.with_name("syncd.db"), hours)

    comfy = world.share("lab", "*", Name="ComfyUI 工作流 一键启动", Status="Available")
    world.share("alice", "*", comfy)
    world.share("lab", "cn-wlcb", Name="PyTorch 2.9 训练环境", Status="Available")
    old = world.share("lab", "*", Name="数字人 MuseTalk", Status="Available")
    world.share("alice", "cn-sh2", Name="Qwen2.5-72B 微调", Status="Available")
    await later(75)
    fresh = world.share("lab", "*", Name="Wan2.1 文生视频 v3", Status="Making")
    await later(21)
    world.set_status(fresh, "Available")
    await later(26)
    world.unshare("lab", "*", old)
    await later(31)
    fault = cloud.faults.add(Fault("http_error", status=502, region="cn-sh2"))
    for _ in range(3):
        await _sync(config)
    await later(2)
    fault.remove()
    await later(19)
    for name in ("vLLM serving", "Whisper 字幕"):
        world.share("lab", "cn-wlcb", Name=name, Status="Available")
    await later(9)
    fault = cloud.faults.add(Fault("blank", region="cn-wlcb", account="lab"))
    await later(1)
    fault.remove()
    await later(5)
    world.rename(fresh, "Wan2.1 文生视频 v3.1")
    world.share("alice", "cn-wlcb", Name="GPT-SoVITS 声音克隆", Status="Making")
    await later(1)
    return fresh


def _move_into_past(path: Path, hours: int) -> None:
    """Make all that was recorded so much older, so that a fortnight takes seconds."""
    with closing(sqlite3.connect(path)) as db:
        for table, columns in TIME_COLUMNS.items():
            moved = (f"{name} = strftime('%Y-%m-%dT%H:%M:%fZ', {name}, '-{hours} hours')" for name in columns)
            db.execute(f"UPDATE {table} SET {', '.join(moved)}")
        db.commit()


async def _sync(config: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "syncd", "sync", "--config", config, stderr=asyncio.subprocess.DEVNULL
    )
    assert await process.wait() in (0, 3, 4)


@asynccontextmanager
async def _daemon(config: Path) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "syncd", "run", "--config", config, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    while b'"ready"' not in await process.stderr.readline():
        pass
    rest_of_log = asyncio.create_task(process.stderr.read())  # so that the daemon never waits for a full pipe
    try:
        await _sync(config)
        yield
    finally:
        process.terminate()
        await rest_of_log
        await process.wait()


def _run_in_terminal(config: Path, arguments: list[str]) -> str:
    """What a command writes to a terminal, colours included."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    pid = os.fork()
    if pid == 0:
        os.login_tty(theirs)
        environ = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "SYNCD_CONFIG": str(config)}
        os.execve(sys.executable, [sys.executable, "-m", "syncd", *arguments], environ)  # noqa: S606  # our own program
    os.close(theirs)
    written = bytearray()
    try:
        while piece := os.read(ours, 65536):
            written += piece
    except OSError:  # as Linux says that the other end was closed
        pass
    os.close(ours)
    os.waitpid(pid, 0)
    return written.decode().replace("\r\n", "\n")


def _draw(line: str, printed: str) -> str:
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(_mark_runs(Text.from_ansi(f"\x1b[1m$ {line}\x1b[0m\n{printed.rstrip()}\n")), soft_wrap=True)
    template = re.sub(r"@font-face \{\{.*?\}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    template = template.replace("Fira Code, monospace", FONTS).replace(
        "font-variant-east-asian: full-width;", ""
    )
    svg = console.export_svg(title="", code_format=template, unique_id="terminal")
    svg = re.sub(r'(textLength=")[^"]*"([^>]*>)([^<]*)(?=</text>)', _with_true_width, svg)
    return re.sub(r"[ \t]+$", "", re.sub(r"\n\s*\n+", "\n", svg), flags=re.MULTILINE)


def _mark_runs(text: Text) -> Text:
    """Give each column and each stretch of Chinese a style of its own.

    rich then draws them as texts of their own, each at its place, so that they align with any font.
    """
    for number, run in enumerate(re.finditer(r"[^\x00-\u2e7f]+|(?:(?! {2})[\x00-\u2e7f])+| +", text.plain)):
        text.stylize(Style(meta={"run": number}), *run.span())
    return text


def _with_true_width(match: re.Match[str]) -> str:
    """Correct the width of a text: rich counts wide characters as one column."""
    text = unescape(match[3])
    stretched = "" if cell_len(text) == len(text) else ' lengthAdjust="spacingAndGlyphs"'
    return f'{match[1]}{cell_len(text) * COLUMN_WIDTH:g}"{stretched}{match[2]}{match[3]}'


if __name__ == "__main__":
    asyncio.run(main())
