"""What travels between the rooms: targets, images, listings, events, filters, times."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import Any, Literal, NamedTuple, Protocol

import msgspec

DIGEST_SIZE = 16
"""Bytes of a digest; a fingerprint is the digest followed by the status in UTF-8."""

EVENT_TYPES = (
    "image.shared",
    "image.revoked",
    "image.status_changed",
    "image.updated",
    "sync.baseline",
    "sync.failed",
    "sync.recovered",
    "sync.held",
    "sync.released",
    "sink.failed",
    "sink.recovered",
)

Scope = Literal["account", "region"]

CLOCK_IS_RIGHT_WITHIN = timedelta(minutes=1)
"""Clocks are set back a little all the time, so a stored time that is ahead of now by less than this is trusted."""


class Clock(Protocol):
    """The time, passed in so that a test can move it."""

    def now(self) -> datetime:
        """The wall clock: aware, UTC."""

    def monotonic(self) -> float:
        """Seconds that never go back."""


@lru_cache(maxsize=256)  # the events of one commit have one time
def to_text(moment: datetime) -> str:
    """``2026-11-24T02:41:59.123Z``: the form of every time in the database and in events. It sorts as text."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def from_text(text: str) -> datetime:
    """The inverse of `to_text`."""
    return datetime.fromisoformat(text)


def trusted(moment: datetime | None, now: datetime) -> datetime | None:
    """A stored time, or None if it lies in the future: it was written while the clock ran ahead, and means nothing.

    Ask this before comparing any stored time with now.
    """
    return None if moment is None or moment > now + CLOCK_IS_RIGHT_WITHIN else moment


def is_fresh(last_success_at: datetime | None, fresh_until: datetime | None, now: datetime) -> bool:
    """Whether a target is fresh. Scope, alerts, `/readyz`, the heartbeat and `status` all use this definition."""
    if last_success_at is not None and trusted(last_success_at, now) is None:
        return False
    return fresh_until is not None and now < fresh_until


class Secret:
    """A value that must not leave the process: it is masked wherever it is printed or logged, and cannot be pickled."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __reduce__(self) -> Any:
        raise TypeError("a secret is not pickled")


class Target(NamedTuple):
    """One account in one region: the unit of listing, failure and deletion."""

    account: str
    region: str

    def __str__(self) -> str:
        return f"{self.account}/{self.region}"

    @property
    def options(self) -> str:
        """What limits a command to this target; a hint with it is safe to paste into a shell."""
        return f"--account {shlex.quote(self.account)} --region {shlex.quote(self.region)}"


class Softwares(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    framework: str | None = None
    framework_version: str | None = None
    cuda_version: str | None = None
    applications: tuple[str, ...] = ()


class Image(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One image as the list shows it, normalised: null, absent, "" and [] all become None, or an empty tuple.

    Sizes are in MB, prices in yuan an hour, times UTC text (`to_text`). Text is cut at 4,096 characters;
    tags are sorted and unique. `created_at` and `published_at` are not compared.
    """

    image_id: str
    name: str | None = None
    status: str | None = None
    image_type: str | None = None
    owner_id: str | None = None
    owner_name: str | None = None
    author: str | None = None
    container: str | None = None
    size_mb: int | None = None
    price_yuan_per_hour: float | None = None
    visibility: int | None = None
    group_id: str | None = None
    version_name: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()
    softwares: Softwares | None = None
    source_gpu_type: str | None = None
    failed_reason: str | None = None
    created_at: str | None = None
    published_at: str | None = None


COMPARED = tuple(
    name for name in Image.__struct_fields__ if name not in ("image_id", "created_at", "published_at")
)
"""The fields whose change is news."""

DIGESTED = tuple(name for name in COMPARED if name != "status")
"""The compared fields that a fingerprint digests; the status stands beside the digest, in clear."""

_encode = msgspec.msgpack.Encoder().encode
_digested = attrgetter(*DIGESTED)
_SOFTWARES = DIGESTED.index("softwares")


