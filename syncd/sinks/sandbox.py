"""Jinja2 for templates that people write in a configuration: no way out, no endless loop, no endless output."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

LONGEST_SECONDS = 0.5
"""Of one rendering, checked at each turn of a loop, each call and each piece of output."""
LONGEST_OPERAND = 100_000
"""Characters or items that ``*`` may make, and the largest number it and ``**`` may meet."""


class TooExpensiveError(Exception):
    """It loops for too long or says too much."""


class Undefined(jinja2.StrictUndefined):
    """A missing field is false in a test, and an error where it is shown: a typing error is found at the start."""

    def __bool__(self) -> bool:  # type: ignore[override]  # it fails in the parent, and not here
        return False


class Sandbox(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"*", "**"})

    def __init__(self) -> None:
        super().__init__(autoescape=False, undefined=Undefined, keep_trailing_newline=True)
        self.filters["tojson"] = _tojson
        self.filters[_WATCHED] = _watched

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        """Every loop's iterable goes through `_watched`."""
        tree = super()._parse(source, name, filename)
        for loop in tree.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, _WATCHED, [], [], None, None, lineno=loop.lineno)
        return tree

    def call_binop(self, context: jinja2.runtime.Context, operator: str, left: Any, right: Any) -> Any:
        if _weight(left) * _weight(right) > LONGEST_OPERAND:
            raise TooExpensiveError(f"{operator} of values that are too large")
        return super().call_binop(context, operator, left, right)

    def call(__self, __context: jinja2.runtime.Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805  # as in Jinja2: names that no keyword of a call can meet
        _check(__context.resolve(_DEADLINE))
        return super().call(__context, __obj, *args, **kwargs)


def compile_template(source: str) -> jinja2.Template:
    """Raises jinja2.TemplateSyntaxError."""
    return Sandbox().from_string(source)


def run(template: jinja2.Template, variables: Mapping[str, Any], limit: int) -> bytes:
    """At most ``limit`` bytes of UTF-8. Raises TooExpensiveError, and what a template can raise."""
    deadline = time.monotonic() + LONGEST_SECONDS
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
        raise TooExpensiveError(f"it takes longer than {LONGEST_SECONDS} seconds")


def _tojson(value: Any, indent: int | None = None) -> str:
    if isinstance(value, jinja2.Undefined):
        str(value)
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _weight(value: Any) -> int:
    if isinstance(value, int | float):
        return max(1, int(min(abs(value), LONGEST_OPERAND + 1)))
    return len(value) if hasattr(value, "__len__") else 1
