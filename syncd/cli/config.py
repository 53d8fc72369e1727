"""`syncd config`: writes a commented configuration, names every fault of one, and shows what is in force."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from pathlib import Path

import click

import syncd
from syncd.cli.language import translate
from syncd.cli.options import GlobalOptions, format_option, global_options
from syncd.cli.output import say
from syncd.errors import UsageError


@click.group(
    epilog="""\b
Example:
  syncd config init && syncd config check"""
)
def config() -> None:
    """Write, check or show the configuration."""


@config.command(
    short_help="Write a commented configuration to start from.",
    epilog="""\b
Example:
  syncd config init
  syncd config init ./config.toml

\b
Environment: SYNCD_CONFIG (the file, without PATH and --config); XDG_CONFIG_HOME.""",
)
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.pass_context
def init(context: click.Context, path: Path | None) -> None:
    """Write a commented configuration to PATH, which only you can read; no file is overwritten."""
    target = path or _usual_path(global_options(context))
    _write_new(target, example_path().read_bytes())
    click.echo(target)
    say(f"next: edit it, then `syncd --config {target} config check`")


@config.command(
    epilog="""\b
Example:
  syncd config check --config ./config.toml

\b
Exit code: 0 no fault, 2 faults (each on a line of its own)."""
)
@click.pass_context
def check(context: click.Context) -> None:
    """List every fault in the configuration at once, with how to fix it."""
    checked = global_options(context).load_config()
    for warning in checked.warnings:
        say(f"warning: {warning}")
    counted = [
        _counted(f"{len(checked.accounts)} account", checked.accounts),
        _counted(f"{len(checked.sinks)} sink", checked.sinks),
    ]
    click.echo(translate(", ").join([translate(f"{checked.source}: ok"), *counted]))


@config.command(
    epilog="""\b
Example:
  syncd config show --format json"""
)
@format_option("toml", "json")
@click.pass_context
def show(context: click.Context, output_format: str) -> None:
    """Show the configuration that is in force, with all defaults, and with secrets masked."""
    from syncd.config import describe, to_toml

    described = describe(global_options(context).load_config())
    if output_format == "json":
        click.echo(json.dumps(described, ensure_ascii=False, indent=2))
    else:
        click.echo(to_toml(described).rstrip())


def example_path() -> Path:
    """The commented example: inside the package of an installation, beside the package in a checkout."""
    package = Path(syncd.__file__).parent
    return next(
        path
        for path in (package / "config.example.toml", package.parent / "config.example.toml")
        if path.is_file()
    )


def _usual_path(options: GlobalOptions) -> Path:
    """The file that the other commands would read."""
    from syncd.config.paths import user_file

    named = options.environ.get("SYNCD_CONFIG")
    return options.config or (Path(named) if named else user_file(options.environ))


def _write_new(path: Path, content: bytes) -> None:
    if path.exists() or path.is_symlink():
        raise UsageError(f"{path} exists; it was not touched", "name another PATH, or move it away first")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror}", "name a PATH that you may write to"
        ) from None


def _counted(counted: str, names: Collection[str]) -> str:
    """``2 sinks (team, file)``."""
    plural = "" if len(names) == 1 else "s"
    return translate(f"{counted}{plural}") + (translate(f" ({', '.join(names)})") if names else "")
