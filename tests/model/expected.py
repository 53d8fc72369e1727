"""Who gets which event, said once more in a few lines."""

from __future__ import annotations

from collections.abc import Sequence

from syncd.model import Route, SinkFilter
from tests.sync.ledger import Event

ALL = Route("all", SinkFilter(events=("*",), scope="region", baseline=True))
CHAT = Route("chat", SinkFilter())
NARROW = Route(
    "narrow", SinkFilter(events=("image.*", "sync.*"), accounts=("lab",), regions=("cn-a",), scope="region")
)
ROUTES = (ALL, CHAT, NARROW)


def takers(event: Event, routes: Sequence[Route]) -> set[str]:
    """Nobody is told about its own trouble."""
    concerned = event.data.get("sink")
    return {route.sink for route in routes if route.sink != concerned and _TAKES[route.sink](event)}


def _chat(event: Event) -> bool:
    unasked = event.type == "image.updated" or event.baseline or event.scope == "region"
    return not unasked


def _narrow(event: Event) -> bool:
    if event.type.startswith("sink.") or event.baseline or event.account not in ("lab", None):
        return False
    if event.region is not None:
        return event.region == "cn-a"
    regions = [*event.data.get("regions", ()), *event.data.get("pending_regions", ())]
    return not regions or "cn-a" in regions


_TAKES = {"all": lambda _: True, "chat": _chat, "narrow": _narrow}
