"""Faults: a named kind, its parameters, and when it strikes.

    sim.faults.add(Fault("throttled", retry_after=2, region="cn-wlcb", times=3))
    sim.faults.add(Fault("short_page", by=3, offset=100))
    slow = sim.faults.add(Fault("latency", seconds=0.5, probability=0.1))
    slow.hits, slow.remove(), sim.faults.clear()

Faults combine: each request meets every fault that fits it, in the order in which they were added.
The kinds are in `answer_faults`, `page_faults` and `wire_faults`.
"""

from __future__ import annotations

import inspect
import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeVar, get_args, get_type_hints

import msgspec

from syncd.simulator.query import LIST_ACTION, PROJECTS_ACTION, ZONES_ACTION, Query, Subject

Stage = Literal["world", "instead", "page", "body", "wire"]
"""Where a fault acts: on the world before it is read, instead of the API, on a page, on its bytes, on the wire."""

SUBJECTS: tuple[Subject, ...] = get_args(Subject)
ACTIONS: Mapping[str, tuple[Subject, ...]] = {
    LIST_ACTION: ("list", "lookup"),
    ZONES_ACTION: ("zones",),
    PROJECTS_ACTION: ("projects",),
}


class FaultError(ValueError):
    """A fault that does not exist: its kind, a parameter or a limit is unknown."""


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One way to misbehave. ``act`` takes what its stage gives, and the parameters by keyword."""

    name: str
    stage: Stage
    on: tuple[Subject, ...]
    """The requests that it applies to, unless the fault says otherwise."""
    summary: str
    parameters: Mapping[str, Any]
    """Name → default."""
    types: Mapping[str, Any]
    act: Callable[..., Any]


KINDS: dict[str, FaultKind] = {}

Act = TypeVar("Act", bound=Callable[..., Any])


def kind(stage: Stage, *, on: Iterable[Subject] = SUBJECTS) -> Callable[[Act], Act]:
    """Register a function as a kind of fault; its name, docstring and keyword-only parameters describe the kind."""

    def register(act: Act) -> Act:
        parameters = {
            name: parameter.default
            for name, parameter in inspect.signature(act).parameters.items()
            if parameter.kind is parameter.KEYWORD_ONLY
        }
        summary = " ".join((inspect.getdoc(act) or "").split())
        types = get_type_hints(act)
        KINDS[act.__name__] = FaultKind(act.__name__, stage, tuple(on), summary, parameters, types, act)
        return act

    return register


class Fault:
    """A kind of fault with its parameters, and the requests that it applies to.

    ``account`` (by name), ``region``, ``offset`` and ``on`` (subjects or names of actions; each kind has a default)
    choose the requests. The first ``skip`` of them pass; then every ``every``-th meets the fault, with this
    ``probability``, and at most ``times`` in all. Raises FaultError, which says what would be right.
    """

    def __init__(
        self,
        name: str,
        /,
        *,
        account: str | None = None,
        region: str | None = None,
        on: str | Iterable[str] | None = None,
        offset: int | None = None,
        skip: int = 0,
        times: int | None = None,
        every: int = 1,
        probability: float = 1.0,
        **parameters: Any,
    ) -> None:
        if name not in KINDS:
            raise FaultError(f"no fault {name!r}; there are {', '.join(sorted(KINDS))}")
        self.kind = KINDS[name]
        self.parameters = MappingProxyType({**self.kind.parameters, **parameters})
        self.account = account
        self.region = region
        self.on = self.kind.on if on is None else _subjects(on)
        self.offset = offset
        self.skip = skip
        self.times = times
        self.every = every
        self.probability = probability
        self._check(parameters)

    def __repr__(self) -> str:
        return f"Fault({', '.join(f'{key}={value!r}' for key, value in self.as_json().items())})"

    def as_json(self) -> dict[str, Any]:
        """The form in which the control endpoint shows and takes a fault."""
        limits = {
            "account": self.account, "region": self.region, "offset": self.offset, "skip": self.skip,
            "times": self.times, "every": self.every, "probability": self.probability,
        }  # fmt: skip
        return {"fault": self.kind.name, "on": list(self.on), **limits, **self.parameters}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Fault:
        given = dict(fields)
        name = given.pop("fault", None)
        if not isinstance(name, str):
            raise FaultError(f'"fault" is missing: the name of one of {", ".join(sorted(KINDS))}')
        return cls(name, **given)

    def fits(self, query: Query) -> bool:
        return (
            query.subject in self.on
            and (self.account is None or (query.account is not None and query.account.name == self.account))
            and (self.region is None or query.region == self.region)
            and (self.offset is None or query.offset == self.offset)
        )

    def act(self, *inputs: Any) -> Any:
        """Do what the fault does; ``inputs`` are what its stage gives."""
        return self.kind.act(*inputs, **self.parameters)

    def _check(self, given: Mapping[str, Any]) -> None:
        known = self.kind.parameters
        for name, value in given.items():
            if name not in known:
                raise FaultError(
                    f"{self.kind.name} has no {name!r}; it has {', '.join(known) or 'no parameters'}"
                )
            try:
                msgspec.convert(value, self.kind.types[name])
            except msgspec.ValidationError as error:
                raise FaultError(f"{self.kind.name}: {name} = {value!r}: {error}") from None
        numbers = ((self.skip, 0), (0 if self.times is None else self.times, 0), (self.every, 1))
        if not all(type(number) is int and number >= least for number, least in numbers):
            raise FaultError("skip and times are whole numbers from 0, every one from 1")
        if not isinstance(self.probability, int | float) or not 0 <= self.probability <= 1:
            raise FaultError("probability is between 0 and 1")


@dataclass(slots=True, eq=False)
class ActiveFault:
    """A fault in force; ``hits`` counts the requests that met it."""

    number: int
    fault: Fault
    hits: int = 0
    _met: int = 0
    _home: list[ActiveFault] = field(default_factory=list, repr=False)

    def remove(self) -> None:
        if self in self._home:
            self._home.remove(self)

    def strikes(self, query: Query, rng: random.Random) -> bool:
        """Whether this request meets the fault; it is counted."""
        fault = self.fault
        if not fault.fits(query):
            return False
        self._met += 1
        turn = self._met - fault.skip
        if turn < 1 or turn % fault.every or (fault.times is not None and self.hits >= fault.times):
            return False
        if fault.probability < 1 and rng.random() >= fault.probability:
            return False
        self.hits += 1
        return True


class Faults:
    """The faults in force. Chance comes from a seed, so that the same requests meet the same faults."""

    def __init__(self, seed: int = 1) -> None:
        self._rng = random.Random(seed)
        self._active: list[ActiveFault] = []
        self._numbers = itertools.count(1)

    def __iter__(self) -> Iterator[ActiveFault]:
        return iter(tuple(self._active))

    def __len__(self) -> int:
        return len(self._active)

    def add(self, fault: Fault) -> ActiveFault:
        active = ActiveFault(next(self._numbers), fault, _home=self._active)
        self._active.append(active)
        return active

    def clear(self) -> None:
        self._active.clear()

    def meet(self, query: Query) -> list[Fault]:
        """The faults that this request meets."""
        if not self._active:
            return []
        return [active.fault for active in tuple(self._active) if active.strikes(query, self._rng)]


def of_stage(faults: Iterable[Fault], stage: Stage) -> list[Fault]:
    return [fault for fault in faults if fault.kind.stage == stage]


def _subjects(on: str | Iterable[str]) -> tuple[Subject, ...]:
    chosen: list[Subject] = []
    for name in [on] if isinstance(on, str) else on:
        if name in ACTIONS:
            chosen += ACTIONS[name]
        elif name in SUBJECTS:
            chosen.append(name)
        else:
            raise FaultError(f"on = {name!r} is none of {', '.join((*SUBJECTS, *ACTIONS))}")
    return tuple(chosen)
