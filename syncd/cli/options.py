"""Options that several commands share, and what the user chose with them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from syncd.config import Config

Decorated = TypeVar("Decorated", bound=Callable[..., object])

COMPLETE_VARIABLE = "_SYNCD_COMPLETE"
"""The environment variable with which a shell asks `syncd` what could come next."""

LOG_LEVELS = ("debug", "info", "warning", "error")
OUTPUT_FORMATS = ("table", "json", "jsonl", "csv")


@dataclass
class GlobalOptions:
    """What the user gave with the options that every command has, before its name or after it."""

    config: Path | None = None
    log_level: str | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def load_config(self) -> Config:
        """The configuration, with the templates of its sinks tried. Raises ConfigError with every fault."""
        from syncd.config import load
        from syncd.sinks.template_check import template_faults

        return load(self.config, self.environ, [template_faults])

    def load_config_without_secrets(self) -> Config:
        """For a command that only reads the database or asks the daemon: its user need not be able to read secrets."""
        from syncd.config import load

        return load(self.config, self.environ, secrets=False)


def global_options(context: click.Context) -> GlobalOptions:
    options = context.find_object(GlobalOptions)
    assert options is not None
    return options


def global_option_params() -> list[click.Parameter]:
    """``--config`` and ``--log-level``, for click."""
    return [
        click.Option(
            ["--config"],
            type=click.Path(path_type=Path),
            metavar="PATH",
            expose_value=False,
            callback=_remember,
            help="The configuration file.",
        ),
        click.Option(
            ["--log-level"],
            type=click.Choice(LOG_LEVELS),
            expose_value=False,
            callback=_remember,
            help="How much is logged; debug also shows tracebacks.",
        ),
    ]


def _remember(context: click.Context, option: click.Parameter, value: Any) -> None:
    if value is not None:
        setattr(context.ensure_object(GlobalOptions), str(option.name), value)


def format_option(*choices: str) -> Callable[[Decorated], Decorated]:
    """``--format``; the first choice is the default."""
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(choices),
        default=choices[0],
        show_default=True,
        help="How the output is written.",
    )


db_option = click.option(
    "--db",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Use this database instead of the one that the configuration names.",
)


limit_option = click.option(
    "--limit",
    type=click.IntRange(min=0),
    metavar="N",
    help="List at most so many, 0 for all. By default a table is cut off, and the other formats are complete.",
)


def reading_options(*, limit: bool = True) -> Callable[[Decorated], Decorated]:
    """The options of every command that reads the database, with or without ``--limit``."""

    def decorate(command: Decorated) -> Decorated:
        command = db_option(format_option(*OUTPUT_FORMATS)(command))
        return limit_option(command) if limit else command

    return decorate


class Duration(click.ParamType[float]):
    """A duration, written as in the configuration: ``30s``, ``5m``, ``1h``; converted to seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        from syncd.config.values import parse_duration

        if isinstance(value, float | int):
            return float(value)
        span = parse_duration(value)
        if span is None or not span:
            self.fail(f'{value!r} is not a duration: write "30s", "5m" or "1h"', param, ctx)
        return span.total_seconds()
