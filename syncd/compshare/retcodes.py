"""What each RetCode means, by what to do about it. The SDKs' own rule (retry above 2000) is wrong for this API."""

from __future__ import annotations

import re

from syncd.errors import ApiError, AuthFailed, Misconfigured, PastTheEnd, ProtocolError, Throttled, Transient

THROTTLED = frozenset({153, 8441, 226619})
TRANSIENT = frozenset(
    {110, 120, 130, 150, 8433, 8434, 8438, 8498, 8510, 8520, 8580, 226620, 226628}
)  # fmt: skip
REGION_DENIED = 293
"""The key may not use the region."""
AUTH = frozenset({170, 171, 172, 174, 200, 240, REGION_DENIED, 294, 295, 299})
NOT_AVAILABLE = 230
"""A parameter was refused; the message names it in brackets."""
CONFIGURATION = frozenset({NOT_AVAILABLE, 292, 210, 220, 280})
PAST_THE_END = 8401
PROGRAMMING = frozenset({160, 161})

HINTS = {
    171: "check private_key, and that api.base_url is the gateway this key belongs to",
    172: "check public_key",
    174: "check public_key",
    REGION_DENIED: "this key may not use the region; leave it out of regions, or have the permission granted",
    294: "the key is tied to other IP addresses; allow this machine's in the console",
    295: "the account is locked for security; unlock it in the console",
    299: "grant the key the permission in IAM; a sub-account must set project_id",
    292: "check project_id; `syncd regions` and the console show what the key can use",
}
AUTH_HINT = "check the key pair and its permissions in the console"
CONFIGURATION_HINT = "check regions and project_id of the account"

_BRACKET = re.compile(r"\[([^\[\]]*)\]")


def failure(code: int, message: str) -> ApiError:
    """The error for a RetCode other than 0; ``message`` is the API's, made printable."""
    text = f"RetCode {code}" + (f": {message}" if message else "")
    if code in THROTTLED:
        return Throttled(text, "lower api.rate or lengthen schedule.interval if it lasts", code=code)
    if code in TRANSIENT:
        return Transient(text, "nothing to do unless it lasts", code=code)
    if code in AUTH:
        return AuthFailed(text, HINTS.get(code, AUTH_HINT), code=code)
    if code == PAST_THE_END or (code == NOT_AVAILABLE and names(message, "Offset")):
        return PastTheEnd(text, CONFIGURATION_HINT, code=code)
    if code in CONFIGURATION:
        return Misconfigured(text, HINTS.get(code, CONFIGURATION_HINT), code=code)
    if code in PROGRAMMING:
        return ProtocolError(text, "check that api.base_url is a CompShare gateway", code=code)
    return ProtocolError(text, "the code is not known; if it lasts, report it with this message", code=code)


def is_parameter_refused(code: int | None) -> bool:
    """Whether the API knows no such region, project, offset or image: it refused a parameter of the request."""
    return code == NOT_AVAILABLE


def is_region_refused(code: int | None) -> bool:
    """Whether a listing failed because there is no such region, or because this key may not use it."""
    return code in (NOT_AVAILABLE, REGION_DENIED)


def names(message: str, *words: str) -> bool:
    """Whether the brackets of ``Params [X] not available`` hold one of ``words``."""
    return any(name.strip() in words for name in _BRACKET.findall(message))