def fingerprint(image: Image) -> bytes:
    """The digest of all compared fields but the status, then the status: equal exactly if no compared field differs."""
    values = list(_digested(image))
    if image.softwares is not None:
        values[_SOFTWARES] = msgspec.structs.astuple(image.softwares)
    return fingerprint_of(values, image.status)


def fingerprint_of(digested: Sequence[Any], status: str | None) -> bytes:
    """The same from plain values in the order of `DIGESTED`, so that no image need be built."""
    return hashlib.blake2b(_encode(digested), digest_size=DIGEST_SIZE).digest() + (status or "").encode()


class Sighting(msgspec.Struct, frozen=True, gc=False):
    """One row of a listing.

    A row whose fingerprint equals the known one brings nothing else, so that it costs no memory. ``unreadable`` names
    compared fields of an unexpected type, which are None in ``image`` and keep their stored value; such a row has no
    fingerprint and always brings its image.
    """

    fingerprint: bytes | None
    raw: bytes | None = None
    """The row's JSON as received; None where the fingerprint equals the known one."""
    unreadable: tuple[str, ...] = ()
    read: Callable[[bytes], Image] | None = None
    """Makes the image of ``raw``."""

    @property
    def image(self) -> Image | None:
        """Made anew each time: the images of a first list of 100,000 would take 150 MB more than its JSON."""
        return None if self.raw is None or self.read is None else self.read(self.raw)

    @property
    def payload(self) -> str | None:
        return None if self.raw is None else self.raw.decode("utf-8", "replace")


class Missing(msgspec.Struct, frozen=True, gc=False):
    """What is kept with a live row while complete listings lack it."""

    since: datetime
    """Start of the first complete sync that lacked it."""
    syncs: int
    """Complete syncs that lacked it so far."""
    held: bool = False
    """Whether the guard holds it back."""
    shown_at: datetime | None = None
    """The last complete sync that showed it."""
    waited: timedelta = timedelta(0)
    """The part of the time since then that complete syncs observed (`sync.guard.observed`)."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What one sync read of one target (one or more passes over its pages).

    ``absent`` are the known ids that the sync proved missing; it is empty unless ``complete``. ``conflicting`` ids
    came twice with different content: they count as present, and otherwise stay as they were. ``reason`` says why
    the listing is not complete.
    """

    seen: dict[str, Sighting]
    news: Sequence[str] = ()
    """The ids of the rows that bring an image and do not conflict, sorted."""
    absent: frozenset[str] = frozenset()
    complete: bool = True
    reason: str | None = None
    conflicting: frozenset[str] = frozenset()
    pages: int = 0
    unreadable: Mapping[str, int] = field(default_factory=dict)
    """Compared field → in how many rows it had an unexpected type."""


class Change(msgspec.Struct, frozen=True):
    field: str
    before: Any = msgspec.field(name="from")
    after: Any = msgspec.field(name="to")


class Draft(msgspec.Struct, frozen=True):
    """An event without its number: the store numbers it, encodes its body and enqueues its deliveries.

    ``names`` are the old and the new name of its image, and ``owners`` the ids and names of its old and its new owner,
    for the sinks' filters; ``regions`` are those that an account's sync.* event is about.
    """

    type: str
    time: datetime
    data: Mapping[str, Any]
    account: str | None = None
    region: str | None = None
    image_id: str | None = None
    scope: Scope | None = None
    baseline: bool = False
    names: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    sink: str | None = None
    """The sink that a sink.* event is about, and which therefore does not get it."""


@dataclass(frozen=True, slots=True)
class SinkFilter:
    """Which events a sink takes; its globs are those of `globs`."""

    events: tuple[str, ...] = ("image.shared", "image.revoked", "image.status_changed", "sync.*", "sink.*")
    accounts: tuple[str, ...] = ("*",)
    regions: tuple[str, ...] = ("*",)
    names: tuple[str, ...] = ("*",)
    owners: tuple[str, ...] = ("*",)
    """Of an image: its owner's id or name, as it is and as it was."""
    scope: Scope = "account"
    baseline: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """A sink's name and what it takes, which is all that the outbox needs to know of it."""

    sink: str
    wants: SinkFilter
