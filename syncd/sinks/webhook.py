"""A receiver over HTTP: makes the message, waits its turn, posts it, and says what the answer means."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo

from syncd.config import WebhookSinkConfig
from syncd.model import Clock, Secret
from syncd.sinks.format import Attempt, Doubtful, Format, Options, RenderError, Request
from syncd.sinks.formats import find
from syncd.sinks.http_client import NoAnswerError, Poster, Receiver
from syncd.sinks.rate_limit import Pace
from syncd.sinks.redaction import Censor
from syncd.sinks.sink import Delivered, Item, MessageTrouble, ReceiverTrouble, Verdict
from syncd.sinks.text import short

CHAT_BACKOFF = timedelta(minutes=10)
WEBHOOK_BACKOFF = timedelta(hours=1)
PATIENCE = 3
"""Doubtful answers in a row from which on it is the message that is bad."""
REASON_LENGTH = 400


class WebhookSink:
    """A Sink. ``zone`` is that of the times in messages; None is the machine's. ``before`` is the one it replaces."""

    def __init__(
        self,
        config: WebhookSinkConfig,
        *,
        clock: Clock,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        zone: tzinfo | None = None,
        before: WebhookSink | None = None,
    ) -> None:
        self._format = find(config.format)
        self.name = config.name
        self.group_wait = config.group_wait if self._format.chat else timedelta(0)
        self.longest_backoff = CHAT_BACKOFF if self._format.chat else WEBHOOK_BACKOFF
        self._options = options_of(config, zone)
        self._clock = clock
        paced = before is not None and before._format.name == self._format.name
        self._pace: Pace = before._pace if before and paced else Pace(self._format, clock, sleep)
        self._poster = Poster(receiver_of(config, self._format), clock)
        self._censor = censor_of(config)
        self._doubts = 0

    async def send(self, items: Sequence[Item], away_since: datetime | None = None) -> Verdict:
        await self._pace.turn()
        try:
            request = self._render(items, Attempt(self._clock.now(), away_since))
        except RenderError as error:
            return MessageTrouble(short(str(error), REASON_LENGTH))
        try:
            answer = await self._poster.post(request)
        except NoAnswerError as error:
            return ReceiverTrouble(str(error))
        verdict = self._decided(self._format.judge(answer))
        return self._safe(verdict, answer.body.decode("utf-8", "replace"), request)

    async def aclose(self) -> None:
        await self._poster.aclose()

    def _render(self, items: Sequence[Item], attempt: Attempt) -> Request:
        if len(items) != 1 and not self._format.chat:
            raise ValueError(f"{self._format.name} takes one event at a time, not {len(items)}")
        try:
            return self._format.render(items, self._options, attempt)
        except RenderError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, it comes of this message: others go on
            raise RenderError(f"the message cannot be made: {type(error).__name__}") from None

    def _decided(self, verdict: Verdict | Doubtful) -> Verdict:
        if not isinstance(verdict, Doubtful):
            self._doubts = 0
            return verdict
        self._doubts += 1
        return (MessageTrouble if self._doubts >= PATIENCE else ReceiverTrouble)(verdict.reason)

    def _safe(self, verdict: Verdict, said: str, request: Request) -> Verdict:
        """Without the receiver's words if they repeat something secret."""
        if isinstance(verdict, Delivered):
            return verdict
        reason = short(verdict.reason, REASON_LENGTH)
        if any(self._censor.knows(text, request.signatures) for text in (reason, said)):
            reason = reason.split(": ", 1)[0] + " (the receiver's words repeat a secret and are not shown)"
        return replace(verdict, reason=reason)


def options_of(config: WebhookSinkConfig, zone: tzinfo | None) -> Options:
    return Options(
        language=config.language,
        prefix=config.prefix or "",
        zone=zone,
        secret=config.secret,
        secrets=config.secrets,
        body=config.body or "",
        content_type=config.content_type or "application/json",
    )


def receiver_of(config: WebhookSinkConfig, form: Format) -> Receiver:
    return Receiver(
        url=config.url,
        timeout=config.timeout,
        headers=dict(config.headers),
        proxy=config.proxy,
        ca_file=config.ca_file,
        reuses=not form.chat,
    )


def censor_of(config: WebhookSinkConfig) -> Censor:
    optional: tuple[Secret | None, ...] = (config.secret, *config.secrets, *config.headers.values())
    values = [secret.reveal().removeprefix("whsec_") for secret in optional if secret]
    return Censor(values, [url.reveal() for url in (config.url, config.proxy) if url])
