"""Checks of the service: its systemd unit is in place, a daemon runs, and it has the credentials of today."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from syncd.cli.doctor_checks.finding import Finding, ok, warning
from syncd.cli.doctor_checks.unit import SYSTEM_UNITS, Unit, find_unit, read_unit

if TYPE_CHECKING:
    from syncd.config import Config
    from syncd.errors import DatabaseError
    from syncd.store.lock import Holder


def check_service(config: Config, environ: Mapping[str, str]) -> Iterator[Finding]:
    from syncd.errors import DatabaseError
    from syncd.store.lock import holder

    is_system = is_system_wide(config)
    unit = find_unit(SYSTEM_UNITS if is_system else _user_units(environ))
    try:
        lock_holder = holder(config.database.path)
    except DatabaseError as error:
        yield _unseen(unit, error)
        return
    running = lock_holder if lock_holder is not None and lock_holder.kind == "daemon" else None
    yield check_unit(unit, running, is_system)
    if running is not None and running.since and config.path is not None:
        yield from check_credentials(config.path.absolute().parent / "credentials", running)


def unit_of(config: Config) -> Unit | None:
    """The unit of the whole machine's service; None if the configuration is a user's, or if there is no unit."""
    path = find_unit(SYSTEM_UNITS) if is_system_wide(config) else None
    return None if path is None else read_unit(path)


def is_system_wide(config: Config) -> bool:
    return config.path is not None and config.path.absolute().is_relative_to("/etc")


def _unseen(unit: Path | None, error: DatabaseError) -> Finding:
    place = f"{unit} is in place" if unit else "no systemd unit"
    return warning("service", f"{place}; whether a daemon runs cannot be seen: {error.message}", error.hint)


def check_unit(unit: Path | None, running: Holder | None, is_system: bool) -> Finding:
    state = f"a daemon runs (pid {running.pid}, since {running.since})" if running else "no daemon runs"
    ctl = "systemctl" if is_system else "systemctl --user"
    if unit is not None and running is None:
        return warning("service", f"{unit} is in place, but {state}", f"{ctl} enable --now syncd")
    if unit is not None:
        return ok("service", f"{unit} is in place, {state}")
    if is_system:
        return warning(
            "service", f"no systemd unit, {state}", "install systemd/syncd.service, see the README"
        )
    return ok("service", f"no systemd unit, {state}; `syncd sync` from cron needs neither")


def check_credentials(folder: Path, running: Holder) -> Iterator[Finding]:
    """Compare them with the start of the service, since systemd reads them only then.

    Says nothing if there are none, or if this user may not look.
    """
    changed = _newest_change(folder)
    if changed is None:
        return
    if changed > datetime.fromisoformat(running.since):
        yield warning("credentials", f"{folder} changed after the service started", "systemctl restart syncd")
    else:
        yield ok("credentials", "have not changed since the service started")


def _user_units(environ: Mapping[str, str]) -> tuple[str, ...]:
    home = Path(environ.get("HOME", "/"))
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    return str(config / "systemd/user"), str(home / ".local/share/systemd/user"), "/etc/systemd/user"


def _newest_change(folder: Path) -> datetime | None:
    try:
        times = [file.stat().st_mtime for file in folder.iterdir() if file.is_file()]
    except OSError:
        return None
    return datetime.fromtimestamp(max(times), UTC) if times else None
