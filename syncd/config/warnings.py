"""Settings that are allowed, but that somebody may want to know of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from syncd import file_access
from syncd.config.keys import KEYS
from syncd.config.settings import ApiConfig, HeartbeatConfig, RetentionConfig, SinkConfig, WebhookSinkConfig
from syncd.config.values import format_duration, is_unencrypted

SHORT_RETENTION = timedelta(days=1)


def warnings_about(
    path: Path | None,
    values: Mapping[str, Any],
    api: ApiConfig,
    retention: RetentionConfig,
    sinks: Mapping[str, SinkConfig],
    heartbeat: HeartbeatConfig | None,
) -> Iterator[str]:
    """One sentence for each, without secrets."""
    if is_unencrypted(api.base_url):
        yield "api.base_url is http:// to another machine: anybody between here and there can read the requests"
    for name, sink in sinks.items():
        if isinstance(sink, WebhookSinkConfig) and is_unencrypted(sink.url.reveal()):
            yield f"sinks.{name}.url is http:// to another machine: anybody between here and there can read the events"
    if heartbeat is not None and is_unencrypted(heartbeat.url.reveal()):
        yield "heartbeat.url is http:// to another machine: anybody between here and there can read the URL"
    if not sinks:
        yield "there is no [sinks.NAME]: nobody is notified"
    if retention.events < SHORT_RETENTION:
        kept = format_duration(retention.events)
        yield f'retention.events is "{kept}": events that a receiver has not taken by then are never delivered'
    if path is not None and _holds_secrets(values) and _is_open(path):
        yield f"{path} holds secrets and is open to others: chmod o= {path}"


def _is_open(path: Path) -> bool:
    try:
        return file_access.is_open_to_others(path, path.stat().st_mode)
    except OSError:
        return False


def _holds_secrets(values: Mapping[str, Any]) -> bool:
    """Whether a secret stands in the file itself, rather than in another file, a variable or a credential."""
    for kind, keys in KEYS.items():
        secrets = [key for key, use in keys.items() if use]
        group = values.get(kind.removesuffix(".NAME"), {})
        named = kind.endswith(".NAME") and isinstance(group, Mapping)
        for content in group.values() if named else [group]:
            if isinstance(content, Mapping) and any(key in content for key in secrets):
                return True
    return False
