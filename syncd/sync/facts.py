"""What an account was last told about an image, and whether one region's news changes it: pure.

Nobody knows whether a shared id shows up in one region or in all. An event has scope "account" if it changes the
account-level fact, else "region": a global id makes one notification for each thing that happens to it, and a
regional one loses none.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec.structs import replace

from syncd.model import DIGEST_SIZE, Scope, trusted
from syncd.store.records import Fact
from syncd.sync.other_regions import OtherRegions


class Telling(msgspec.Struct, frozen=True):
    """How one regional event is told, and the fact it leaves."""

    scope: Scope
    fact: Fact
    unverified: tuple[str, ...] = ()
    """Regions that could not be asked about a revoked image."""


def tell_shared(
    fact: Fact | None, fingerprint: bytes, *, baseline: bool, last_complete: datetime | None, now: datetime
) -> Telling:
    """A target lists an image that it did not list at ``last_complete``, the start of its last complete sync.

    A fact that another target's baseline wrote since then was told to nobody, so it does not make the image known.
    """
    written = None if fact is None else trusted(fact.baseline_at, now)
    untold = written is not None and last_complete is not None and written > last_complete
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


def tell_revoked(
    fact: Fact | None,
    fingerprint: bytes,
    region: str,
    others: OtherRegions,
    *,
    baseline: bool,
    wait: bool,
    now: datetime,
) -> Telling:
    """``region`` lost the image; ``wait``: a region that is about to be synced is waited for.

    If the account is not told, the fact is in doubt (`sync.doubts`), unless a ``baseline`` in a new scope only lacks
    what another region has, or had when it was last read: its next list tells.
    """
    fact = fact or _live(fingerprint, None)
    if not fact.live or (baseline and (others.have_it or others.stale)):
        return Telling("region", fact)
    if others.have_it or (wait and others.awaited):
        found_at = now if others.found and not others.listed else None
        doubtful = replace(fact, lost_region=region, doubted_at=now, found_at=found_at)
        return Telling("region", doubtful, () if others.listed else others.unverified)
    return Telling("account", gone(fact, now if baseline else None), others.unverified)


def gone(fact: Fact, baseline_at: datetime | None = None) -> Fact:
    """The fact once the account was told that the image is gone; or a baseline in a new scope said so silently."""
    return Fact(live=False, status=fact.status, digest=fact.digest, baseline_at=baseline_at)


def without_doubt(fact: Fact) -> Fact:
    """The fact once what was told agrees with what the regions show."""
    return replace(fact, lost_region=None, doubted_at=None, found_at=None)


def _live(fingerprint: bytes, baseline_at: datetime | None) -> Fact:
    return Fact(True, _status(fingerprint), fingerprint[:DIGEST_SIZE], baseline_at)


def _status(fingerprint: bytes) -> str:
    return fingerprint[DIGEST_SIZE:].decode()
