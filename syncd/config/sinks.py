"""The tables of the sinks: what each takes, where it sends it, and which keys belong to which format."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import assert_never, get_args

from syncd.config import tables
from syncd.config.settings import LogSinkConfig, SinkConfig, SinkType, WebhookSinkConfig
from syncd.config.signing_secret import signing_key
from syncd.config.table import Table
from syncd.config.values import MASK, nearest, show_value
from syncd.errors import Fault
from syncd.globs import any_matches
from syncd.model import EVENT_TYPES, Scope, Secret, SinkFilter

_CHAT_KEYS = ("language", "prefix", "group_wait")

FORMATS: Mapping[str, tuple[str, ...]] = {
    "standard": ("secrets",),
    "cloudevents": ("secrets",),
    "feishu": ("secret", *_CHAT_KEYS),
    "lark": ("secret", *_CHAT_KEYS),
    "dingtalk": ("secret", *_CHAT_KEYS),
    "wecom": _CHAT_KEYS,
    "slack": _CHAT_KEYS,
    "template": ("body", "content_type"),
}
"""Format → its keys besides those that all webhooks have. What it sends is written in `sinks.formats`."""

CHAT = tuple(form for form, keys in FORMATS.items() if "group_wait" in keys)

FILTERS = ("type", "events", "accounts", "regions", "names", "owners", "scope", "baseline")
LOG_KEYS = (*FILTERS, "path")
WEBHOOK_KEYS = (*FILTERS, "url", "format", "timeout", "headers", "proxy", "ca_file")
NAME = re.compile(r"\w[\w.-]{0,62}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_RESERVED = ("content-length", "content-type", "host", "transfer-encoding", "connection")


def read_sink(table: Table, name: str) -> SinkConfig:
    if NAME.fullmatch(name) is None:
        table.fault(
            "", "", 'the name of a sink may have letters, digits, "_", "-" and ".", and at most 63 characters'
        )
    likely: SinkType = "webhook" if table.secrets.is_given("url") else "log"
    kind: SinkType = table.choice("type", likely, get_args(SinkType))
    if "type" not in table:
        table.fault("type", "", 'is missing: "log" or "webhook"')
    wants = _filter(table)
    match kind:
        case "log":
            return _log(table, name, wants)
        case "webhook":
            return _webhook(table, name, wants)
        case _:
            assert_never(kind)


def path_faults(sinks: Iterable[SinkConfig], database: Path, config: Path | None) -> Iterator[Fault]:
    """Paths that name no file, and files that two would write to.

    Two writers would tear each other's lines, and one's rotation would take the other's file.
    """
    if problem := _no_database(database):
        yield Fault("database.path", show_value(str(database)), problem)
    taken = {
        _real(path): owner
        for owner, paths in (
            ("the database", [Path(f"{database}{end}") for end in ("", "-wal", "-shm", ".lock")]),
            ("this configuration", [config] if config else []),
        )
        for path in paths
    }
    for sink in sinks:
        if isinstance(sink, LogSinkConfig) and sink.path is not None:
            if problem := _no_log(sink.path):
                yield Fault(f"sinks.{sink.name}.path", show_value(str(sink.path)), problem)
            owner = taken.setdefault(_real(sink.path), f"sinks.{sink.name}")
            if owner != f"sinks.{sink.name}":
                remedy = f"is already used by {owner}; give this sink a file of its own"
                yield Fault(f"sinks.{sink.name}.path", show_value(str(sink.path)), remedy)


def _no_database(path: Path) -> str:
    """Why a database cannot be at this path; "" if it can, or if this user may not look."""
    mode = _mode(path)
    if stat.S_ISDIR(mode):
        return f'is a folder: name a file in it, such as "{path / "syncd.db"}"'
    return "is a device or a pipe: name an ordinary file" if mode and not stat.S_ISREG(mode) else ""


def _no_log(path: Path) -> str:
    """Why events cannot be kept at this path; "" if they can. ``/dev/stderr`` and the like are allowed."""
    mode = _mode(path)
    if stat.S_ISDIR(mode):
        return f'is a folder: name a file in it, such as "{path / "events.jsonl"}"'
    if path == Path("/dev/full"):
        return "is a device that is always full: name an ordinary file"
    if stat.S_ISFIFO(mode) and not path.is_relative_to("/dev"):
        return "is a pipe, and what nobody has read is lost when syncd stops: name an ordinary file"
    return ""


def _mode(path: Path) -> int:
    """0 if there is nothing, or if this user may not look."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0


def _real(path: Path) -> str:
    return os.path.realpath(path)  # not Path.resolve, which raises at a loop of links


