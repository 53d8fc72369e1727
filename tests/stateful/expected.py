"""Who gets which event, said once more in a few lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from syncd.model import Route, SinkFilter
from tests.sync.ledger import Event

ALL = Route("all", SinkFilter(events=("*",), scope="region", baseline=True))
CHAT = Route("chat", SinkFilter())
PICKY = Route("chat", SinkFilter(events=("image.shared", "image.updated", "sink.*"), names=("x*", "*7*")))
"""The same sink with another filter."""
NARROW = Route(
    "narrow", SinkFilter(events=("image.*", "sync.*"), accounts=("lab",), regions=("cn-a",), scope="region")
)
ROUTES = (ALL, CHAT, NARROW)
NAMES = tuple(route.sink for route in ROUTES)


def takers(event: Event, routes: Sequence[Route]) -> set[str]:
    """Nobody is told about its own trouble."""
    concerned = event.data.get("sink")
    return {route.sink for route in routes if route.sink != concerned and _takes(route)(event)}


def _takes(route: Route) -> Callable[[Event], bool]:
    if route is ALL:
        return lambda _: True
    return {id(CHAT): _chat, id(PICKY): _picky, id(NARROW): _narrow}[id(route)]


def _chat(event: Event) -> bool:
    unasked = event.type == "image.updated" or event.baseline or event.scope == "region"
    return not unasked


def _picky(event: Event) -> bool:
    if event.baseline or event.scope == "region":
        return False
    if event.type not in ("image.shared", "image.updated"):
        return event.type.startswith("sink.")
    names = [event.data["image"]["name"], (event.data["previous"] or {}).get("name")]
    return any(name and (name.startswith("x") or "7" in name) for name in names)


def _narrow(event: Event) -> bool:
    if event.type.startswith("sink.") or event.baseline or event.account not in ("lab", None):
        return False
    if event.region is not None:
        return event.region == "cn-a"
    regions = [*event.data.get("regions", ()), *event.data.get("pending_regions", ())]
    return not regions or "cn-a" in regions
