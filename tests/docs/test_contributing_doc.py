"""docs/contributing.md leads to files that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "contributing.md").read_text()
PATHS = sorted(set(re.findall(r"`((?:syncd|tests|docs|migrations)/[\w./-]+)`", PAGE)))


def test_the_page_names_the_way_and_ten_tasks() -> None:
    table = PAGE.partition("## Where to change what")[2].partition("## How to run what")[0]
    assert len([line for line in table.splitlines() if line.startswith("| ")]) == 1 + 10
    assert len(PATHS) > 50


@pytest.mark.parametrize("path", PATHS)
def test_every_path_that_it_names_is_there(path: str) -> None:
    assert (ROOT / path).exists()
