"""`syncd config`: a commented start, every fault at once, the result with secrets masked."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from pathlib import Path

import click

import syncd
from syncd.cli.options import format_option, say, settings
from syncd.errors import UsageError


@click.group(
    epilog="""\b
Example:
  syncd config init && syncd config check"""
)
def config() -> None:
    """Write, check or show the configuration."""


@config.command(
    short_help="Write a commented start.",
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
    """Write a commented start to PATH, readable by you alone; nothing is overwritten."""
    from syncd.config.places import user_file

    chosen = settings(context)
    named = chosen.environ.get("SYNCD_CONFIG")
    target = path or chosen.config or (Path(named) if named else user_file(chosen.environ))
    _write_new(target, example().read_bytes())
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
    """Name every fault at once, with what would be right."""
    found = settings(context).load()
    for warning in found.warnings:
        say(f"warning: {warning}")
    click.echo(f"{found.source}: ok, {_counted('account', found.accounts)}, {_counted('sink', found.sinks)}")


@config.command(
    epilog="""\b
Example:
  syncd config show --format json"""
)
@format_option("toml", "json")
@click.pass_context
def show(context: click.Context, form: str) -> None:
    """Show what is in force, defaults included, secrets masked."""
    from syncd.config import describe, to_toml

    told = describe(settings(context).load())
    click.echo(json.dumps(told, ensure_ascii=False, indent=2) if form == "json" else to_toml(told).rstrip())


def example() -> Path:
    """The commented example: in the package of an installation, beside it in a checkout."""
    package = Path(syncd.__file__).parent
    return next(
        path
        for path in (package / "config.example.toml", package.parent / "config.example.toml")
        if path.is_file()
    )


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


def _counted(word: str, names: Collection[str]) -> str:
    plural = "" if len(names) == 1 else "s"
    return f"{len(names)} {word}{plural}" + (f" ({', '.join(names)})" if names else "")
