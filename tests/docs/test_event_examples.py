"""The examples of docs/events.md, and of its Chinese sister, are the samples.

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

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [DOCS / "events.md", DOCS / "zh" / "events.md"]
SAMPLES = samples(datetime(2026, 11, 24, 2, 41, 59, 123000, tzinfo=UTC))
EXAMPLE = re.compile(r"^`([\w.]+)`([:：])\n\n```json\n(.*?)```", re.DOTALL | re.MULTILINE)
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


def written(page: Path) -> dict[str, str]:
    return {type_: text for type_, _, text in EXAMPLE.findall(page.read_text())}


each_language = pytest.mark.parametrize("page", PAGES, ids=["en", "zh"])


@each_language
def test_every_type_has_an_example_in_order(page: Path) -> None:
    assert tuple(written(page)) == EVENT_TYPES


@each_language
@pytest.mark.parametrize("type_", EVENT_TYPES)
def test_an_example_is_the_sample(page: Path, type_: str) -> None:
    assert written(page)[type_] == example(type_)


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(
            EXAMPLE.sub(
                lambda found: f"`{found[1]}`{found[2]}\n\n```json\n{example(found[1])}```", path.read_text()
            )
        )
