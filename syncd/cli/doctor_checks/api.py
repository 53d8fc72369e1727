"""Keys, regions and the clock, as the API sees them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from syncd.cli.doctor_checks.finding import API, Finding, failed, ok, warning
from syncd.cli.probe import Inquiry, inquire
from syncd.errors import ApiError

if TYPE_CHECKING:
    from syncd.config import Config

SKEWED = timedelta(minutes=2)
REMEDY = "check the key pair, [api] base_url and the network"


async def of_cloud(config: Config) -> list[Finding]:
    found = await inquire(config)
    return [*(finding for one in found for finding in of_account(one)), *of_clock(found)]


def of_account(found: Inquiry) -> Iterator[Finding]:
    name = f"account {found.account}"
    usable = [region for region in found.watched if found.regions[region] is None]
    if found.error is not None and not usable:
        yield _failed(name, found.error)
        return
    if found.error is not None:
        yield warning(name, f"the API does not name its regions: {found.error.message}", found.error.hint)
    if usable:
        yield ok(name, f"the key works, and may list {', '.join(usable)}")
    elif not found.watched:
        yield failed(name, "there is no region that this key may list", REMEDY, API)
    leave_out = f"name those to watch in [accounts.{found.account}] regions, or have it permitted"
    for region, shut in found.shut.items():
        yield warning(name, f"{region} is not watched: {shut.message}", leave_out)
    for region in found.watched:
        if (refusal := found.regions[region]) is not None:
            yield _failed(name, refusal)


def _failed(check: str, error: ApiError) -> Finding:
    return failed(check, error.message, error.hint or REMEDY, API)


def of_clock(found: Iterable[Inquiry]) -> Iterator[Finding]:
    skews = [one.skew for one in found if one.skew is not None]
    if not skews:
        return
    worst = max(skews, key=abs)
    seconds = abs(worst.total_seconds())
    if abs(worst) <= SKEWED:
        yield ok("clock", f"agrees with the API's within {max(seconds, 1):.0f} s")
    else:
        way = "behind" if worst > timedelta(0) else "ahead of"
        yield warning(
            "clock",
            f"{seconds:.0f} s {way} the API's",
            "let systemd-timesyncd or chrony set it: times of events are this machine's",
        )
