"""The database that a reading command looks into, and what it says when there is nothing to show."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from syncd.cli.options import GlobalOptions, global_options
from syncd.cli.output import plain, say
from syncd.errors import ConfigError, DatabaseMissing

if TYPE_CHECKING:
    from syncd.config import Config
    from syncd.monitoring.snapshot import Snapshot
    from syncd.store.queries import Reader


class DatabaseFile:
    """``config`` is None where there is no sound configuration: ``--db`` names the file, or it is where it usually is.

    With ``guess`` False, the usual place is not good enough: for a command that changes the file.
    """

    def __init__(self, context: click.Context, db: Path | None, *, guess: bool = True) -> None:
        options = global_options(context)
        self.config, self.path = _locate(options, db, guess=guess)
        self.now = datetime.now(UTC)
        self._environ = options.environ

    def open(self) -> Reader:
        from syncd.store.queries import Reader

        with self._suggesting_another():
            return Reader.open(self.path)

    def snapshot(self) -> Snapshot:
        from syncd.monitoring.snapshot import take_snapshot

        with self._suggesting_another():
            if self.config is None:
                return take_snapshot(self.path)
            return take_snapshot(self.path, self.config.accounts, self.config.sinks)

    def warn_if_unhealthy(self) -> None:
        """On a terminal, say first if what follows may be old, or if a target fails."""
        from syncd.monitoring import health

        if not sys.stderr.isatty():
            return
        snapshot = self.snapshot()
        for reason in health.assess(snapshot.accounts, snapshot.targets, [], self.now).reasons[:3]:
            say(f"! {plain(reason)}")

    def say_why_empty(self, filtered: bool) -> None:
        """Explain an empty answer; ``filtered`` says that options narrowed it."""
        targets = self.snapshot().targets
        if not targets:
            say("nothing yet: no target is known; `syncd sync` or `syncd run` reads the lists")
        elif all(target.last_success_at is None for target in targets):
            say("nothing yet: no list has been read completely; `syncd status` says why")
        else:
            say("nothing matches" if filtered else "nothing to show")

    @contextmanager
    def _suggesting_another(self) -> Iterator[None]:
        """If the file is missing, name the one that a service, or the user's own daemon, keeps elsewhere."""
        try:
            yield
        except DatabaseMissing as missing:
            from syncd.config.paths import SYSTEM, default_database

            usual = (default_database(config, self._environ) for config in (SYSTEM, None))
            other = next((path for path in usual if path != self.path and os.access(path, os.R_OK)), None)
            if other is None:
                raise
            raise DatabaseMissing(missing.message, f"{other} is there; --db {other} reads it") from None


def _locate(options: GlobalOptions, db: Path | None, *, guess: bool) -> tuple[Config | None, Path]:
    """The configuration and the file. Raises ConfigError if there is no sound configuration, and no file either."""
    try:
        config = options.load_config_without_secrets()
    except ConfigError as error:
        if db is not None:
            return None, db
        places = _usual_places(error, options)
        path = next((place for place in places if os.access(place, os.R_OK)), None)
        if path is None or not guess:
            raise ConfigError(error.source, error.faults, _naming(places[0])) from None
        say(f"warning: {error.message} (`syncd config check` lists them); reading {path}")
        return None, path
    return config, db or config.database.path


def _naming(place: Path) -> str:
    from syncd import file_access
    from syncd.config.paths import is_hidden

    denied = f" ({file_access.denied_hint(place)})" if is_hidden(place) else ""
    return f"this command needs only the database: name it with --db, as in --db {place}{denied}"


def _usual_places(error: ConfigError, options: GlobalOptions) -> list[Path]:
    """Where the faulty configuration says that the database is; without any, the user's and the service's place."""
    from syncd.config.paths import SYSTEM, default_database, find_config_file

    found = find_config_file(options.config, options.environ)
    place = error.database or default_database(found, options.environ)
    return [place] if found else [place, default_database(SYSTEM, options.environ)]
