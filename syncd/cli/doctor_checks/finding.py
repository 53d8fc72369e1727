"""What one look found, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "failed"]

CONFIGURATION, API, DATABASE = 2, 3, 5
"""Exit codes; a sink that cannot be reached, or a target that is not fresh, counts as API."""


@dataclass(frozen=True, slots=True)
class Finding:
    """``code`` is what the command ends with where it failed."""

    check: str
    state: State
    message: str
    remedy: str = ""
    code: int = 0


def ok(check: str, message: str) -> Finding:
    return Finding(check, "ok", message)


def warning(check: str, message: str, remedy: str = "") -> Finding:
    return Finding(check, "warning", message, remedy)


def failed(check: str, message: str, remedy: str, code: int) -> Finding:
    return Finding(check, "failed", message, remedy, code)


def exit_code(found: Iterable[Finding]) -> int:
    codes = {one.code for one in found if one.state == "failed"}
    return next((code for code in (CONFIGURATION, DATABASE, API) if code in codes), 0)
