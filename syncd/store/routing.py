"""Which sinks get an event. A filter ignores events without the field that it filters by."""

from __future__ import annotations

from collections.abc import Iterable

from syncd.globs import any_matches
from syncd.model import Draft, Route, SinkFilter


def sinks_for(routes: Iterable[Route], draft: Draft) -> list[str]:
    """The names of the sinks that get the event; never the sink that the event is about."""
    return [route.sink for route in routes if route.sink != draft.sink and wants(route.wants, draft)]


def wants(sink_filter: SinkFilter, draft: Draft) -> bool:
    """Whether the filter lets the event through.

    With scope "account" a sink gets what changes for the account as a whole, with "region" what happens in each region.
    """
    return (
        (sink_filter.baseline or not draft.baseline)
        and (draft.scope is None or sink_filter.scope == "region" or draft.scope == "account")
        and any_matches(sink_filter.events, (draft.type,))
        and (draft.account is None or any_matches(sink_filter.accounts, (draft.account,)))
        and _matches_if_any(sink_filter.regions, _regions(draft))
        and (draft.image_id is None or any_matches(sink_filter.names, draft.names or ("",)))
        and (draft.image_id is None or any_matches(sink_filter.owners, draft.owners or ("",)))
    )


def wants_type(sink_filter: SinkFilter, event_type: str) -> bool:
    """Whether the filter lets events of this type through, if they fit it otherwise."""
    return any_matches(sink_filter.events, (event_type,))


def _regions(draft: Draft) -> tuple[str, ...]:
    return draft.regions or ((draft.region,) if draft.region else ())


def _matches_if_any(globs: tuple[str, ...], values: tuple[str, ...]) -> bool:
    return not values or any_matches(globs, values)
