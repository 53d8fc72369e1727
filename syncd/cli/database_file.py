"""What the reading commands share: --format, --limit, --db, the file, and a word about its state."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from syncd.cli.options import Decorated, say, settings
from syncd.cli.output import FORMS, plain
from syncd.errors import ConfigError, DatabaseMissing

if TYPE_CHECKING:
    from syncd.config import Config
    from syncd.monitoring.snapshot import Survey
    from syncd.store.queries import Reader

DEFAULT_LIMIT = 100


def reading(limit: int | None = DEFAULT_LIMIT) -> Callable[[Decorated], Decorated]:
    """The options of every reading command; ``limit`` None: it has none."""

    def decorate(command: Decorated) -> Decorated:
        options = [
            click.option("--format", "form", type=click.Choice(FORMS), default="table", show_default=True,
                         help="The form of the output."),
            click.option("--db", type=click.Path(path_type=Path), metavar="PATH",
                         help="The database, instead of the configuration's."),
        ]  # fmt: skip
        if limit is not None:
            options.append(
                click.option("--limit", type=click.IntRange(min=1), default=limit, show_default=True,
                             help="At most so many lines.")
            )  # fmt: skip
        for option in options:
            command = option(command)
        return command

    return decorate


class File:
    """The database that a command reads, and the configuration if there is a sound one."""

    def __init__(self, context: click.Context, db: Path | None) -> None:
        self.config = _config(context, db)
        self._environ = settings(context).environ
        self.path = db or self._of_config()
        self.now = datetime.now(UTC)

    def open(self) -> Reader:
        from syncd.store.queries import Reader

        with self._naming_another():
            return Reader.open(self.path)

    def survey(self) -> Survey:
        from syncd.monitoring.snapshot import survey

        with self._naming_another():
            if self.config is None:
                return survey(self.path)
            return survey(self.path, self.config.accounts, self.config.sinks)

    def warn(self) -> None:
        """On a terminal: a first line if what follows may be old or a target fails."""
        from syncd.monitoring import health

        if not sys.stderr.isatty():
            return
        found = self.survey()
        judged = health.judge(found.accounts, found.targets, [], self.now)
        for reason in judged.reasons[:3]:
            say(f"! {plain(reason)}")

    @contextmanager
    def _naming_another(self) -> Iterator[None]:
        """A file that is missing here may be where a service, or a daemon of one's own, keeps it."""
        try:
            yield
        except DatabaseMissing as missing:
            from syncd.config.places import SYSTEM, default_database

            usual = (default_database(config, self._environ) for config in (SYSTEM, None))
            other = next((path for path in usual if path != self.path and os.access(path, os.R_OK)), None)
            if other is None:
                raise
            raise DatabaseMissing(missing.message, f"{other} is there; --db {other} reads it") from None

    def _of_config(self) -> Path:
        assert self.config is not None
        return self.config.database.path


def rows_of(items: Any) -> Any:
    """Dataclasses as dicts, one by one."""
    return (asdict(item) for item in items)


def why_empty(file: File, filtered: bool) -> None:
    """An empty answer says why."""
    found = file.survey()
    if not found.targets:
        say("nothing yet: no target is known; `syncd sync` or `syncd run` reads the lists")
    elif all(target.last_success_at is None for target in found.targets):
        say("nothing yet: no list was read whole; `syncd status` says why")
    else:
        say("nothing matches" if filtered else "nothing")


def _config(context: click.Context, db: Path | None) -> Config | None:
    """With --db a configuration is not needed."""
    try:
        return settings(context).load_quickly()
    except ConfigError:
        if db is None:
            raise
        return None
