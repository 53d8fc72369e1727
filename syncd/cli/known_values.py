"""Completes values that only the database knows: accounts, regions, sinks, statuses, ids."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from syncd.store.queries.known_values import Column

COLUMNS: dict[str, Column] = {
    "account": "account",
    "region": "region",
    "status": "status",
    "image_type": "image_type",
    "gpu": "source_gpu_type",
    "sink": "sink",
    "image_id": "image_id",
}
"""A parameter's name → what it names."""


def complete_values(command: click.Command) -> None:
    """Have the shell complete what the command's options and arguments name."""
    for param in command.params:
        if param.name in COLUMNS and not isinstance(param.type, click.Choice):
            setattr(param, "shell_complete", partial(_complete, COLUMNS[param.name]))  # noqa: B010  # click has no other way
        elif param.name == "types":
            setattr(param, "shell_complete", _complete_event_types)  # noqa: B010


def _complete(column: Column, context: click.Context, incomplete: str) -> list[CompletionItem]:
    """Nothing if there is no database that can be read: a shell has no use for an error."""
    from syncd.cli.database_file import DatabaseFile
    from syncd.cli.options import GlobalOptions
    from syncd.errors import SyncdError
    from syncd.store.queries import known_values

    context.ensure_object(GlobalOptions)
    try:
        with DatabaseFile(context, context.params.get("db")).open() as reader:
            values = known_values(reader, column)
    except SyncdError:
        return []
    return [CompletionItem(value) for value in values if value.casefold().startswith(incomplete.casefold())]


def _complete_event_types(_: click.Context, incomplete: str) -> list[CompletionItem]:
    from syncd.model import EVENT_TYPES

    return [CompletionItem(name) for name in EVENT_TYPES if name.startswith(incomplete)]
