"""The pretend API without HTTP: it takes parameters and gives an answer, with all checks and faults but the wire's."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from syncd.simulator import row_bytes, signature, zones
from syncd.simulator.accounts import Account
from syncd.simulator.answer import Answer, Refusal, not_available, refuse
from syncd.simulator.faults import Fault, Faults, of_stage
from syncd.simulator.page import Page
from syncd.simulator.page_faults import View
from syncd.simulator.query import LIST_ACTION, MAX_LIMIT, PROJECTS_ACTION, ZONES_ACTION, Query
from syncd.simulator.world import World


class Gateway:
    """Answers requests about a world, with its faults. Tests that list without HTTP use ``page``."""

    def __init__(self, world: World, faults: Faults | None = None) -> None:
        self.world = world
        self.faults = Faults(world.seed) if faults is None else faults
        self._rng = random.Random(world.seed)

    def read(self, params: Mapping[str, str]) -> Query:
        return Query(params, self.world.by_public_key(params.get("PublicKey", "")))

    def answer(self, query: Query, *, signed: bool = True) -> Answer:
        """The answer of the API, or what a fault makes of it; without ``signed`` no signature is asked for."""
        struck = self.faults.meet(query)
        view = View(query, self.world, self._rng)
        for fault in of_stage(struck, "world"):
            fault.act(view)
        answer = self._instead(query, struck) or self._honest(view, struck, signed)
        for fault in of_stage(struck, "body"):
            answer = fault.act(answer)
        names = tuple(fault.kind.name for fault in struck)
        return replace(answer, wire=of_stage(struck, "wire"), faults=names) if struck else answer

    def page(
        self,
        account: str | Account,
        region: str,
        limit: int = 20,
        offset: int = 0,
        image_id: str | None = None,
        project_id: str | None = None,
    ) -> Answer:
        """The answer to one page or lookup, in memory and unsigned, with the checks and faults of the API."""
        known = self.world.account(account)
        params = {"Action": LIST_ACTION, "Region": region, "Limit": str(limit), "Offset": str(offset)}
        optional = {"CompShareImageId": image_id, "ProjectId": project_id}
        params |= {key: value for key, value in optional.items() if value}
        return self.answer(Query(params, known), signed=False)

    def _instead(self, query: Query, struck: list[Fault]) -> Answer | None:
        first = next(iter(of_stage(struck, "instead")), None)
        return None if first is None else first.act(query)

    def _honest(self, view: View, struck: list[Fault], signed: bool) -> Answer:
        query = view.query
        reply = (_refused_identity(query) if signed else None) or self._reply(query)
        for fault in of_stage(struck, "page"):
            if isinstance(reply, Page):
                reply = fault.act(reply, view)
        if isinstance(reply, Refusal):
            return Answer(reply.body(query.action), ret_code=reply.code)
        return Answer(reply.body(self.world.next_digits()), ret_code=0)

    def _reply(self, query: Query) -> Page | Refusal:
        """The true answer to a request whose signature is right."""
        account = query.account
        assert account is not None
        if query.action == PROJECTS_ACTION:
            return _table(account.project_rows(), "ProjectSet", query.action)
        refusal = _refused_project(query, account) or self._refused_place(query)
        if refusal is not None:
            return refusal
        if query.action == ZONES_ACTION:
            return _table(zones.zone_rows(self.world.zones), "ZoneInfo", query.action)
        return self._list(query, account)

    def _list(self, query: Query, account: Account) -> Page | Refusal:
        limit, offset, region = query.limit, query.offset, query.region
        if limit is None or not 1 <= limit <= MAX_LIMIT:
            return not_available("Limit")
        if offset is None or offset < 0:
            return not_available("Offset")
        assert region is not None
        return self.world.read(account, region, limit, offset, query.image_id)

    def _refused_place(self, query: Query) -> Refusal | None:
        region, zone = query.region, query.params.get("Zone")
        if region is None:
            return None if query.action == ZONES_ACTION else Refusal(220, "Missing params [Region]")
        if region not in self.world.zones:
            return not_available("Region")
        names = zones.zone_names(region, self.world.zones[region])
        return not_available("Zone") if zone and zone not in names else None


def _refused_identity(query: Query) -> Refusal | None:
    if not query.action:
        return refuse(160)
    if query.subject == "other":
        return refuse(161)
    if not query.params.get("Signature") or not query.params.get("PublicKey"):
        return refuse(170)
    if query.account is None:
        return refuse(172)
    if not signature.matches(query.params, query.account.private_key):
        return refuse(171)
    return refuse(174) if query.params.get("SecurityToken") else None


def _refused_project(query: Query, account: Account) -> Refusal | None:
    project = query.params.get("ProjectId")
    if not project:
        return refuse(299) if account.needs_project else None
    return None if project in account.projects else refuse(292)


def _table(fields: list[dict[str, Any]], key: str, action: str) -> Page:
    return Page([row_bytes.encode(row) for row in fields], key=key, action=action)
