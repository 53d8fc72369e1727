"""What one check of `syncd doctor` found, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from syncd.errors import ExitCode

State = Literal["ok", "warning", "failed"]

GRAVEST_FIRST = (ExitCode.USAGE, ExitCode.DATABASE, ExitCode.FAILED)


@dataclass(frozen=True, slots=True)
class Finding:
    """``code`` is the exit code that a failed finding asks for."""

    check: str
    state: State
    message: str
    remedy: str = ""
    code: ExitCode = ExitCode.OK


def ok(check: str, message: str) -> Finding:
    return Finding(check, "ok", message)


def warning(check: str, message: str, remedy: str = "") -> Finding:
    return Finding(check, "warning", message, remedy)


def failed(check: str, message: str, remedy: str, code: ExitCode = ExitCode.FAILED) -> Finding:
    return Finding(check, "failed", message, remedy, code)


def exit_code(findings: Iterable[Finding]) -> ExitCode:
    """The gravest code among the failed findings."""
    codes = {finding.code for finding in findings if finding.state == "failed"}
    return next((code for code in GRAVEST_FIRST if code in codes), ExitCode.OK)
