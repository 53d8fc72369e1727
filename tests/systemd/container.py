"""A small Debian under a real systemd, in a container of its own: made once, copied for each run, ended by its ids."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

PACKAGES = "systemd,systemd-sysv,dbus,procps,python3,python3-venv"
RELEASE = "bookworm"
PYTHON = "3.11"
"""What this release brings."""

BOOT_WITHIN = 90.0
"""Seconds."""


def missing() -> str:
    """Why no container can be had here; empty if one can."""
    if os.geteuid() != 0:
        return "needs root"
    absent = [name for name in ("debootstrap", "systemd-nspawn", "nsenter") if shutil.which(name) is None]
    return f"needs {', '.join(absent)} (packages debootstrap, systemd-container)" if absent else ""


def pristine(cache: Path) -> Path:
    """The root folder that is copied; made if it is not there yet."""
    root = cache / f"{RELEASE}-{hashlib.sha256(PACKAGES.encode()).hexdigest()[:8]}"
    if not root.exists():
        part = root.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.parent.mkdir(parents=True, exist_ok=True)
        command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", RELEASE, str(part)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        part.rename(root)
    return root


class Container:
    """A context manager: boots on entry, and is gone on exit with all that ran in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._init = 0

    def __enter__(self) -> Container:
        self._nspawn = subprocess.Popen(
            ["systemd-nspawn", "-q", "-D", self.root, "-b", "--register=no", "--keep-unit", "--private-network",
             "--console=pipe", "--machine", f"syncd-test-{os.getpid()}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        deadline = time.monotonic() + BOOT_WITHIN
        while time.monotonic() < deadline:
            self._init = self._child()
            if self._init:
                state = self.run("systemctl", "is-system-running", "--wait", check=False).stdout.strip()
                if state in ("running", "degraded"):
                    return self
            time.sleep(0.2)
        self.__exit__()
        raise TimeoutError("the container did not boot")

    def __exit__(self, *_: object) -> None:
        if self._nspawn is not None:
            if self._init:
                self.run("systemctl", "poweroff", "--force", "--force", check=False)
            try:
                self._nspawn.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self._nspawn.pid, signal.SIGKILL)
                self._nspawn.wait()

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command inside, as root."""
        inside = ["nsenter", "-t", str(self._init), "-m", "-u", "-i", "-n", "-p", "--", *command]
        done = subprocess.run(inside, capture_output=True, text=True, timeout=120, check=False)
        assert not check or done.returncode == 0, (
            f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        return done

    def until(self, *command: str, holds: str, within: float = 40.0) -> str:
        """Run it again and again until its output holds the words."""
        deadline = time.monotonic() + within
        while True:
            output = self.run(*command, check=False).stdout
            if holds in output:
                return output
            assert time.monotonic() < deadline, f"{command} never said {holds!r}: {output[-2000:]}"
            time.sleep(0.2)

    def _child(self) -> int:
        assert self._nspawn is not None
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
        return int(children[0]) if children else 0
