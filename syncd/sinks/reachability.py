"""Whether a connection to a receiver can be had: nothing is posted, and its address is not told."""

from __future__ import annotations

import asyncio
import ssl
from datetime import timedelta

from yarl import URL

from syncd.config import WebhookSinkConfig
from syncd.sinks.http_client import describe


async def unreachable(sink: WebhookSinkConfig, within: timedelta) -> str:
    """Why not; empty if it can. Of a receiver behind a proxy only the proxy is tried."""
    url = URL((sink.proxy or sink.url).reveal())
    try:
        async with asyncio.timeout(within.total_seconds()):
            _, writer = await asyncio.open_connection(url.host, url.port, ssl=_trust(sink, url))
    except TimeoutError:
        return f"no connection within {within.total_seconds():g} s"
    except OSError as error:
        # Several addresses were tried: there is no one reason, and the text names them.
        return describe(error) if error.errno else "no connection"
    except ValueError:
        return "its host is no name of one"
    writer.transport.abort()
    return ""


def _trust(sink: WebhookSinkConfig, url: URL) -> ssl.SSLContext | None:
    return ssl.create_default_context(cafile=sink.ca_file) if url.scheme == "https" else None
