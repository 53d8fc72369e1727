"""What an account was last told about an image, and whether one region's news changes it: pure.

Nobody knows whether a shared id shows up in one region or in all. An event has scope "account" if it changes the
account-level fact, else "region": a global id makes one notification for each thing that happens to it, and a
regional one loses none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec
from msgspec.structs import replace

from syncd.model import DIGEST_SIZE, Scope
from syncd.store.records import Fact


class Telling(msgspec.Struct, frozen=True):
    """How one regional event is told, and the fact it leaves."""

    scope: Scope
    fact: Fact
    unverified: tuple[str, ...] = ()
    """Regions that still show a revoked image in our copy, but are retired or not fresh."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another target's live row of the image; it counts if that target is active, fresh and of the present scope."""

    region: str
    counts: bool


@dataclass(frozen=True, slots=True)
class Heir:
    """Another counting target's row of an image; ``newer`` if it was listed after the lost row took its last state."""

    region: str
    fingerprint: bytes
    newer: bool


def tell_shared(
    fact: Fact | None, fingerprint: bytes, *, baseline: bool, last_complete: datetime | None, now: datetime
) -> Telling:
    """A target lists an image that it did not list at ``last_complete``, the start of its last complete sync.

    A fact that another target's baseline wrote since then was told to nobody, so it does not make the image known.
    """
    untold = (
        fact is not None
        and fact.baseline_at is not None
        and last_complete is not None
        and fact.baseline_at > last_complete
    )
    if fact is not None and fact.live and (baseline or not untold):
        return Telling("region", fact)
    return Telling("account", _live(fingerprint, now if baseline else None))


def tell_status(fact: Fact | None, fingerprint: bytes) -> Telling:
    """The image's status changed in a target."""
    fact = fact or _live(fingerprint, None)
    status = _status(fingerprint)
    if not fact.live or fact.status == status:
        return Telling("region", fact)
    return Telling("account", replace(fact, status=status))


def tell_updated(fact: Fact | None, fingerprint: bytes) -> Telling:
    """Another compared field of the image changed in a target."""
    fact = fact or _live(fingerprint, None)
    digest = fingerprint[:DIGEST_SIZE]
    if not fact.live or fact.digest == digest:
        return Telling("region", fact)
    return Telling("account", replace(fact, digest=digest))


def tell_revoked(fact: Fact | None, fingerprint: bytes, elsewhere: Iterable[Elsewhere]) -> Telling:
    """A target lost the image; ``elsewhere`` are its live rows in the account's other targets."""
    others = list(elsewhere)
    fact = fact or _live(fingerprint, None)
    unverified = tuple(sorted(other.region for other in others if not other.counts))
    if not fact.live or any(other.counts for other in others):
        return Telling("region", fact, unverified)
    return Telling("account", replace(fact, live=False, baseline_at=None), unverified)


def heir_of(fact: Fact, lost: bytes, others: Iterable[Heir]) -> str | None:
    """The region whose state is to be told now: the one that showed what was told lost the image, the others differ.

    Without this a change would never be told that other regions show since before they first listed the image.
    """
    rows = list(others)
    told = fact.digest + fact.status.encode()
    if not fact.live or lost != told or any(row.fingerprint == told for row in rows):
        return None
    return next((row.region for row in rows if row.newer), None)


def _live(fingerprint: bytes, baseline_at: datetime | None) -> Fact:
    return Fact(True, _status(fingerprint), fingerprint[:DIGEST_SIZE], baseline_at)


def _status(fingerprint: bytes) -> str:
    return fingerprint[DIGEST_SIZE:].decode()
