"""A receiver over HTTP: makes the message, waits for its turn, posts it, and says what the answer means."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo

from syncd.config import WebhookSinkConfig
from syncd.config.signing_secret import PREFIX
from syncd.model import Clock, Secret
from syncd.sinks.format import Attempt, Doubtful, Format, Options, RenderError, Request
from syncd.sinks.formats import find
from syncd.sinks.http_client import Destination, HttpClient, NoAnswerError
from syncd.sinks.rate_limit import RateLimiter
from syncd.sinks.redaction import Redactor
from syncd.sinks.sink import Delivered, Item, MessageTrouble, ReceiverTrouble, SendResult
from syncd.sinks.text import short

CHAT_BACKOFF = timedelta(minutes=10)
WEBHOOK_BACKOFF = timedelta(hours=1)
DOUBTFUL_ANSWERS = 3
"""So many doubtful answers in a row mean that the message is bad, and not the receiver."""
REASON_LENGTH = 400


class WebhookSink:
    """A Sink. ``zone`` is the zone of the times in messages; None is the machine's.

    ``before`` is the sink that this one replaces.
    """

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
        self._rate_limiter = _taken_over(before, self._format) or RateLimiter(self._format, clock, sleep)
        self._client = HttpClient(destination_of(config, self._format), clock)
        self._redactor = redactor_of(config)
        self._doubtful_answers = 0

    async def send(self, items: Sequence[Item], away_since: datetime | None = None) -> SendResult:
        await self._rate_limiter.wait_turn()
        try:
            request = self._render(items, Attempt(self._clock.now(), away_since))
        except RenderError as error:
            return MessageTrouble(short(str(error), REASON_LENGTH))
        try:
            answer = await self._client.post(request)
        except NoAnswerError as error:
            return ReceiverTrouble(str(error), left=request.left)
        result = replace(self._without_doubt(self._format.interpret(answer)), left=request.left)
        return self._redacted(result, answer.body.decode("utf-8", "replace"), request)

    async def aclose(self) -> None:
        await self._client.aclose()

    def _render(self, items: Sequence[Item], attempt: Attempt) -> Request:
        if len(items) != 1 and not self._format.chat:
            raise ValueError(f"{self._format.name} takes one event at a time, not {len(items)}")
        try:
            return self._format.render(items, self._options, attempt)
        except RenderError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, this message causes it: others can still go
            raise RenderError(f"the message cannot be made: {type(error).__name__}") from None

    def _without_doubt(self, result: SendResult | Doubtful) -> SendResult:
        if not isinstance(result, Doubtful):
            self._doubtful_answers = 0
            return result
        self._doubtful_answers += 1
        is_message = self._doubtful_answers >= DOUBTFUL_ANSWERS
        return (MessageTrouble if is_message else ReceiverTrouble)(result.reason)

    def _redacted(self, result: SendResult, answer: str, request: Request) -> SendResult:
        if isinstance(result, Delivered):
            return result
        reason = short(result.reason, REASON_LENGTH)
        return replace(result, reason=self._redactor.redact(reason, answer, request.signatures))


def _taken_over(before: WebhookSink | None, form: Format) -> RateLimiter | None:
    """The rate limiter of the sink before, if that speaks the same format: its messages count for the receiver."""
    return before._rate_limiter if before is not None and before._format.name == form.name else None


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


def destination_of(config: WebhookSinkConfig, form: Format) -> Destination:
    return Destination(
        url=config.url,
        timeout=config.timeout,
        headers=dict(config.headers),
        proxy=config.proxy,
        ca_file=config.ca_file,
        reuses_connections=not form.chat,
    )


def redactor_of(config: WebhookSinkConfig) -> Redactor:
    optional: tuple[Secret | None, ...] = (config.secret, *config.secrets, *config.headers.values())
    values = [secret.reveal().removeprefix(PREFIX) for secret in optional if secret]
    return Redactor(values, [url.reveal() for url in (config.url, config.proxy) if url])
