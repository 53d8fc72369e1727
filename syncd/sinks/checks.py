"""What is wrong with the sinks of a configuration that reading it alone cannot tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from syncd.config import Config, WebhookSinkConfig
from syncd.errors import Fault


def template_faults(config: Config) -> Sequence[Fault]:
    """Bodies that are no templates."""
    return list(_faults(config))


def _faults(config: Config) -> Iterator[Fault]:
    for sink in config.sinks.values():
        if isinstance(sink, WebhookSinkConfig) and sink.body:
            wrong = _wrong(sink.body)
            if wrong:
                yield Fault(f"sinks.{sink.name}.body", "", wrong)


def _wrong(body: str) -> str:
    import jinja2  # only where there is a template: it costs a start more than all the rest of the check

    from syncd.sinks.sandbox import compile_template

    try:
        compile_template(body)
    except jinja2.TemplateSyntaxError as error:
        return f"is not a Jinja2 template: line {error.lineno}: {error.message}"
    return ""
