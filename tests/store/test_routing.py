"""Which sink takes which event: a filter judges only what the event has."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace as altered

from syncd.model import EVENT_TYPES, Draft, Route, SinkFilter
from syncd.sinks.samples import samples
from syncd.store.routing import sinks_for, wants

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
SAMPLES = samples(NOW)
IMAGE = altered(
    SAMPLES["image.shared"],
    account="lab",
    region="cn-wlcb",
    names=("old-name", "train-v2"),
    owners=("50123", "Zhang"),
)
EVERYTHING = SinkFilter(events=("*",))


def test_by_default_a_sink_takes_everything_but_updates() -> None:
    taken = [type_ for type_ in EVENT_TYPES if wants(SinkFilter(), SAMPLES[type_])]
    assert taken == [type_ for type_ in EVENT_TYPES if type_ != "image.updated"]


@pytest.mark.parametrize(
    ("wish", "taken"),
    [
        ({"events": ("image.*",)}, True),
        ({"events": ("sync.*", "image.shared")}, True),
        ({"events": ("sync.*",)}, False),
        ({"events": ("IMAGE.*",)}, True),
        ({"events": ()}, False),
        ({"accounts": ("l*",)}, True),
        ({"accounts": ("alice", "Lab")}, True),
        ({"accounts": ("alice",)}, False),
        ({"regions": ("cn-*",), "scope": "region"}, True),
        ({"regions": ("hk",), "scope": "region"}, False),
        ({"names": ("train-*",)}, True),
        ({"names": ("old-*",)}, True),
        ({"names": ("TRAIN-V*",)}, True),
        ({"names": ("train",)}, False),
        ({"owners": ("50123",)}, True),
        ({"owners": ("zh*",)}, True),
        ({"owners": ("li*",)}, False),
        ({"names": ("[ot]*-v?",)}, True),
    ],
)
def test_globs_on_type_account_region_name_and_owner(wish: dict[str, object], taken: bool) -> None:
    assert wants(replace(EVERYTHING, **wish), IMAGE) is taken  # type: ignore[arg-type]  # a table of cases


@pytest.mark.parametrize(
    ("scope", "event", "taken"),
    [
        ("account", "account", True),
        ("account", "region", False),
        ("region", "region", True),
        ("region", "account", True),
    ],
)
def test_by_default_what_concerns_one_region_only_is_not_news(scope: str, event: str, taken: bool) -> None:
    draft = altered(IMAGE, scope=event)  # type: ignore[arg-type]  # a table of cases
    assert wants(replace(EVERYTHING, scope=scope), draft) is taken  # type: ignore[arg-type]


@pytest.mark.parametrize("type_", [type_ for type_ in EVENT_TYPES if not type_.startswith("image.")])
def test_events_without_an_image_pass_the_filters_on_names_and_scope(type_: str) -> None:
    assert wants(replace(EVERYTHING, names=("no-such",), scope="region"), SAMPLES[type_])
    assert wants(replace(EVERYTHING, names=("no-such",)), SAMPLES[type_])


def test_sink_events_pass_the_filters_on_accounts_and_regions() -> None:
    assert wants(replace(EVERYTHING, accounts=("nobody",), regions=("nowhere",)), SAMPLES["sink.failed"])


@pytest.mark.parametrize(
    ("about", "taken"), [(("cn-wlcb", "hk"), True), (("hk",), True), (("cn-wlcb",), False), ((), True)]
)
def test_an_accounts_event_passes_regions_if_one_of_its_regions_does(
    about: tuple[str, ...], taken: bool
) -> None:
    draft = altered(SAMPLES["sync.failed"], regions=about)
    assert wants(replace(EVERYTHING, regions=("hk",)), draft) is taken


def test_a_targets_event_passes_regions_by_its_own() -> None:
    held = altered(SAMPLES["sync.held"], region="cn-wlcb")
    assert wants(replace(EVERYTHING, regions=("cn-*",)), held)
    assert not wants(replace(EVERYTHING, regions=("hk",)), held)


def test_an_image_without_a_name_is_taken_by_who_takes_any_name() -> None:
    nameless = altered(IMAGE, names=())
    assert wants(EVERYTHING, nameless)
    assert not wants(replace(EVERYTHING, names=("train-*",)), nameless)


def test_what_existed_already_goes_only_to_who_asks_for_it() -> None:
    known = altered(IMAGE, baseline=True)
    assert not wants(EVERYTHING, known)
    assert wants(replace(EVERYTHING, baseline=True), known)


def test_a_sink_never_gets_the_news_about_itself() -> None:
    routes = [Route(name, EVERYTHING) for name in ("a", "sample", "b")]
    assert sinks_for(routes, SAMPLES["sink.failed"]) == ["a", "b"]
    assert sinks_for(routes, Draft("sync.failed", NOW, {})) == ["a", "sample", "b"]
