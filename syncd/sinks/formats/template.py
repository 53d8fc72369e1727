"""``template``: a body of the operator's own, in Jinja2's immutable sandbox."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import jinja2

from syncd.sinks.format import Attempt, Format, Options, RenderError, Request
from syncd.sinks.formats.standard import identity
from syncd.sinks.http_answer import interpret_status
from syncd.sinks.sandbox import TooExpensiveError, compile_template, run
from syncd.sinks.sink import Item

OUTPUT_LIMIT = 64 * 1024
"""In bytes of UTF-8."""


def render(items: Sequence[Item], options: Options, attempt: Attempt) -> Request:
    (item,) = items
    headers = {"Content-Type": options.content_type, **identity(item, int(attempt.now.timestamp()))}
    return Request(fill(options.body, json.loads(item.body)), headers)


def fill(body: str, event: dict[str, Any]) -> bytes:
    """The template ``body``, filled with ``event``, ``data`` and ``image`` (None in sync.* and sink.* events).

    Raises RenderError.
    """
    data = event.get("data") or {}
    try:
        template = _compiled(body)
        return run(template, {"event": event, "data": data, "image": data.get("image")}, OUTPUT_LIMIT)
    except TooExpensiveError as error:
        raise RenderError(f"the template: {error}") from None
    except jinja2.TemplateError as error:
        raise RenderError(f"the template: {error.message or type(error).__name__}") from None
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise RenderError(f"the template: {type(error).__name__}: {error}") from None


_compiled = lru_cache(maxsize=64)(compile_template)

FORMAT = Format("template", render, interpret_status)
