"""The formats, one in each module: the module has the format's name, and its ``FORMAT`` describes it."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from syncd.sinks.format import Format


@cache
def names() -> tuple[str, ...]:
    return tuple(sorted(module.name for module in iter_modules(__path__)))


def find(name: str) -> Format:
    """Raises KeyError for a name that is not in `names`."""
    if name not in names():
        raise KeyError(name)
    form: Format = import_module(f"{__name__}.{name}").FORMAT
    return form
