"""Options that take a duration, written as in the configuration."""

from __future__ import annotations

from typing import Any

import click


class Duration(click.ParamType[float]):
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        from syncd.config.values import duration

        if isinstance(value, float | int):
            return float(value)
        span = duration(value)
        if span is None or not span:
            self.fail(f'{value!r} is no duration: write "30s", "5m" or "1h"', param, ctx)
        return span.total_seconds()


DURATION = Duration()