def _filter(table: Table) -> SinkFilter:
    default = SinkFilter()
    regions = table.texts("regions", default.regions)
    scope = _scope(table, narrowed="*" not in regions)
    events = table.texts("events", default.events)
    refuse_unmatched(table, "events", events, EVENT_TYPES)
    return SinkFilter(
        events=events,
        accounts=table.texts("accounts", default.accounts),
        regions=regions,
        names=table.texts("names", default.names),
        owners=table.texts("owners", default.owners),
        scope=scope,
        baseline=table.boolean("baseline", default.baseline),
    )


def _scope(table: Table, *, narrowed: bool) -> Scope:
    """``narrowed``: the sink takes only some regions."""
    likely: Scope = "region" if narrowed else "account"
    scope: Scope = table.choice("scope", likely, get_args(Scope))
    if narrowed and scope == "account" and "scope" in table:
        remedy = (
            'must be "region" where regions are named: the account\'s news may come from any of its regions'
        )
        table.fault("scope", show_value(scope), remedy)
    return scope


def refuse_unmatched(table: Table, key: str, globs: Iterable[str], known: Collection[str]) -> None:
    """A glob that can never match anything is a fault: it is surely a typing error."""
    for glob in globs:
        if not any_matches([glob], known):
            near = nearest(glob, known)
            remedy = f'did you mean "{near}"?' if near else f"there are {', '.join(known)}"
            table.fault(key, show_value(glob), f"matches nothing; {remedy}")


def _log(table: Table, name: str, wants: SinkFilter) -> LogSinkConfig:
    if table.is_text("type", "log"):
        _refuse(table, LOG_KEYS, 'a sink of type "log"')
    return LogSinkConfig(name, wants, table.path("path"))


def _webhook(table: Table, name: str, wants: SinkFilter) -> WebhookSinkConfig:
    form = table.choice("format", "standard", tuple(FORMATS))
    own = FORMATS[form]
    if "format" not in table or table.is_text("format", form):
        _refuse(table, (*WEBHOOK_KEYS, *own), f'a webhook of format "{form}"')
    url = table.secrets.get_url("url")
    if url is None and not table.secrets.is_given("url"):
        table.fault("url", "", "is missing: give url, url_file, url_env or url_credential")
    if form == "template" and "body" not in table:
        table.fault("body", "", 'is missing: format = "template" needs the body\'s template')
    secrets = table.secrets.get_list("secrets") if "secrets" in own else ()
    for secret in secrets:
        try:
            signing_key(secret.reveal())
        except ValueError as error:
            table.fault("secrets", MASK, str(error))
    return WebhookSinkConfig(
        name=name,
        wants=wants,
        url=url or Secret(""),
        format=form,
        timeout=table.duration(
            "timeout", timedelta(seconds=20), timedelta(seconds=0.1), timedelta(minutes=5)
        ),
        headers=_headers(table),
        proxy=tables.proxy(table),
        ca_file=table.certificates("ca_file"),
        secrets=secrets,
        secret=table.secrets.get("secret") if "secret" in own else None,
        language=table.choice("language", _language_of(form), ("en", "zh")) if "language" in own else "en",
        prefix=table.text("prefix", None) if "prefix" in own else None,
        group_wait=_group_wait(table) if "group_wait" in own else timedelta(0),
        body=table.text("body", None) if "body" in own else None,
        content_type=table.text("content_type", "application/json") if "content_type" in own else None,
    )


def _language_of(form: str) -> str:
    """What the people in the groups of this platform read, unless ``language`` says otherwise."""
    return "zh" if form in ("feishu", "dingtalk", "wecom") else "en"


def _group_wait(table: Table) -> timedelta:
    return table.duration("group_wait", timedelta(seconds=10), timedelta(0), timedelta(hours=1))


def _headers(table: Table) -> dict[str, Secret]:
    headers: dict[str, Secret] = {}
    taken: set[str] = set()
    for name, value in table.secrets.get_table("headers").items():
        lower = name.lower()
        if _HEADER.fullmatch(name) is None:
            table.fault(f"headers.{name}", MASK, "is not a valid header name")
        elif lower in _RESERVED or lower.startswith("webhook-"):
            table.fault(f"headers.{name}", MASK, "is a header that syncd sets itself")
        elif lower in taken:
            table.fault(f"headers.{name}", MASK, "is given twice")
        taken.add(lower)
        headers[name] = value
    return headers


def _refuse(table: Table, allowed: tuple[str, ...], owner: str) -> None:
    for key in table.foreign(allowed):
        formats = [form for form, keys in FORMATS.items() if key in keys]
        remedy = f"it is for {', '.join(formats)}" if formats else "remove it"
        table.fault(key, "", f"does not belong to {owner}; {remedy}")
