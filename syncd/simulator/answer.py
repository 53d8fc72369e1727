"""What the API answers: a refusal, and the HTTP answer that a page or a refusal becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from syncd.simulator.faults import Fault

MESSAGES = {
    153: "Too many requests",
    160: "Missing Action",
    161: "Action not found",
    170: "Missing signature",
    171: "Signature VerifyAC Error",
    172: "User not found",
    174: "Token not found",
    292: "Project does not exist",
    299: "IAM permission error",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error of the API, which is sent as HTTP 200."""

    code: Any
    message: str

    def body(self, action: str) -> bytes:
        return msgspec.json.encode(
            {"RetCode": self.code, "Action": f"{action}Response", "Message": self.message}
        )


def refuse(code: int) -> Refusal:
    return Refusal(code, MESSAGES.get(code, "Internal error"))


def not_available(name: str) -> Refusal:
    return Refusal(230, f"Params [{name}] not available")


@dataclass(frozen=True, slots=True)
class Answer:
    """The HTTP answer, and the faults that it meets on the wire."""

    body: bytes
    status: int = 200
    ret_code: Any = None
    """For the log of requests; None if the body has no RetCode."""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    wire: Sequence[Fault] = ()
    faults: tuple[str, ...] = ()
    """The names of all faults that took part in it."""
