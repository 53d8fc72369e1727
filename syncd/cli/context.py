"""What the commands share: the options given before them, the configuration, talk on stderr."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from syncd.config import Config

Decorated = TypeVar("Decorated", bound=Callable[..., object])

LEVELS = ("debug", "info", "warning", "error")


@dataclass
class Settings:
    """The options that every command has."""

    config: Path | None = None
    log_level: str | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def load(self) -> Config:
        """The configuration, with the templates of its sinks tried. Raises ConfigError with every fault."""
        from syncd.config import load
        from syncd.sinks.template_check import template_faults

        return load(self.config, self.environ, [template_faults])

    def load_quickly(self) -> Config:
        """For a command that reads the file or asks the daemon: no secret is read, no template tried."""
        from syncd.config import load

        return load(self.config, self.environ, secrets=False)


def settings(context: click.Context) -> Settings:
    found = context.find_object(Settings)
    assert found is not None
    return found


def say(text: str) -> None:
    """stdout is data; talk goes to stderr."""
    click.echo(text, err=True)


def format_option(*choices: str) -> Callable[[Decorated], Decorated]:
    """``--format``; the first choice is the default."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(choices),
        default=choices[0],
        show_default=True,
        help="The form of the output.",
    )
