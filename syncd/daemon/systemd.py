"""sd_notify(3) without a dependency: one datagram to $NOTIFY_SOCKET, or nothing where systemd did not start syncd."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from datetime import timedelta


class Notifier:
    """Tells systemd how the service is. Every call is safe everywhere, and none raises."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self.watchdog = _watchdog(environ)
        """How often `alive` must be called; None if systemd does not watch over this process."""

    @property
    def has_listener(self) -> bool:
        """Whether systemd wants to know anything."""
        return self._address is not None

    def ready(self, status: str) -> None:
        self._send(READY=1, STATUS=status)

    def status(self, status: str) -> None:
        """Show this line in `systemctl status`."""
        self._send(STATUS=status)

    def reloading(self) -> None:
        """A reload begins; `ready` must follow when it is over, whether it succeeded or not."""
        self._send(RELOADING=1, MONOTONIC_USEC=time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000)

    def stopping(self) -> None:
        self._send(STOPPING=1, STATUS="stopping")

    def alive(self) -> None:
        self._send(WATCHDOG=1)

    def extend(self, longest: timedelta) -> None:
        """Ask systemd to allow this much time, from now on, for the start or the stop."""
        self._send(EXTEND_TIMEOUT_USEC=round(longest.total_seconds() * 1_000_000))

    def _send(self, **fields: object) -> None:
        if self._address is None:
            return
        lines = "\n".join(f"{name}={' '.join(str(value).split())}" for name, value in fields.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.sendto(lines.encode(), self._address)
        except OSError:
            return


def _address(path: str) -> str | None:
    if path.startswith("@"):
        return "\0" + path[1:]
    return path if path.startswith("/") else None


def _watchdog(environ: Mapping[str, str]) -> timedelta | None:
    """Half the time that systemd allows between two signs of life; None if it means another process, or none."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    allowed = environ.get("WATCHDOG_USEC", "")
    return timedelta(microseconds=int(allowed)) / 2 if allowed.isdigit() and int(allowed) else None
