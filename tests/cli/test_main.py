"""How every command starts, fails and ends."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from types import ModuleType

import click
import pytest

from syncd import __version__
from syncd.cli.command_list import COMMANDS, CommandEntry
from syncd.cli.main import main
from syncd.cli.main import syncd as root
from syncd.cli.options import global_options
from syncd.errors import REMEDIES, ConfigError, DatabaseLocked, Fault, SyncdError, Transient, UsageError

HEAVY = (
    "sqlalchemy",
    "aiohttp",
    "rich",
    "jinja2",
    "alembic",
    "apscheduler",
    "aiosqlite",
    "structlog",
    "asyncio",
)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[click.Command], None]]:
    """Registers a command as `probe`."""
    module = ModuleType("tests_probe")

    def register(command: click.Command) -> None:
        module.probe = command  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "tests_probe", module)
        monkeypatch.setitem(COMMANDS, "probe", CommandEntry("tests_probe", "probe", "Probes."))

    yield register
    root.commands.pop("probe", None)


def failing(error: BaseException) -> click.Command:
    @click.command()
    def probe() -> None:
        raise error

    return probe


def test_help_is_quick() -> None:
    script = (
        "import sys, time; from syncd.cli.main import main; code = main(['--help']); spent = time.process_time()\n"
        "sys.stderr.write(' '.join(sys.modules)); assert code == 0; assert spent < 0.15, spent"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    assert set(HEAVY).isdisjoint(done.stderr.split())
    assert all(f"\n  {name} " in done.stdout for name in COMMANDS)


def walk(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for child in command.commands.values():
            yield from walk(child, f"{name} {child.name}")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_each_command_has_an_example_and_its_environment(name: str) -> None:
    command = root.get_command(click.Context(root), name)
    assert command is not None
    for path, subcommand in walk(command, name):
        text = subcommand.get_help(click.Context(subcommand, info_name=path))
        assert "Example" in text, path
        assert f"syncd {path}" in text or isinstance(subcommand, click.Group), path
        assert "Environment" in text, path
        assert "--config" in text, path
        assert (subcommand.help or "").endswith((".", "]")), path


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"syncd {__version__}\n"


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (SyncdError("it broke", "mend it"), 1, "syncd: it broke\n  mend it\n"),
        (SyncdError("it broke"), 1, "syncd: it broke\n"),
        (UsageError("what?"), 2, "syncd: what?\n"),
        (Transient("lab/cn-wlcb: timed out"), 3, "syncd: lab/cn-wlcb: timed out\n"),
        (DatabaseLocked("locked by 5"), 5, "syncd: locked by 5\n"),
        (
            ConfigError("c.toml", [Fault("a.b", "1", "must be 2"), Fault("c", "", "is missing")]),
            2,
            "syncd: c.toml: 2 faults\n  a.b = 1: must be 2\n  c: is missing\n",
        ),
        (KeyboardInterrupt(), 130, ""),
        (click.Abort(), 130, ""),
        (
            OSError(errno.ENOSPC, "No space left on device", "a secret"),
            1,
            f"syncd: cannot go on: No space left on device\n  {REMEDIES[errno.ENOSPC]}\n",
        ),
        (
            OSError(errno.ENOTTY, "a secret"),
            1,
            "syncd: unexpected OSError; --log-level debug shows where it comes from\n",
        ),
        (
            ValueError("a secret"),
            1,
            "syncd: unexpected ValueError; --log-level debug shows where it comes from\n",
        ),
    ],
)
def test_a_failure_is_a_code_and_a_line_or_two(
    command: Callable[[click.Command], None],
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    said: str,
) -> None:
    command(failing(error))
    assert main(["probe"]) == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", said)


@pytest.mark.parametrize("error", [ValueError("x"), SyncdError("x")])
@pytest.mark.parametrize("line", [["--log-level", "debug", "probe"], ["probe", "--log-level", "debug"]])
def test_only_debug_shows_a_traceback(
    command: Callable[[click.Command], None],
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    line: list[str],
) -> None:
    command(failing(error))
    assert main(line) == 1
    assert "Traceback" in capsys.readouterr().err
    assert main(["--log-level", "info", "probe"]) == 1
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("code", [0, 3, 4])
def test_a_command_may_end_with_a_code_of_its_own(
    command: Callable[[click.Command], None], code: int
) -> None:
    @click.command()
    @click.pass_context
    def probe(context: click.Context) -> None:
        context.exit(code)

    command(probe)
    assert main(["probe"]) == code


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["confg"], "there is no command 'confg'; did you mean 'config'?"),
        (["zzzz"], "there is no command 'zzzz'\n"),
        (["--confg"], "No such option '--confg'"),
        (["config", "show", "--format", "yaml"], "'yaml' is not one of 'toml', 'json'"),
        (["--log-level", "loud", "config", "check"], "'loud' is not one of"),
    ],
)
def test_a_slip_is_answered_in_two_lines(
    capsys: pytest.CaptureFixture[str], line: list[str], said: str
) -> None:
    assert main(line) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.splitlines()[-1].startswith("  see `syncd")
    assert (captured.out, captured.err.count("\n")) == ("", 2)


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Commands:" in captured.err


@pytest.mark.parametrize(
    "line",
    [
        ["--config", "a.toml", "probe"],
        ["probe", "--config", "a.toml"],
        ["--config", "b.toml", "probe", "--config", "a.toml"],
    ],
)
def test_shared_options_may_stand_before_or_after(
    command: Callable[[click.Command], None], line: list[str]
) -> None:
    seen = []

    @click.command()
    @click.pass_context
    def probe(context: click.Context) -> None:
        seen.append(str(global_options(context).config))

    command(probe)
    assert main(line) == 0
    assert seen == ["a.toml"]


BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
"""As at home: what a closed pipe refuses stays buffered, and is tried again when the process ends."""


@pytest.mark.parametrize("lines", [1, 1000])
def test_a_reader_that_leaves_is_no_error(lines: int) -> None:
    """As `syncd … | head` does it, with less and with more output than a pipe holds."""
    script = f"""if True:
        import sys, types, click
        from syncd.cli.main import main
        from syncd.cli.command_list import COMMANDS, CommandEntry
        def talk():
            sys.stdin.read()
            for _ in range({lines}):
                print("x" * 1000)
        sys.modules["tests_probe"] = types.SimpleNamespace(probe=click.Command("probe", callback=talk))
        COMMANDS["probe"] = CommandEntry("tests_probe", "probe", "")
        sys.exit(main(["probe"]))
    """
    pipe = subprocess.PIPE
    line = [sys.executable, "-c", script]
    with subprocess.Popen(line, stdin=pipe, stdout=pipe, stderr=pipe, env=BUFFERED) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        process.stdin.close()
        assert process.stderr.read() == b""
        assert process.wait(20) == 141


def test_a_fault_keeps_its_code_where_nobody_reads_it() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    line = [sys.executable, "-m", "syncd", "--config", "/nowhere", "config", "check"]
    done = subprocess.run(line, stdout=subprocess.PIPE, stderr=writer, check=False, timeout=20, env=BUFFERED)
    os.close(writer)
    assert (done.returncode, done.stdout) == (2, b"")
