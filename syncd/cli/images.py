"""`syncd images` and `syncd image`: what can be used now, and what became of one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from syncd.cli.database_file import File, reading, why_empty
from syncd.cli.output import Column, Row, emit, plain, print_table
from syncd.cli.times import ago, local
from syncd.errors import UsageError

STYLES = {
    "Available": "green",
    "Making": "yellow",
    "Reviewing": "yellow",
    "UnAvailable": "red",
    "Offline": "red",
}


@click.command(
    epilog="""\b
Example:
  syncd images --status Available
  syncd images --name "*comfy*" --format json | jq '.[].image_id'"""
)
@click.option("--account", metavar="NAME", help="Only of this account.")
@click.option("--region", metavar="REGION", help="Only in this region.")
@click.option("--status", metavar="STATUS", help="Only with this status, such as Available.")
@click.option("--owner", metavar="ID|NAME", help="Only shared by this account.")
@click.option("--name", metavar="GLOB", help="Only with such a name, such as '*pytorch*'.")
@click.option("--revoked", "which", flag_value="revoked", help="What was taken away instead.")
@click.option("--all", "which", flag_value="all", help="What was taken away too.")
@click.option("--by-region", is_flag=True, help="One line for each region.")
@reading()
@click.pass_context
def images(
    context: click.Context,
    form: str,
    db: Path | None,
    limit: int,
    by_region: bool,
    which: str | None,
    account: str | None,
    region: str | None,
    status: str | None,
    owner: str | None,
    name: str | None,
) -> None:
    """The images that are shared with you: one line each, the newest first."""
    from syncd.store import queries

    file = File(context, db)
    file.warn()
    wanted = (account, region, status, owner, name)
    asked = queries.ImageFilter(*wanted, which=which or "live")  # type: ignore[arg-type]  # one of the flag values
    with file.open() as reader:
        if by_region:
            rows: Iterator[Row] = (asdict(row) for row in queries.images_by_region(reader, asked, limit))
        else:
            rows = (_line(line) for line in queries.images(reader, asked, limit))
        count = emit(form, rows, _columns(file, by_region), KEYS)
    if not count:
        why_empty(file, which is not None or any(wanted))


@click.command(
    epilog="""\b
Example:
  syncd image compshareImage-1a2b3c"""
)
@click.argument("image_id", metavar="ID")
@reading(limit=50)
@click.pass_context
def image(context: click.Context, image_id: str, form: str, db: Path | None, limit: int) -> None:
    """One image in each region, and its history."""
    from syncd.store import queries

    file = File(context, db)
    with file.open() as reader:
        rows = queries.image(reader, image_id)
        if not rows:
            raise UsageError(f"no image {image_id} was ever seen", "`syncd images --all` lists what was")
        history = list(queries.history(reader, image_id, limit))
    if form != "table":
        emit(
            form, ({**asdict(row), "history": _history(history, row)} for row in rows), [], (*KEYS, "history")
        )
        return
    latest = max(rows, key=lambda row: row.changed_at)
    say_details(asdict(latest))
    print_table([asdict(row) for row in rows], _places(file))
    click.echo()
    print_table([asdict(event) for event in history], HISTORY)


def say_details(row: dict[str, Any]) -> None:
    for title, value in (
        ("name", row["name"]), ("shared by", " ".join(filter(None, (row["owner_name"], row["owner_id"])))),
        ("type", row["image_type"]), ("size", size(row)), ("version", row["version_name"]),
        ("tags", ", ".join(row["tags"])), ("description", row["description"]),
    ):  # fmt: skip
        if value:
            click.echo(f"{title:>12}  {plain(value)[:300]}")
    click.echo()


def sentence(event: dict[str, Any]) -> str:
    """What an event of an image says, in a line."""
    data, kind = event["data"], event["type"]
    if kind == "image.shared":
        first = " (known when the watch began)" if data["baseline"] else ""
        return ("shared again" if data.get("reshared") else "shared") + first
    if kind == "image.revoked":
        return "revoked"
    changes = (
        f"{change['field']} {_short(change['from'])} → {_short(change['to'])}" for change in data["changes"]
    )
    return ", ".join(changes)


def size(row: Row) -> str:
    return f"{row['size_mb'] / 1024:.1f} GB" if row["size_mb"] else ""


def _short(value: Any) -> str:
    text = plain(value) if not isinstance(value, list) else ", ".join(map(plain, value))
    return (text if len(text) <= 60 else text[:59] + "…") or "–"


def _line(line: Any) -> Row:
    """The newest row of an image, with all places that show it."""
    return {
        **asdict(line.latest), "accounts": list(line.accounts), "regions": list(line.regions),
        "statuses": list(line.statuses),
    }  # fmt: skip


def _history(history: list[Any], row: Any) -> list[Any]:
    return [json.loads(one.body) for one in history if (one.account, one.region) == (row.account, row.region)]


def _columns(file: File, by_region: bool) -> list[Column]:
    where = (
        [Column("account", lambda row: row["account"]), Column("region", lambda row: row["region"])]
        if by_region
        else [
            Column("accounts", lambda row: ", ".join(row["accounts"]), elastic=8, spare=1),
            Column("regions", lambda row: ", ".join(row["regions"]), elastic=9),
        ]
    )
    return [
        Column("id", lambda row: row["image_id"]),
        Column("name", lambda row: row["name"], elastic=16),
        _status(),
        Column("shared by", lambda row: row["owner_name"] or row["owner_id"], elastic=10, spare=2),
        Column("size", size, right=True, spare=3),
        *where,
        Column("since", lambda row: ago(row["revoked_at"] or row["shared_at"], file.now), right=True),
    ]


def _places(file: File) -> list[Column]:
    return [
        Column("account", lambda row: row["account"]),
        Column("region", lambda row: row["region"]),
        _status(),
        Column("shared", lambda row: local(row["shared_at"])),
        Column("changed", lambda row: ago(row["changed_at"], file.now)),
        Column("last seen", lambda row: ago(row["last_seen_at"], file.now)),
    ]


def _status() -> Column:
    def text(row: Row) -> str:
        if row["revoked_at"]:
            return "revoked"
        found = row.get("statuses") or [row["status"] or ""]
        return "/".join(found) + (" (missing)" if row["missing_since"] else "")

    return Column(
        "status", text, lambda row: "dim" if row["revoked_at"] else STYLES.get(row["status"] or "", "")
    )


HISTORY = [
    Column("when", lambda row: local(row["observed_at"])),
    Column("account", lambda row: row["account"]),
    Column("region", lambda row: row["region"]),
    Column("what", lambda row: sentence(json.loads(row["body"])), elastic=10),
]
KEYS = (
    "account", "region", "image_id", "name", "status", "image_type", "owner_id", "owner_name", "author", "container",
    "size_mb", "price_yuan_per_hour", "visibility", "group_id", "version_name", "description", "tags", "softwares",
    "source_gpu_type", "failed_reason", "created_at", "published_at", "first_seen_at", "shared_at", "changed_at",
    "missing_since", "last_seen_at", "revoked_at", "accounts", "regions",
)  # fmt: skip
