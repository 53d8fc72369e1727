"""An image in words: everything that is stored of it, for people."""

from __future__ import annotations

from collections.abc import Iterator

import click

from syncd.cli.language import translate
from syncd.cli.output import Row, plain
from syncd.cli.table import width_of
from syncd.cli.times import local_time

LONGEST = 2000
"""Characters of a value that are shown."""

WORDS = ("status", "type", "image price")
"""Titles whose values are words of a fixed list, which are translated."""


def print_details(row: Row) -> None:
    """A line for each thing that is known of the image."""
    for title, value in _details(row):
        if value:
            shown = translate(value) if title in WORDS else value
            heading = translate(title)
            click.echo(f"{' ' * (14 - width_of(heading))}{heading}  {plain(shown)[:LONGEST]}")
    click.echo()


def size(row: Row) -> str:
    return f"{row['size_mb'] / 1024:.1f} GB" if row["size_mb"] else ""


def price(row: Row) -> str:
    """The price of the image itself, for an hour; "" where none is known."""
    yuan = row["price_yuan_per_hour"]
    if yuan is None:
        return ""
    return f"¥{yuan:g}/h" if yuan else "free"


def environment(row: Row) -> str:
    """``PyTorch 2.9, CUDA 12.8``."""
    softwares = row["softwares"] or {}
    framework = " ".join(filter(None, (softwares.get("framework"), softwares.get("framework_version"))))
    cuda = f"CUDA {softwares['cuda_version']}" if softwares.get("cuda_version") else ""
    return ", ".join(filter(None, (framework, cuda)))


def _details(row: Row) -> Iterator[tuple[str, str | None]]:
    yield "id", row["image_id"]
    yield "name", row["name"]
    yield "status", row["status"]
    yield "why it failed", row["failed_reason"]
    yield "shared by", " ".join(filter(None, (row["owner_name"], row["owner_id"])))
    yield "author", row["author"]
    yield "type", row["image_type"]
    yield "made on", row["source_gpu_type"]
    yield "environment", environment(row)
    yield "applications", ", ".join((row["softwares"] or {}).get("applications", ()))
    yield "size", size(row)
    yield "image price", price(row)
    yield "version", row["version_name"]
    yield "container", row["container"]
    yield "visibility", None if row["visibility"] is None else str(row["visibility"])
    yield "group", row["group_id"]
    yield "tags", ", ".join(row["tags"])
    yield "created", local_time(row["created_at"])
    yield "published", local_time(row["published_at"])
    yield "first seen", local_time(row["first_seen_at"])
    yield "description", row["description"]
