"""Jinja2 for templates that people write in a configuration: they cannot break out, loop forever or write forever."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_SECONDS = 0.5
"""How long a rendering may take; checked at each turn of a loop, each call and each piece of output."""
MAX_OPERAND = 100_000
"""How many characters or items ``*`` may make, and the largest number that it and ``**`` may work on."""


class TooExpensiveError(Exception):
    """The template takes too long or writes too much."""


class Undefined(jinja2.StrictUndefined):
    """A missing field is false in a test and an error where it is shown, so that a misspelled name is found early."""

    def __bool__(self) -> bool:  # type: ignore[override]  # in the parent class it fails; here it does not
        return False


class Sandbox(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"*", "**"})

    def __init__(self) -> None:
        super().__init__(autoescape=False, undefined=Undefined, keep_trailing_newline=True)
        self.filters["tojson"] = _tojson
        self.filters[_WATCHED] = _watched

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        """Sends the iterable of every loop through `_watched`."""
        tree = super()._parse(source, name, filename)
        for loop in tree.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, _WATCHED, [], [], None, None, lineno=loop.lineno)
        return tree

    def call_binop(self, context: jinja2.runtime.Context, operator: str, left: Any, right: Any) -> Any:
        if _weight(left) * _weight(right) > MAX_OPERAND:
            raise TooExpensiveError(f"{operator} of values that are too large")
        return super().call_binop(context, operator, left, right)

    def call(__self, __context: jinja2.runtime.Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805  # as in Jinja2: no keyword of a call can have these names
        _check(__context.resolve(_DEADLINE))
        return super().call(__context, __obj, *args, **kwargs)


def compile_template(source: str) -> jinja2.Template:
    """Raises jinja2.TemplateSyntaxError."""
    return Sandbox().from_string(source)


def run(template: jinja2.Template, variables: Mapping[str, Any], limit: int) -> bytes:
    """At most ``limit`` bytes of UTF-8. Raises TooExpensiveError, and anything that a template can raise."""
    deadline = time.monotonic() + MAX_SECONDS
    pieces: list[bytes] = []
    room = limit
    for piece in template.generate({**variables, _DEADLINE: deadline}):
        pieces.append(piece.encode())
        room -= len(pieces[-1])
        if room < 0:
            raise TooExpensiveError(f"the output is longer than {limit} bytes")
        _check(deadline)
    return b"".join(pieces)


_WATCHED = "_syncd_watched"
_DEADLINE = "_syncd_deadline"


@jinja2.pass_context
def _watched(context: jinja2.runtime.Context, items: Iterable[Any]) -> Iterator[Any]:
    deadline = context.resolve(_DEADLINE)
    for item in items:
        _check(deadline)
        yield item


def _check(deadline: Any) -> None:
    if time.monotonic() > deadline:
        raise TooExpensiveError(f"it takes longer than {MAX_SECONDS} seconds")


def _tojson(value: Any, indent: int | None = None) -> str:
    if isinstance(value, jinja2.Undefined):
        str(value)
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _weight(value: Any) -> int:
    if isinstance(value, int | float):
        return max(1, int(min(abs(value), MAX_OPERAND + 1)))
    return len(value) if hasattr(value, "__len__") else 1
