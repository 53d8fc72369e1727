"""The log: stderr, an event name and fields a line; for a console, as JSON, or with the journal's priorities.

Secrets are `model.Secret`s, which print as ***; tracebacks show no local variables, and only at level debug.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from syncd import terminal

PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
"""syslog(3), as sd-daemon(3) wants it before a line."""

LOUD = ("aiosqlite", "sqlalchemy", "asyncio")
"""Libraries that are heard from `warning` on: while debugging they would drown all else, and show every row."""

TALKATIVE = ("alembic", "aiohttp", "tzlocal")
"""Libraries that are heard from `warning` on, except while debugging."""


def configure(
    level: str = "info",
    form: str = "auto",
    *,
    stream: TextIO | None = None,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Send everything that is logged to ``stream`` (stderr); may be called again at a reload."""
    stream = stream or sys.stderr
    debug = level == "debug"
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info if debug else _name_the_error,
    ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(form, stream, environ),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in (*LOUD, *TALKATIVE):
        logging.getLogger(name).setLevel(logging.DEBUG if debug and name in TALKATIVE else logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether ``stream`` leads to systemd's journal (systemd.exec(5), $JOURNAL_STREAM)."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def _renderers(form: str, stream: TextIO, environ: Mapping[str, str]) -> list[Processor]:
    if form == "console" or (form == "auto" and stream.isatty()):
        colors = stream.isatty() and "NO_COLOR" not in environ
        return [
            _disarm,
            structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback),
        ]
    journal = is_journal(stream, environ)
    return [_for_journal if journal else _one_line]


_to_json = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)


def _one_line(logger: WrappedLogger, name: str, event: EventDict) -> str:
    """A library's message may quote what strangers wrote, so what a terminal would obey is escaped."""
    return terminal.escape(cast(str, _to_json(logger, name, event)))


def _disarm(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Only a traceback has lines; what is no text is shown as Python writes it, which is harmless."""
    for name, value in event.items():
        if isinstance(value, str):
            text = value if name in ("exception", "stack") else value.replace("\n", "\\n")
            event[name] = terminal.OBEYED.sub(lambda match: ascii(match[0])[1:-1], text)
    return event


def _for_journal(logger: WrappedLogger, name: str, event: EventDict) -> str:
    """The journal has its own times and reads the priority from the line's start."""
    event.pop("timestamp", None)
    level = str(event.pop("level", "info"))
    return f"<{PRIORITIES.get(level, 6)}>{_one_line(logger, name, event)}"


def _name_the_error(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Instead of a traceback: what kind of error it was, and where it was raised."""
    info: Any = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["error"] = f"{type(error).__name__}{_place(error)}"
    return event


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f" at {os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"  # noqa: PTH119  # a name, no file
