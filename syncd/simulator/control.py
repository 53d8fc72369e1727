"""The control endpoint, through which curl or another process changes the world; for this machine only."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from syncd.simulator.faults import KINDS, ActiveFault, Fault, FaultError
from syncd.simulator.registry import EVERYWHERE, UnknownError

if TYPE_CHECKING:
    from syncd.simulator.server import Simulator

PREFIX = "/_control"

SHOWN = 1000
"""How many of the last requests ``GET requests`` shows."""

Deed = Callable[["Simulator", dict[str, Any]], Any]


class BadOrderError(ValueError):
    """A control request that cannot be read."""


async def handle(sim: Simulator, request: web.BaseRequest) -> web.Response:
    """Answer a control request: with 200 and what was done, or with 400, 403 or 404 and ``{"error": …}``."""
    if not from_this_machine(request):
        return _json({"error": "the control endpoint answers only this machine"}, 403)
    name = request.path.removeprefix(PREFIX).strip("/")
    deed = DEEDS.get((request.method, name))
    if deed is None:
        return _json({"error": f"no {request.method} {request.path}", "there_are": _menu()}, 404)
    try:
        return _json(deed(sim, await _order(request)))
    except (BadOrderError, UnknownError, FaultError, TypeError) as error:
        return _json({"error": str(error)}, 400)


def from_this_machine(request: web.BaseRequest) -> bool:
    """Whether the peer is this machine and the request did not come through a proxy."""
    peer = None if request.transport is None else request.transport.get_extra_info("peername")
    return peer is not None and is_loopback(str(peer[0])) and "X-Forwarded-For" not in request.headers


def is_loopback(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_loopback


def menu(sim: Simulator, order: dict[str, Any]) -> Any:
    return _menu()


def state(sim: Simulator, order: dict[str, Any]) -> Any:
    """How many images each account is shown in each region; without the keys."""
    world = sim.world
    return {
        "regions": list(world.regions),
        "accounts": {
            account.name: {
                "account_id": account.account_id,
                "projects": list(account.projects),
                "images": {region: len(world.share_list(account, region)) for region in world.regions},
            }
            for account in world.accounts
        },
        "faults": faults(sim, order),
        "requests": sim.requests.total,
    }


def images(sim: Simulator, order: dict[str, Any]) -> Any:
    """The rows that one account is shown in one region."""
    return list(sim.world.images(_text(order, "account"), _text(order, "region")).values())


def share(sim: Simulator, order: dict[str, Any]) -> Any:
    """Show an image, or ``count`` new ones with ``fields``."""
    account, regions = _text(order, "account"), _regions(order)
    if "image" in order:
        return {"images": [sim.world.share(account, regions, _text(order, "image"))]}
    fields, count = order.get("fields", {}), order.get("count", 1)
    if not isinstance(fields, dict) or type(count) is not int:
        raise BadOrderError('"fields" is an object of an image\'s fields, "count" a number')
    return {"images": sim.world.fill(account, regions, count, **fields)}


def unshare(sim: Simulator, order: dict[str, Any]) -> Any:
    """Take an image away from one account, or from all."""
    image, named = _text(order, "image"), order.get("account")
    accounts = [sim.world.account(named)] if named else sim.world.accounts
    unshared = [sim.world.unshare(account, _regions(order), image) for account in accounts]
    return {"unshared": any(unshared)}


def status(sim: Simulator, order: dict[str, Any]) -> Any:
    sim.world.set_status(_text(order, "image"), _text(order, "status"), _regions(order))
    return {"changed": True}


def rename(sim: Simulator, order: dict[str, Any]) -> Any:
    sim.world.rename(_text(order, "image"), _text(order, "name"), _regions(order))
    return {"changed": True}


def change(sim: Simulator, order: dict[str, Any]) -> Any:
    """Any fields of an image, by their names on the wire."""
    fields = order.get("fields")
    if not isinstance(fields, dict):
        raise BadOrderError('"fields" is missing: an object of an image\'s fields')
    sim.world.change(_text(order, "image"), _regions(order), **fields)
    return {"changed": True}


def remove(sim: Simulator, order: dict[str, Any]) -> Any:
    """Delete an image for everybody."""
    sim.world.remove(_text(order, "image"))
    return {"removed": True}


def blank(sim: Simulator, order: dict[str, Any]) -> Any:
    """Take everything away in a region, from one account or all."""
    return {"unshared": sim.world.blank(_text(order, "region"), order.get("account"))}


def faults(sim: Simulator, order: dict[str, Any]) -> Any:
    return [_shown(active) for active in sim.faults]


def add_fault(sim: Simulator, order: dict[str, Any]) -> Any:
    return _shown(sim.faults.add(Fault.from_json(order)))


def clear_faults(sim: Simulator, order: dict[str, Any]) -> Any:
    """Remove all faults, or the one whose ``id`` is given."""
    chosen = [active for active in sim.faults if order.get("id") in (None, active.number, str(active.number))]
    for active in chosen:
        active.remove()
    return {"removed": len(chosen)}


def kinds(sim: Simulator, order: dict[str, Any]) -> Any:
    """Every fault there is, with its parameters and their defaults."""
    return {
        kind.name: {"does": kind.summary, "on": kind.on, "parameters": kind.parameters}
        for kind in KINDS.values()
    }


def requests(sim: Simulator, order: dict[str, Any]) -> Any:
    kept = list(sim.requests)[-SHOWN:]
    return {
        "total": sim.requests.total,
        "in_flight": sim.requests.in_flight(),
        "high_water": dict(sim.requests.high_water),
        "connections": sim.requests.connections(),
        "busiest_second": sim.requests.busiest_second(),
        "requests": [msgspec.to_builtins(request) for request in kept],
    }


def forget_requests(sim: Simulator, order: dict[str, Any]) -> Any:
    sim.requests.clear()
    return {"forgotten": True}


DEEDS: dict[tuple[str, str], Deed] = {
    ("GET", ""): menu,
    ("GET", "state"): state,
    ("GET", "images"): images,
    ("POST", "share"): share,
    ("POST", "unshare"): unshare,
    ("POST", "status"): status,
    ("POST", "rename"): rename,
    ("POST", "change"): change,
    ("POST", "remove"): remove,
    ("POST", "blank"): blank,
    ("GET", "faults"): faults,
    ("POST", "faults"): add_fault,
    ("DELETE", "faults"): clear_faults,
    ("GET", "kinds"): kinds,
    ("GET", "requests"): requests,
    ("DELETE", "requests"): forget_requests,
}


def _menu() -> list[str]:
    return [f"{method} {PREFIX}/{name}" for method, name in DEEDS if name]


async def _order(request: web.BaseRequest) -> dict[str, Any]:
    """The query's parameters and the fields of a JSON body together."""
    fields: dict[str, Any] = dict(request.query)
    body = await request.read()
    if not body:
        return fields
    try:
        return fields | msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadOrderError(f"the body should be a JSON object: {error}") from None


def _regions(order: dict[str, Any]) -> Any:
    return order.get("regions", order.get("region", EVERYWHERE))


def _text(order: dict[str, Any], name: str) -> str:
    value = order.get(name)
    if not isinstance(value, str):
        raise BadOrderError(f'"{name}" is missing')
    return value


def _shown(active: ActiveFault) -> dict[str, Any]:
    return {"id": active.number, "hits": active.hits, **active.fault.as_json()}


def _json(value: Any, status: int = 200) -> web.Response:
    body = msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
    return web.Response(body=body, status=status, content_type="application/json")
