"""The command line. A command is imported when it is called, so that `syncd --help` is quick."""

from __future__ import annotations

from syncd.cli.frame import main

__all__ = ["main"]
