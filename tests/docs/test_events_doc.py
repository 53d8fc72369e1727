"""docs/events.md and its Chinese sister name all that the schema knows (types, fields, reasons); their example fits."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

ROOT = Path(__file__).parents[2]
PAGES = [(ROOT / "docs" / "events.md").read_text(), (ROOT / "docs" / "zh" / "events.md").read_text()]
SCHEMA = json.loads((ROOT / "syncd" / "event.schema.json").read_text())


def words(schema: Any) -> Iterator[str]:
    """Names of fields, and the values of those that have a fixed choice."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            yield from schema["properties"]
        yield from (value for value in schema.get("enum", ()) if isinstance(value, str))
        yield from (value for value in [schema.get("const")] if isinstance(value, str))
        for part in schema.values():
            yield from words(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from words(part)


each_language = pytest.mark.parametrize("page", PAGES, ids=["en", "zh"])


@each_language
@pytest.mark.parametrize("word", sorted(set(words(SCHEMA)) - {"1.0", "application/json"}))
def test_the_page_names_everything_that_an_event_may_hold(page: str, word: str) -> None:
    assert re.search(rf"[`\"{{]{re.escape(word)}[`\":]", page)


@each_language
def test_the_example_of_the_page_is_an_event_but_for_the_shortened_image(page: str) -> None:
    text, *_ = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    example = json.loads(text)
    missing = dict.fromkeys(SCHEMA["$defs"]["image"]["properties"]) | {"tags": []}
    example["data"]["image"] = missing | example["data"]["image"]
    jsonschema.Draft202012Validator(SCHEMA).validate(example)
