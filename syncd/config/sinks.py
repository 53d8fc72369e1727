"""The tables of the sinks: what each takes, where it goes, and which keys belong to which format."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from fnmatch import fnmatchcase

from syncd.config import tables
from syncd.config.reader import Table
from syncd.config.shapes import LogSinkConfig, SinkConfig, WebhookSinkConfig
from syncd.config.values import MASK, meant, shown
from syncd.model import EVENT_TYPES, Secret, SinkFilter

FORMATS = ("standard", "cloudevents", "feishu", "lark", "dingtalk", "wecom", "slack", "template")
SIGNED = ("standard", "cloudevents")
CHAT = ("feishu", "lark", "dingtalk", "wecom", "slack")
CHAT_SIGNED = ("feishu", "lark", "dingtalk")

TYPES = ("log", "webhook")

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

NAME = re.compile(r"\w[\w.-]{0,62}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_RESERVED = ("content-length", "content-type", "host", "transfer-encoding", "connection")


def keys_of(form: str) -> tuple[str, ...]:
    """The keys that a webhook of this format has besides those of all webhooks."""
    return tuple(key for key, formats in OF_FORMAT.items() if form in formats)


def sink(table: Table, name: str) -> SinkConfig:
    if NAME.fullmatch(name) is None:
        table.fault("", "", 'the name of a sink is made of letters, digits, "_", "-" and ".", 63 at most')
    likely = "webhook" if table.given("url") else "log"
    kind = table.choice("type", likely, TYPES)
    if "type" not in table:
        table.fault("type", "", 'is missing: "log" or "webhook"')
    wants = _filter(table)
    return _webhook(table, name, wants) if kind == "webhook" else _log(table, name, wants)


def _filter(table: Table) -> SinkFilter:
    default = SinkFilter()
    regions = table.texts("regions", default.regions)
    narrowed = "*" not in regions
    scope = table.choice("scope", "region" if narrowed else "account", ("account", "region"))
    if narrowed and scope == "account" and "scope" in table:
        remedy = (
            'must be "region" where regions are named: the account\'s news may come from any of its regions'
        )
        table.fault("scope", shown(scope), remedy)
    events = table.texts("events", default.events)
    refuse_strangers(table, "events", events, EVENT_TYPES)
    return SinkFilter(
        events=events,
        accounts=table.texts("accounts", default.accounts),
        regions=regions,
        names=table.texts("names", default.names),
        scope="region" if scope == "region" else "account",
        baseline=table.boolean("baseline", default.baseline),
    )


def refuse_strangers(table: Table, key: str, globs: Iterable[str], known: Collection[str]) -> None:
    """A glob that can never match is a slip."""
    for glob in globs:
        if not any(fnmatchcase(one, glob) for one in known):
            near = meant(glob, known)
            remedy = f'did you mean "{near}"?' if near else f"there are {', '.join(known)}"
            table.fault(key, shown(glob), f"matches none; {remedy}")


def _log(table: Table, name: str, wants: SinkFilter) -> LogSinkConfig:
    if table.is_text("type", "log"):
        _refuse(table, LOG_KEYS, 'a sink of type "log"')
    return LogSinkConfig(name, wants, table.path("path"))


def _webhook(table: Table, name: str, wants: SinkFilter) -> WebhookSinkConfig:
    form = table.choice("format", "standard", FORMATS)
    own = keys_of(form)
    if "format" not in table or table.is_text("format", form):
        _refuse(table, (*WEBHOOK_KEYS, *own), f'a webhook of format "{form}"')
    url = table.secret("url")
    if url is None and not table.given("url"):
        table.fault("url", "", "is missing: give url, url_file, url_env or url_credential")
    table.web_address("url", url)
    if form == "template" and "body" not in table:
        table.fault("body", "", 'is missing: format = "template" needs the body\'s template')
    secrets = table.secrets("secrets") if "secrets" in own else ()
    for secret in secrets:
        if wrong := wrong_secret(secret):
            table.fault("secrets", MASK, wrong)
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
        secret=table.secret("secret") if "secret" in own else None,
        language=table.choice("language", "en", ("en", "zh")) if "language" in own else "en",
        prefix=table.text("prefix", None) if "prefix" in own else None,
        group_wait=_group_wait(table) if "group_wait" in own else timedelta(0),
        body=table.text("body", None) if "body" in own else None,
        content_type=table.text("content_type", "application/json") if "content_type" in own else None,
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
    headers: dict[str, Secret] = {}
    taken: set[str] = set()
    for name, value in table.secret_table("headers").items():
        lower = name.lower()
        if _HEADER.fullmatch(name) is None:
            table.fault(f"headers.{name}", MASK, "is no name of a header")
        elif lower in _RESERVED or lower.startswith("webhook-"):
            table.fault(f"headers.{name}", MASK, "is a header that syncd sets itself")
        elif lower in taken:
            table.fault(f"headers.{name}", MASK, "is given twice")
        taken.add(lower)
        headers[name] = value
    return headers


def _refuse(table: Table, allowed: tuple[str, ...], owner: str) -> None:
    for key in table.foreign(allowed):
        formats = OF_FORMAT.get(key)
        where = f"it is for {', '.join(formats)}" if formats else "remove it"
        table.fault(key, "", f"does not belong to {owner}; {where}")
