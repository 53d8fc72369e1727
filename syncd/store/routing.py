"""Which sinks take an event: pure. A filter judges only what an event has."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from syncd.model import Draft, Route, SinkFilter


def sinks_for(routes: Iterable[Route], draft: Draft) -> list[str]:
    """The sinks that get the event; never the one that it is about."""
    return [route.sink for route in routes if route.sink != draft.sink and wants(route.wants, draft)]


def wants(wish: SinkFilter, draft: Draft) -> bool:
    """With scope "account" a sink takes what changes an account's whole; with "region" what happens in each region."""
    return (
        (wish.baseline or not draft.baseline)
        and (draft.scope is None or wish.scope == "region" or draft.scope == "account")
        and _matches(wish.events, (draft.type,))
        and (draft.account is None or _matches(wish.accounts, (draft.account,)))
        and _matches_if_any(wish.regions, _regions(draft))
        and (draft.image_id is None or _matches(wish.names, draft.names or ("",)))
    )


def _regions(draft: Draft) -> tuple[str, ...]:
    return draft.regions or ((draft.region,) if draft.region else ())


def _matches_if_any(globs: tuple[str, ...], values: tuple[str, ...]) -> bool:
    return not values or _matches(globs, values)


def _matches(globs: tuple[str, ...], values: tuple[str, ...]) -> bool:
    return any(fnmatchcase(value, glob) for glob in globs for value in values)
