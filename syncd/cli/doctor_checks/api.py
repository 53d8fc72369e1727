"""Checks that ask the API: keys, regions, and the clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from syncd.cli.doctor_checks.finding import Finding, failed, ok, warning
from syncd.cli.probe import Probe, probe_accounts
from syncd.errors import ApiError

if TYPE_CHECKING:
    from syncd.config import Config

TOLERATED_SKEW = timedelta(minutes=2)
REMEDY = "check the key pair, [api] base_url and the network"


async def check_api(config: Config) -> list[Finding]:
    probes = await probe_accounts(config)
    return [*(finding for probe in probes for finding in check_account(probe)), *check_clock(probes)]


def check_account(probe: Probe) -> Iterator[Finding]:
    name = f"account {probe.account}"
    usable = [region for region in probe.watched if probe.regions[region] is None]
    if probe.error is not None and not usable:
        yield _failed(name, probe.error)
        return
    if probe.error is not None:
        yield warning(name, f"the API did not list its regions: {probe.error.message}", probe.error.hint)
    if usable:
        yield ok(name, f"the key works, and may list {', '.join(usable)}")
    elif not probe.watched:
        yield failed(name, "there is no region that this key may list", REMEDY)
    leave_out = f"list the regions to watch in [accounts.{probe.account}] regions, or have this one permitted"
    for region, refusal in probe.left_out.items():
        yield warning(name, f"{region} is not watched: {refusal.message}", leave_out)
    for region in probe.watched:
        if (error := probe.regions[region]) is not None:
            yield _failed(name, error)


def _failed(check: str, error: ApiError) -> Finding:
    return failed(check, error.message, error.hint or REMEDY)


def check_clock(probes: Iterable[Probe]) -> Iterator[Finding]:
    skews = [probe.skew for probe in probes if probe.skew is not None]
    if not skews:
        return
    worst = max(skews, key=abs)
    seconds = abs(worst.total_seconds())
    if abs(worst) <= TOLERATED_SKEW:
        yield ok("clock", f"agrees with the API's clock within {max(seconds, 1):.0f} s")
    else:
        direction = "behind" if worst > timedelta(0) else "ahead of"
        yield warning(
            "clock",
            f"{seconds:.0f} s {direction} the API's clock",
            "let systemd-timesyncd or chrony set it: the times of events come from this machine's clock",
        )
