"""The rooms of the program and which way they may look (docs/design.md, "Rooms"), read from the imports themselves."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "syncd"

LOOKS_AT = {
    "model": set(),
    "terminal": set(),
    "file_access": set(),
    "globs": set(),
    "pieces": set(),
    "errors": {"model"},
    "config": {"model", "errors", "globs", "file_access"},
    "compshare": {"model", "pieces", "errors", "config"},
    "store": {"model", "errors", "globs", "config", "file_access"},
    "sync": {"model", "pieces", "errors", "config", "compshare", "store"},
    "schedule": {"model", "errors", "config", "sync"},
    "sinks": {"model", "errors", "globs", "config", "store"},
    "delivery": {"model", "errors", "config", "store", "sinks"},
    "monitoring": {"model", "errors", "config", "compshare", "store", "sync", "delivery"},
    "web": {"model", "errors", "config", "monitoring"},
    "simulator": set(),
}
"""Room → the rooms it may import; `daemon` and `cli` look at all of them, and nothing at `cli`."""

ONLY_IN = {
    "sqlalchemy": {"store"},
    "aiosqlite": {"store"},
    "alembic": {"store"},
    "apscheduler": {"schedule"},
    "prometheus_client": {"monitoring"},
    "rich": {"cli"},
    "click": {"cli"},
    "jinja2": {"sinks"},
}


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """Dotted names of everything the file imports, inside functions and TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


FILES = sorted(path for path in PACKAGE.rglob("*.py") if "migrations" not in path.parts)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_looks_only_where_it_may(path: Path) -> None:
    here = room(path)
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "syncd" and len(parts) > 1:
            there = parts[1]
            assert there == here or there != "cli" or here == "__main__", f"{here} looks up at cli"
            allowed = LOOKS_AT.get(here)
            looks = there == here or allowed is None or there in allowed or there == "__version__"
            assert looks, f"{here} may not look at {there} ({name})"
        elif parts[0] in ONLY_IN:
            assert here in ONLY_IN[parts[0]], f"{parts[0]} belongs in {ONLY_IN[parts[0]]}, not in {here}"


def test_sync_and_delivery_meet_only_in_the_outbox() -> None:
    beyond = {
        "sync": ("syncd.sinks", "syncd.delivery"),
        "sinks": ("syncd.sync",),
        "delivery": ("syncd.sync",),
    }
    for here, others in beyond.items():
        for path in (PACKAGE / here).rglob("*.py"):
            assert not [name for name in imports(path) if name.startswith(others)], path


def test_reading_commands_do_without_the_heavy_libraries() -> None:
    quick = PACKAGE / "store" / "queries.py"
    files = [quick] if quick.exists() else sorted((PACKAGE / "store" / "queries").glob("*.py"))
    assert files
    for path in files:
        assert not [name for name in imports(path) if name.split(".")[0] in ("sqlalchemy", "aiosqlite")], path


def test_every_room_is_known() -> None:
    rooms = {room(path) for path in FILES} - {"__init__", "__main__", "cli", "daemon"}
    assert rooms == LOOKS_AT.keys()
