"""`syncd images` and `syncd image`: what is shared with you, and one image with its history."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from syncd.cli.database_file import DatabaseFile
from syncd.cli.image_details import environment, price, print_details, size
from syncd.cli.language import translate
from syncd.cli.listing import most_rows, refuse_unknown, say_if_more
from syncd.cli.options import reading_options
from syncd.cli.output import Column, Row, as_rows, plain, print_rows, print_table
from syncd.cli.times import ago, local_time
from syncd.errors import UsageError

if TYPE_CHECKING:
    from syncd.store.queries import ImageLine
    from syncd.store.queries.images import Which

STYLES = {
    "Available": "green",
    "Making": "yellow",
    "Reviewing": "yellow",
    "UnAvailable": "red",
    "Offline": "red",
}
KEYS = (
    "account", "region", "image_id", "name", "status", "image_type", "owner_id", "owner_name", "author", "container",
    "size_mb", "price_yuan_per_hour", "visibility", "group_id", "version_name", "description", "tags", "softwares",
    "source_gpu_type", "failed_reason", "created_at", "published_at", "first_seen_at", "shared_at", "changed_at",
    "missing_since", "last_seen_at", "revoked_at", "accounts", "regions",
)  # fmt: skip


@click.command(
    epilog="""\b
Example:
  syncd images --status Available
  syncd images --name "*comfy*" --format json | jq '.[].image_id'"""
)
@click.option("--account", metavar="NAME", help="Only images that are shared with this account.")
@click.option("--region", metavar="REGION", help="Only images in this region.")
@click.option("--status", metavar="STATUS", help="Only images with this status, such as Available.")
@click.option(
    "--owner", metavar="GLOB", help="Only images of owners whose id or name matches, such as '*zhang*'."
)
@click.option("--name", metavar="GLOB", help="Only images whose name matches, such as '*pytorch*'.")
@click.option("--gpu", metavar="GLOB", help="Only images made on such a GPU, such as '4090'.")
@click.option("--type", "image_type", metavar="GLOB", help="Only images of this type, such as 'Custom'.")
@click.option("--revoked", "which", flag_value="revoked", help="List what was taken away instead.")
@click.option("--all", "which", flag_value="all", help="List what was taken away as well.")
@click.option("--by-region", is_flag=True, help="Print a line for each region of an image.")
@reading_options()
def images(
    output_format: str,
    db: Path | None,
    limit: int | None,
    by_region: bool,
    which: Which | None,
    **filters: str | None,
) -> None:
    """List the images that are shared with you: a line for each, the newest first. Globs ignore case."""
    from syncd.store import queries

    file = DatabaseFile(click.get_current_context(), db)
    file.warn_if_unhealthy()
    most = most_rows(output_format, limit)
    wanted = queries.ImageFilter(**filters, which=which or "live")
    with file.open() as reader:
        rows: Iterator[Row] = map(_merged_row, queries.images(reader, wanted, most))
        count = queries.count_images
        if by_region:
            rows = as_rows(queries.images_by_region(reader, wanted, most))
            count = queries.count_images_by_region
        known = {name: filters[name] for name in ("account", "region", "status", "image_type")}
        rows = refuse_unknown(file, reader, rows, **known, source_gpu_type=filters["gpu"])
        shown = print_rows(output_format, rows, _columns(file, by_region), KEYS)
        say_if_more(shown, most, lambda: count(reader, wanted), "images")
    if not shown:
        file.say_why_empty(filtered=which is not None or any(filters.values()))


@click.command(
    epilog="""\b
