"""The tables of the sinks: what each takes, where it goes, and which keys belong to which format."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import timedelta
from fnmatch import fnmatchcase

from syncd.config import tables
from syncd.config.reader import Table, shown
from syncd.config.shapes import LogSinkConfig, SinkConfig, WebhookSinkConfig
from syncd.model import EVENT_TYPES, Secret, SinkFilter

FORMATS = ("standard", "cloudevents", "feishu", "lark", "dingtalk", "wecom", "slack", "template")
SIGNED = ("standard", "cloudevents")
CHAT = ("feishu", "lark", "dingtalk", "wecom", "slack")
CHAT_SIGNED = ("feishu", "lark", "dingtalk")

FILTERS = ("type", "events", "accounts", "regions", "names", "scope", "baseline")
LOG_KEYS = (*FILTERS, "path")
WEBHOOK_KEYS = (*FILTERS, "url", "format", "timeout", "headers", "proxy", "ca_file")
OF_FORMAT: Mapping[str, tuple[str, ...]] = {
    "secrets": SIGNED,
    "secret": CHAT_SIGNED,
    "language": CHAT,
    "prefix": CHAT,
    "group_wait": CHAT,
    "body": ("template",),
    "content_type": ("template",),
}
"""Key → the formats that have it."""

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_RESERVED = ("content-length", "content-type", "host", "transfer-encoding", "connection")


def sink(table: Table, name: str) -> SinkConfig:
    kind = table.choice("type", "log", ("log", "webhook"))
    if "type" not in table:
        table.fault("type", "", 'is missing: "log" or "webhook"')
    wants = _filter(table)
    return _webhook(table, name, wants) if kind == "webhook" else _log(table, name, wants)


def _filter(table: Table) -> SinkFilter:
    default = SinkFilter()
    regions = table.texts("regions", default.regions)
    narrowed = regions != default.regions
    scope = table.choice("scope", "region" if narrowed else "account", ("account", "region"))
    if narrowed and scope == "account" and "scope" in table:
        remedy = 'with narrowed regions it must be "region": what happens in the account may be told by another region'
        table.fault("scope", '"account"', remedy)
    events = table.texts("events", default.events)
    for glob in events:
        if not any(fnmatchcase(known, glob) for known in EVENT_TYPES):
            table.fault("events", shown(glob), f"matches no event; there are {', '.join(EVENT_TYPES)}")
    return SinkFilter(
        events=events,
        accounts=table.texts("accounts", default.accounts),
        regions=regions,
        names=table.texts("names", default.names),
        scope="region" if scope == "region" else "account",
        baseline=table.boolean("baseline", default.baseline),
    )


def _log(table: Table, name: str, wants: SinkFilter) -> LogSinkConfig:
    _refuse(table, LOG_KEYS, 'a sink of type "log"')
    return LogSinkConfig(name, wants, table.path("path"))


def _webhook(table: Table, name: str, wants: SinkFilter) -> WebhookSinkConfig:
    form = table.choice("format", "standard", FORMATS)
    own = tuple(key for key, formats in OF_FORMAT.items() if form in formats)
    _refuse(table, (*WEBHOOK_KEYS, *own), f'format = "{form}"')
    url = table.secret("url")
    if url is None and not table.given("url"):
        table.fault("url", "", "is missing: give url, url_file, url_env or url_credential")
    table.web_address("url", url)
    if form == "template" and "body" not in table:
        table.fault("body", "", 'is missing: format = "template" needs the body\'s template')
    secrets = table.secrets("secrets") if "secrets" in own else ()
    for secret in secrets:
        if wrong := wrong_secret(secret):
            table.fault("secrets", "***", wrong)
    return WebhookSinkConfig(
        name=name,
        wants=wants,
        url=url or Secret(""),
        format=form,
        timeout=table.duration("timeout", timedelta(seconds=20), timedelta(seconds=1), timedelta(minutes=5)),
        headers=_headers(table),
        proxy=tables.proxy(table),
        ca_file=table.readable("ca_file"),
        secrets=secrets,
        secret=table.secret("secret") if "secret" in own else None,
        language=table.choice("language", "en", ("en", "zh")) if "language" in own else "en",
        prefix=table.text("prefix", None) if "prefix" in own else None,
        group_wait=_group_wait(table) if "group_wait" in own else timedelta(0),
        body=table.text("body", None) if "body" in own else None,
        content_type=table.text("content_type", None) if "content_type" in own else None,
    )


def wrong_secret(secret: Secret) -> str:
    """What is wrong with a Standard Webhooks secret; empty if nothing is."""
    text = secret.reveal()
    if not text.startswith("whsec_"):
        return "must begin with whsec_; make one with: echo whsec_$(head -c 32 /dev/urandom | base64)"
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        return "must be whsec_ and base64"
    return "" if 24 <= len(key) <= 64 else f"must hold 24 to 64 bytes, not {len(key)}"


def _group_wait(table: Table) -> timedelta:
    return table.duration("group_wait", timedelta(seconds=10), timedelta(0), timedelta(hours=1))


def _headers(table: Table) -> dict[str, Secret]:
    """Names → values; a value is a text, or a table with one of file, env, credential."""
    headers: dict[str, Secret] = {}
    for name, value in table.values("headers").items():
        if (
            _HEADER.fullmatch(name) is None
            or name.lower() in _RESERVED
            or name.lower().startswith("webhook-")
        ):
            table.fault(f"headers.{name}", "***", "is not a header that can be set")
        elif (found := table.nested_secret(f"headers.{name}", value)) is not None:
            if any(character in found.reveal() for character in "\r\n\0"):
                table.fault(f"headers.{name}", "***", "must not contain line breaks")
            headers[name] = found
    return headers


def _refuse(table: Table, allowed: tuple[str, ...], owner: str) -> None:
    for key in table.foreign(allowed):
        table.fault(key, "", f"does not belong to {owner}")
