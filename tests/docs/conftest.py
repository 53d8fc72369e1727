"""The documents of the database are tried on the store's filled one."""

from __future__ import annotations

from tests.store.conftest import filled, filled_once

__all__ = ["filled", "filled_once"]
