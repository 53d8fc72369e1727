"""The log: one line for each event on stderr, with its name and its fields.

People at a terminal get readable lines, everything else JSON, and systemd's journal a priority before each line.
Secrets are `model.Secret`s, which print as ***. Tracebacks appear only at level debug, and show no local variables.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from syncd import terminal

PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
"""The priorities of syslog(3), which sd-daemon(3) expects at the start of a line."""

ALWAYS_QUIET = ("aiosqlite", "sqlalchemy", "asyncio")
"""Libraries that only log warnings and errors: while debugging they would drown everything else, and show every row."""

QUIET_UNLESS_DEBUGGING = ("alembic", "aiohttp", "tzlocal")
"""Libraries that only log warnings and errors, except at level debug."""


def configure(
    level: str = "info",
    form: str = "auto",
    *,
    stream: TextIO | None = None,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Send everything that is logged to ``stream`` (by default stderr). A reload calls it again."""
    stream = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info if level == "debug" else _name_the_error,
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
    _log_to(handler, level)
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


def _log_to(handler: logging.Handler, level: str) -> None:
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in (*ALWAYS_QUIET, *QUIET_UNLESS_DEBUGGING):
        heard = level == "debug" and name in QUIET_UNLESS_DEBUGGING
        logging.getLogger(name).setLevel(logging.DEBUG if heard else logging.WARNING)


def is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether ``stream`` leads to systemd's journal (systemd.exec(5), $JOURNAL_STREAM)."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _renderers(form: str, stream: TextIO, environ: Mapping[str, str]) -> list[Processor]:
    if form == "console" or (form == "auto" and stream.isatty()):
        colors = stream.isatty() and "NO_COLOR" not in environ
        return [
            _local_time,
            _escape_controls,
            structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback),
        ]
    journal = is_journal(stream, environ)
    return [_for_journal if journal else _one_line]


_to_json = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)


def _one_line(logger: WrappedLogger, name: str, event: EventDict) -> str:
    """A library's message may quote what strangers wrote, so what a terminal would obey is escaped."""
    return terminal.escape(cast(str, _to_json(logger, name, event)))


def _local_time(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """People read the time of their clock; programs get UTC."""
    if "timestamp" in event:
        moment = datetime.fromisoformat(event["timestamp"]).astimezone()
        event["timestamp"] = moment.strftime("%Y-%m-%d %H:%M:%S")
    return event


def _escape_controls(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Only tracebacks keep their line breaks. Values that are no text are printed with repr(), which escapes them."""
    for name, value in event.items():
        if isinstance(value, str):
            text = value if name in ("exception", "stack") else value.replace("\n", "\\n")
            event[name] = terminal.OBEYED.sub(lambda match: ascii(match[0])[1:-1], text)
    return event


def _for_journal(logger: WrappedLogger, name: str, event: EventDict) -> str:
    """The journal notes the time itself, and reads the priority from the start of the line."""
    event.pop("timestamp", None)
    level = str(event.pop("level", "info"))
    return f"<{PRIORITIES.get(level, 6)}>{_one_line(logger, name, event)}"


def _name_the_error(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Instead of a traceback, the error's type and the line that raised it."""
    info: Any = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["error"] = f"{type(error).__name__}{_raised_at(error)}"
    return event


def _raised_at(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f" at {os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"  # noqa: PTH119  # a name, no file
