"""Reads what /metrics answers, and evaluates the shipped alert rules on it."""

from __future__ import annotations

import operator
import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

ALERTS = Path(__file__).parents[2] / "docs" / "prometheus-alerts.yml"

Samples = dict[tuple[str, ...], float]
"""(name, labels …) → value; a metric that has no sample now is there as (name,) without one, see `samples_of`."""


def samples_of(text: str) -> Samples:
    families = list(text_string_to_metric_families(text))
    return {(f"has {family.name}",): 1.0 for family in families} | {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


def firing(samples: Samples) -> set[str]:
    """The shipped alerts whose comparisons hold for a sample; ``for`` is left out, joins go by their labels."""
    return {name for name, expr in rules() if "up{" not in expr and holding(expr, samples)}


def rules() -> list[tuple[str, str]]:
    return re.findall(r"alert: (\w+)\n +expr: (.+)\n", ALERTS.read_text())


def holding(expr: str, samples: Samples) -> set[tuple[str, ...]]:
    """The labels for which every comparison of the expression holds."""
    common: set[tuple[str, ...]] | None = None
    for part in expr.split(" and "):
        match = re.fullmatch(r"(\w+) (==|>=|>) (\d+)", part)
        assert match is not None, part
        name, sign, limit = match[1], match[2], float(match[3])
        assert (f"has {name}",) in samples, f"{name} is not measured"
        compare = {"==": operator.eq, ">=": operator.ge, ">": operator.gt}[sign]
        labels = {key[1:] for key, value in samples.items() if key[0] == name and compare(value, limit)}
        common = labels if common is None else common & labels
    return common or set()
