"""The log of requests: what was asked, how many requests were in flight at once, and how fast they came."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

KEPT = 200_000
"""How many requests are remembered; older ones count only in ``total``."""


@dataclass(slots=True)
class Request:
    """One request, without its key and signature. Until it is answered, ``status`` is 0 and ``ret_code`` None."""

    at: float
    """Seconds of the monotonic clock."""
    subject: str
    action: str
    account: str | None
    region: str | None
    limit: int | None
    offset: int | None
    image_id: str | None
    project_id: str | None
    encoding: str
    """How the parameters came: form, form+query, query or json."""
    peer: tuple[Any, ...] | None
    """The client's address and port, which are different for each connection."""
    status: int = 0
    ret_code: Any = None
    faults: tuple[str, ...] = ()

    def fits(self, **fields: Any) -> bool:
        return all(getattr(self, name) == value for name, value in fields.items())


@dataclass(slots=True)
class RequestLog:
    """The requests so far. Arguments choose some of them by their fields: ``sim.requests.count(subject="list")``."""

    total: int = 0
    high_water: Counter[str] = field(default_factory=Counter)
    """The name of each account → the most requests of it that were in flight at once."""
    _kept: deque[Request] = field(default_factory=lambda: deque(maxlen=KEPT))
    _in_flight: Counter[str] = field(default_factory=Counter)
    _waiting: list[_Waiter] = field(default_factory=list)

    def __iter__(self) -> Iterator[Request]:
        return iter(tuple(self._kept))

    def __len__(self) -> int:
        return len(self._kept)

    def select(self, **wanted: Any) -> list[Request]:
        return [request for request in self._kept if request.fits(**wanted)]

    def count(self, **wanted: Any) -> int:
        return len(self.select(**wanted))

    def in_flight(self, account: str | None = None) -> int:
        return self._in_flight.total() if account is None else self._in_flight[account]

    def connections(self) -> int:
        """How many connections the requests came over."""
        return len({request.peer for request in self._kept})

    def busiest_second(self, **wanted: Any) -> int:
        """The most requests that began within any one second."""
        times = sorted(request.at for request in self.select(**wanted))
        start = most = 0
        for end, at in enumerate(times):
            while at - times[start] >= 1:
                start += 1
            most = max(most, end - start + 1)
        return most

    async def reach(self, count: int, **wanted: Any) -> None:
        """Wait until so many such requests have been answered."""
        await self._wait(count - sum(request.status != 0 for request in self.select(**wanted)), True, wanted)

    async def arrive(self, count: int, **wanted: Any) -> None:
        """Wait until so many such requests have come, answered or not."""
        await self._wait(count - self.count(**wanted), False, wanted)

    def clear(self) -> None:
        """Forget the requests; those in flight still count as in flight."""
        self.total = 0
        self._kept.clear()
        self.high_water = Counter(self._in_flight)

    def begin(self, request: Request) -> None:
        account = request.account or ""
        self.total += 1
        self._kept.append(request)
        self._in_flight[account] += 1
        self.high_water[account] = max(self.high_water[account], self._in_flight[account])
        self._tell(request, answered=False)

    def end(self, request: Request) -> None:
        self._in_flight[request.account or ""] -= 1
        if request.status:
            self._tell(request, answered=True)

    async def _wait(self, left: int, answered: bool, wanted: dict[str, Any]) -> None:
        if left > 0:
            waiter = _Waiter(left, answered, wanted)
            self._waiting.append(waiter)
            try:
                await waiter.done
            finally:
                self._waiting.remove(waiter)

    def _tell(self, request: Request, answered: bool) -> None:
        for waiter in self._waiting:
            if waiter.answered == answered and request.fits(**waiter.wanted):
                waiter.count()


@dataclass(slots=True, eq=False)
class _Waiter:
    left: int
    answered: bool
    wanted: dict[str, Any]
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def count(self) -> None:
        self.left -= 1
        if self.left == 0 and not self.done.done():
            self.done.set_result(None)