Example:
  syncd image compshareImage-1a2b3c"""
)
@click.argument("image_id", metavar="ID")
@reading_options()
@click.pass_context
def image(
    context: click.Context, image_id: str, output_format: str, db: Path | None, limit: int | None
) -> None:
    """Show one image in each region, and its history."""
    from syncd.store import queries

    file = DatabaseFile(context, db)
    with file.open() as reader:
        regions = queries.image(reader, image_id)
        if not regions:
            raise UsageError(f"no image {image_id} was ever seen", "`syncd images --all` lists all that were")
        most = most_rows(output_format, limit, of_a_table=50)
        history = list(queries.history(reader, image_id, most))
        there_are = queries.count_events(reader, queries.EventFilter(image_id=image_id))
    if output_format == "table":
        _print_image(file, regions, history)
        say_if_more(len(history), most, lambda: there_are, "events")
    else:
        rows = ({**asdict(row), "history": _history_of(row, history)} for row in regions)
        print_rows(output_format, rows, [], (*KEYS, "history"))


def describe_image_event(event: dict[str, Any]) -> str:
    """What an event of an image says, in a line: ``shared``, ``revoked``, or the changes."""
    data, event_type = event["data"], event["type"]
    if event_type == "image.shared":
        baseline = " (known when the watch began)" if data["baseline"] else ""
        return ("shared again" if data.get("reshared") else "shared") + baseline
    if event_type == "image.revoked":
        return "revoked"
    return ", ".join(
        f"{translate(change['field'])} {_short(change['from'])} → {_short(change['to'])}"
        for change in data["changes"]
    )


def _print_image(file: DatabaseFile, regions: list[Any], history: Iterable[Any]) -> None:
    print_details(asdict(max(regions, key=lambda row: row.changed_at)))
    print_table([asdict(row) for row in regions], _region_columns(file))
    click.echo()
    print_table([asdict(event) for event in history], HISTORY_COLUMNS)


def _short(value: Any) -> str:
    text = plain(value) if not isinstance(value, list) else ", ".join(map(plain, value))
    return (text if len(text) <= 60 else text[:59] + "…") or "–"


def _merged_row(line: ImageLine) -> Row:
    """The newest row of an image, with all accounts, regions and statuses that it is shown with."""
    return {
        **asdict(line.latest), "accounts": list(line.accounts), "regions": list(line.regions),
        "statuses": list(line.statuses),
    }  # fmt: skip


def _history_of(row: Any, history: Iterable[Any]) -> list[Any]:
    """The events of the row's own account and region."""
    return [
        json.loads(event.body)
        for event in history
        if (event.account, event.region) == (row.account, row.region)
    ]


def _columns(file: DatabaseFile, by_region: bool) -> list[Column]:
    return [
        Column("id", lambda row: row["image_id"]),
        Column("name", lambda row: row["name"], shrink_to=16),
        STATUS_COLUMN,
        Column("shared by", lambda row: row["owner_name"] or row["owner_id"], shrink_to=10, drop_order=2),
        Column("size", size, align_right=True, drop_order=3),
        Column("GPU", lambda row: row["source_gpu_type"] or "", drop_order=4),
        Column("environment", environment, shrink_to=16, drop_order=5),
        Column("price", price, align_right=True, drop_order=6, words=True),
        Column("type", lambda row: row["image_type"] or "", drop_order=7, words=True),
        *(TARGET_COLUMNS if by_region else MERGED_TARGET_COLUMNS),
        Column(
            "since",
            lambda row: ago(row["revoked_at"] or row["shared_at"], file.now),
            align_right=True,
            words=True,
        ),
    ]


def _region_columns(file: DatabaseFile) -> list[Column]:
    return [
        *TARGET_COLUMNS,
        STATUS_COLUMN,
        Column("shared at", lambda row: local_time(row["shared_at"])),
        Column("changed", lambda row: ago(row["changed_at"], file.now), words=True),
        Column("last seen", lambda row: ago(row["last_seen_at"], file.now), words=True),
    ]


def _status(row: Row) -> str:
    if row["revoked_at"]:
        return "revoked"
    statuses = row.get("statuses") or [row["status"] or ""]
    known = "/".join(map(translate, statuses))
    return known + (translate(" (missing)") if row["missing_since"] else "")


def _status_style(row: Row) -> str:
    return "dim" if row["revoked_at"] else STYLES.get(row["status"] or "", "")


STATUS_COLUMN = Column("status", _status, _status_style, words=True)
TARGET_COLUMNS = [
    Column("account", lambda row: row["account"]),
    Column("region", lambda row: row["region"]),
]
MERGED_TARGET_COLUMNS = [
    Column("accounts", lambda row: ", ".join(row["accounts"]), shrink_to=8, drop_order=1),
    Column("regions", lambda row: ", ".join(row["regions"]), shrink_to=9),
]
HISTORY_COLUMNS = [
    Column("when", lambda row: local_time(row["observed_at"])),
    *TARGET_COLUMNS,
    Column("what", lambda row: describe_image_event(json.loads(row["body"])), shrink_to=10),
]
