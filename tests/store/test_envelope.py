from __future__ import annotations

import json
import re
import sys
from datetime import UTC, datetime

from syncd.model import Draft
from syncd.store.envelope import body

NOW = datetime(2026, 11, 24, 2, 41, 59, tzinfo=UTC)
OBEYED = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def test_an_event_is_one_line_that_no_terminal_obeys_and_says_all_the_same() -> None:
    name = "".join(chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    event = body(1, "id", Draft("image.shared", NOW, {"image": {"name": name}}, "lab"))
    assert json.loads(event)["data"]["image"]["name"] == name
    assert OBEYED.search(event.decode()) is None
