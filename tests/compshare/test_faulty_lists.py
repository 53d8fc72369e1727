"""Each misbehaviour of the simulator, alone and in random pairs: a list is whole and right, or says why it is not."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import product

import pytest

from syncd.compshare.decode import Page, decode_page
from syncd.compshare.image_row import read_image
from syncd.compshare.listing import list_images
from syncd.compshare.reply import Reply, accepted
from syncd.errors import ApiError
from syncd.model import Listing, fingerprint
from syncd.simulator import KINDS, Fault, Gateway, lean_fields
from syncd.simulator.catalogue import image_fields

from .clients import REGION, scene, world_of

GONE = "compshareImage-gone"

ON_LISTS = sorted(name for name, kind in KINDS.items() if "list" in kind.on)
ON_THE_WIRE = [name for name in ON_LISTS if KINDS[name].stage == "wire"]
IN_MEMORY = [name for name in ON_LISTS if KINDS[name].stage != "wire"]

HIDING = ("short_page", "empty_page", "hidden_rows", "blank", "null_list")
"""Faults that leave rows out."""
COUNTING = ("page_local_total", "wrong_total", "blank", "hidden_rows", "null_list")
"""Faults that can make TotalCount agree with what is left."""


@dataclass
class Case:
    """Faults over a list; what was listed, or why it failed."""

    faults: list[Fault]
    images: int
    listing: Listing | None = None
    failure: ApiError | None = None
    always: set[str] = field(default_factory=set)
    """Shared all the time."""
    ever: set[str] = field(default_factory=set)
    """Shared at any time."""

    @property
    def named(self) -> bool:
        """The cases in which the cloud deceives: what every answer leaves out, and a first page that leaves rows out
        and counts accordingly (then the guard and the exact lookups stand)."""
        lasting = any(fault.kind.name in HIDING and fault.times is None for fault in self.faults)
        first = {fault.kind.name for fault in self.faults if fault.offset in (None, 0)}
        return lasting or not (first.isdisjoint(HIDING) or first.isdisjoint(COUNTING))

    def check(self) -> None:
        if self.failure is not None:
            assert self.failure.message
            return
        assert self.listing is not None
        seen = set(self.listing.seen)
        assert seen <= self.ever, self.faults
        if not self.listing.complete:
            assert self.listing.reason, self.faults
            assert not self.listing.absent, self.faults
        elif not self.named:
            assert self.always <= seen, self.faults
            assert GONE in self.listing.absent, self.faults
            assert not self.listing.absent & self.always, self.faults


async def no_sleep(_: float) -> None:
    pass


async def listed(faults: Iterable[Fault], images: int) -> Case:
    """A list of known images under faults, read in memory; every page that fails counts as failed for good."""
    faults = list(faults)
    full = any(fault.kind.name == "type_drift" for fault in faults)
    world = world_of(images, image_fields if full else lean_fields)
    gateway = Gateway(world)
    case = Case(faults, images)
    share_list = world.share_list("lab", REGION)
    rows = world.images("lab", REGION)
    known = {image_id: fingerprint(read_image(image_id, fields)[0]) for image_id, fields in rows.items()}
    known[GONE] = b"of a row that was taken away"
    case.always, case.ever = set(share_list.ids()), set(share_list.ids())
    for fault in case.faults:
        gateway.faults.add(fault)

    async def fetch(offset: int, limit: int) -> Page:
        answer = gateway.page("lab", REGION, limit, offset)
        case.always &= set(share_list.ids())
        case.ever |= set(share_list.ids())
        return decode_page(accepted(Reply(answer.status, answer.headers, answer.body)), known)

    try:
        case.listing = await list_images(fetch, known, sleep=no_sleep)
    except ApiError as error:
        case.failure = error
    return case


def random_fault(rng: random.Random, name: str) -> Fault:
    """The kind with some of its parameters, for all requests, one offset or the first few requests."""
    choices = {
        "wrong_total": {"by": [1, -1, 5, -5, 10**9]},
        "short_page": {"by": [1, 40, 99]},
        "over_long_page": {"extra": [1, 20]},
        "repeated_page": {"back": [1, 2]},
        "past_the_end": {"code": [8401, 230]},
        "null_list": {"form": ["null", "object", "absent"]},
        "doubled_id": {"differ": [True, False]},
        "rows_without_id": {"count": [1, 3], "how": ["absent", "null", "empty"]},
        "type_drift": {"to": ["text", "list", "object", "number"]},
        "list_changes": {"unshare": [0, 1, 2], "share": [0, 1, 2], "status": [0, 1]},
    }.get(name, {})
    parameters = {key: rng.choice(values) for key, values in choices.items()}
    times = rng.choice([None, None, 1, 1, 2])
    return Fault(name, offset=rng.choice([None, None, 0, 100, 200, 300]), times=times, **parameters)


@pytest.mark.parametrize("name", IN_MEMORY)
async def test_each_misbehaviour_alone(name: str) -> None:
    for images, offset, times in product((0, 40, 205, 300), (None, 0, 100, 200, 300), (None, 1, 3)):
        (await listed([Fault(name, offset=offset, times=times)], images)).check()


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 12))])
async def test_misbehaviours_in_random_pairs(seed: int) -> None:
    rng = random.Random(seed)
    whole = failed = 0
    for _ in range(500):
        faults = [random_fault(rng, name) for name in rng.choices(IN_MEMORY, k=2)]
        case = await listed(faults, rng.choice([0, 40, 100, 205, 320]))
        case.check()
        whole += case.listing is not None and case.listing.complete and not case.named
        failed += case.failure is not None
    assert whole > 100
    assert failed > 60


@pytest.mark.parametrize(
    ("fault", "images"),
    [
        (None, 320),
        (Fault("page_local_total"), 320),
        (Fault("wrong_total", by=5), 320),
        (Fault("wrong_total", by=-5), 320),
        (Fault("wrong_total", by=10**9), 320),
        (Fault("wrong_total", times=1), 320),
        (Fault("no_total"), 320),
        (Fault("text_total"), 320),
        (Fault("short_page", times=1), 320),
        (Fault("short_page", by=40, offset=100), 320),
        (Fault("empty_page", offset=200, times=1), 320),
        (Fault("over_long_page"), 320),
        (Fault("over_long_page", extra=50), 320),
        (Fault("past_the_end"), 300),
        (Fault("past_the_end", code=230), 300),
        (Fault("shuffled", times=2), 320),
        (Fault("doubled_id", times=1), 320),
        (Fault("doubled_id", differ=True, times=1), 320),
        (Fault("rows_without_id", times=1), 320),
        (Fault("type_drift"), 320),
        (Fault("type_drift", to="object"), 320),
        (Fault("digit_retcode"), 320),
        (Fault("content_type"), 320),
        (Fault("list_changes", times=2), 320),
    ],
    ids=str,
)
async def test_these_are_seen_through(fault: Fault | None, images: int) -> None:
    case = await listed([fault] if fault else [], images)
    case.check()
    assert case.listing is not None
    assert case.listing.complete
    assert case.always <= set(case.listing.seen)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("empty_page"),
        Fault("empty_page", offset=100),
        Fault("null_list"),
        Fault("null_list", form="absent"),
        Fault("shuffled"),
        Fault("doubled_id"),
        Fault("rows_without_id"),
        Fault("list_changes", unshare=2, share=1),
    ],
    ids=str,
)
async def test_these_are_told_and_nothing_is_absent(fault: Fault) -> None:
    case = await listed([fault], 320)
    assert case.listing is not None
    assert not case.listing.complete
    assert case.listing.absent == frozenset()
    assert case.listing.reason


async def test_what_drifts_beyond_reading_is_counted_by_field() -> None:
    case = await listed([Fault("type_drift", to="object", count=3, fields=["Size", "Price"])], 40)
    assert case.listing is not None
    assert case.listing.unreadable == {"size_mb": 3, "price_yuan_per_hour": 3}


async def test_drift_to_text_is_no_news() -> None:
    listing = (await listed([Fault("type_drift")], 40)).listing
    assert listing is not None
    assert all(row.image is None and row.fingerprint for row in listing.seen.values())


@pytest.mark.parametrize("times", [1, None])
@pytest.mark.parametrize("name", ON_THE_WIRE)
async def test_each_misbehaviour_of_the_wire(name: str, times: int | None) -> None:
    quick = {"latency": {"seconds": 0.01}, "drip": {"pause": 0.01}}.get(name, {})
    async with scene(120, timeout=timedelta(seconds=0.2), retries=1) as here:
        here.sim.faults.add(Fault(name, times=times, **quick))
        try:
            listing = await here.cloud.list_images(REGION, {})
        except ApiError as error:
            assert error.message.startswith("DescribeCompShareSharingImages in cn-wlcb: ")  # noqa: PT017
            assert times is None or name == "huge"
        else:
            assert listing.complete
            assert list(listing.seen) == here.ids()
            assert times == 1 or name == "latency"
