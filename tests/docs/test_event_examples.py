"""The examples of docs/events.md are the samples.

``python -m tests.docs.test_event_examples`` writes them anew.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from syncd.model import EVENT_TYPES
from syncd.sinks.samples import samples
from syncd.store.envelope import body

PAGE = Path(__file__).parents[2] / "docs" / "events.md"
SAMPLES = samples(datetime(2026, 11, 24, 2, 41, 59, 123000, tzinfo=UTC))
EXAMPLE = re.compile(r"^`([\w.]+)`:\n\n```json\n(.*?)```", re.DOTALL | re.MULTILINE)
INNERMOST = re.compile(r"([\[{])\n\s+([^\[\]{}]*?)\n\s+([\]}])")
SHOWN = ("image_id", "name", "status")
WIDTH = 110


def example(type_: str) -> str:
    data: dict[str, Any] = json.loads(body(1, "", SAMPLES[type_]))["data"]
    if "image" in data:
        data["image"] = {field: data["image"][field] for field in SHOWN}
    text = INNERMOST.sub(_on_one_line, json.dumps(data, ensure_ascii=False, indent=2))
    return text + "\n"


def _on_one_line(found: re.Match[str]) -> str:
    joined = found[1] + re.sub(r"\n\s+", " ", found[2]) + found[3]
    return joined if len(joined) < WIDTH else found[0]


def written() -> dict[str, str]:
    return dict(EXAMPLE.findall(PAGE.read_text()))


def test_every_type_has_an_example_in_order() -> None:
    assert tuple(written()) == EVENT_TYPES


@pytest.mark.parametrize("type_", EVENT_TYPES)
def test_an_example_is_the_sample(type_: str) -> None:
    assert written()[type_] == example(type_)


if __name__ == "__main__":
    text = EXAMPLE.sub(lambda found: f"`{found[1]}`:\n\n```json\n{example(found[1])}```", PAGE.read_text())
    PAGE.write_text(text)
