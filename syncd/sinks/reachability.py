"""Tests whether a connection to a receiver can be made. Nothing is posted, and the address is never told."""

from __future__ import annotations

import asyncio
import ssl
from datetime import timedelta

from yarl import URL

from syncd.config import WebhookSinkConfig
from syncd.sinks.http_client import describe_error


async def why_unreachable(sink: WebhookSinkConfig, within: timedelta) -> str:
    """Why the receiver cannot be reached; empty if it can. If it is behind a proxy, only the proxy is tried."""
    url = URL((sink.proxy or sink.url).reveal())
    try:
        async with asyncio.timeout(within.total_seconds()):
            _, writer = await asyncio.open_connection(url.host, url.port, ssl=_tls(sink, url))
    except TimeoutError:
        return f"no connection within {within.total_seconds():g} s"
    except OSError as error:
        # Without an errno several addresses were tried: there is no single reason, and the text names the addresses.
        return describe_error(error) if error.errno else "no connection"
    except ValueError:
        return "its host name is not valid"
    writer.transport.abort()
    return ""


def _tls(sink: WebhookSinkConfig, url: URL) -> ssl.SSLContext | None:
    return ssl.create_default_context(cafile=sink.ca_file) if url.scheme == "https" else None
