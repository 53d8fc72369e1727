"""The client of one account: it signs requests, paces and retries them, and reads their answers."""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self, TypeVar
from urllib.parse import quote_plus

from syncd.compshare import backoff, listing
from syncd.compshare.decode import Known, Page, decode_page
from syncd.compshare.lookup import Lookup, decode_lookup
from syncd.compshare.pacer import Pacer
from syncd.compshare.regions import Zone, decode_projects, decode_zones
from syncd.compshare.reply import Reply, accepted, retry_after, served_at
from syncd.compshare.signature import flatten, sign
from syncd.compshare.transport import Transport
from syncd.config import AccountConfig, ApiConfig
from syncd.errors import ApiError, PastTheEnd, ProtocolError, Throttled, Transient
from syncd.model import Listing

__all__ = ["CompShare", "Lookup", "RequestRecord", "Zone"]

SHARING = "DescribeCompShareSharingImages"
ZONES = "DescribeCompShareSupportZone"
PROJECTS = "GetProjectList"

T = TypeVar("T")
Decode = Callable[[bytes], T]
RequestOutcome = Literal["ok", "throttled", "transient", "auth", "configuration", "protocol"]


class RequestRecord(NamedTuple):
    """One HTTP request; each retry is a request of its own."""

    action: str
    outcome: RequestOutcome
    seconds: float


def _utc_now() -> datetime:
    return datetime.now(UTC)


class CompShare:
    """Asks the API for one account. The session opens with the first request; after `aclose` nothing more is sent."""

    def __init__(
        self,
        account: AccountConfig,
        api: ApiConfig,
        *,
        record: Callable[[RequestRecord], object] | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        rng: random.Random | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._account = account
        self._api = api
        self._record = record
        self._sleep = sleep
        self._rng = rng or random.Random()
        self._monotonic = monotonic
        self._now = now
        self._transport = Transport(api)
        self._pacer = Pacer(api.rate, monotonic, sleep)
        self._slots = asyncio.Semaphore(api.concurrency)
        self.skew: timedelta | None = None
        """The server's clock minus ours, as of the last answer; exact to the second."""

    @property
    def key_hash(self) -> str:
        """A digest of the public key: it shows that the key changed, but not what it is."""
        return hashlib.sha256(self._account.public_key.reveal().encode()).hexdigest()[:16]

    async def list_images(self, region: str, known: Known) -> Listing:
        """Read the whole list of a region; ``known`` maps the ids of its live images to their fingerprints."""

        async def fetch(offset: int, limit: int) -> Page:
            params = {"Region": region, "Limit": limit, "Offset": offset}
            return await self.call(SHARING, params, partial(decode_page, known=known))

        return await listing.list_images(fetch, known, sleep=self._sleep, concurrency=self._api.concurrency)

    async def lookup(self, region: str, image_id: str) -> Lookup:
        """Ask for exactly one image; a request that fails proves nothing."""
        params = {"Region": region, "CompShareImageId": image_id, "Limit": 20, "Offset": 0}
        try:
            return await self.call(SHARING, params, partial(decode_lookup, image_id=image_id))
        except ApiError:
            return Lookup.UNDECIDED

    async def probe(self, region: str) -> None:
        """Ask for one row of a region's list. Raises the ApiError that a listing would raise."""
        await self.call(SHARING, {"Region": region, "Limit": 1, "Offset": 0}, partial(decode_page, known={}))

    async def zones(self) -> tuple[Zone, ...]:
        return await self.call(ZONES, {}, decode_zones)

    async def regions(self) -> tuple[str, ...]:
        """Every region once, in the order of the API."""
        return tuple(dict.fromkeys(zone.region for zone in await self.zones()))

    async def projects(self) -> tuple[str, ...]:
        """The ids of the projects that the key can see."""
        return await self.call(PROJECTS, {"ProjectId": None}, decode_projects)

    async def call(self, action: str, params: Mapping[str, Any], decode: Decode[T]) -> T:
        """Send a request, and again if the API throttles it or something passing goes wrong.

        ``ProjectId`` comes from the account unless ``params`` has it; a parameter that is None is left out. Raises the
        ApiError of the last attempt.
        """
        attempt = 0
        while True:
            try:
                return await self._attempt(action, params, decode)
            except (Throttled, Transient) as error:
                wait = backoff.delay(error, attempt, self._api.retries, self._rng)
                if wait is None:
                    raise
                if isinstance(error, Throttled):
                    self._pacer.hold(wait)
            attempt += 1
            await self._sleep(wait)

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _attempt(self, action: str, params: Mapping[str, Any], decode: Decode[T]) -> T:
        async with self._slots:
            await self._pacer.turn()
            started = self._monotonic()
            try:
                result = await self._ask(action, params, decode)
            except ApiError as error:
                self._note(action, _outcome(error), started)
                raise
            self._note(action, "ok", started)
            return result

    async def _ask(self, action: str, params: Mapping[str, Any], decode: Decode[T]) -> T:
        form = self._signed(action, params)
        asked: timedelta | None = None
        try:
            reply = await self._transport.post(form)
            now = self._now()
            if (served := served_at(reply.headers)) is not None:
                self.skew = served - now
            asked = retry_after(reply.headers, now)
            return self._read(reply, decode, form["Signature"])
        except ApiError as error:
            raise _described(error, action, form.get("Region"), asked) from None

    def _signed(self, action: str, params: Mapping[str, Any]) -> dict[str, str]:
        form = flatten(
            {
                "Action": action,
                "PublicKey": self._account.public_key.reveal(),
                "ProjectId": self._account.project_id,
                **params,
            }
        )
        return form | {"Signature": sign(form, self._account.private_key.reveal())}

    def _read(self, reply: Reply, decode: Decode[T], signature: str) -> T:
        with suppress(ApiError):
            return decode(accepted(reply))
        # Some answers repeat the request, and an error may show a part of the answer: it is read without our secrets.
        return decode(accepted(reply._replace(body=self._masked(reply.body, signature))))

    def _masked(self, body: bytes, signature: str) -> bytes:
        for secret in (self._account.private_key.reveal(), self._account.public_key.reveal(), signature):
            for form in (secret, quote_plus(secret)):
                body = body.replace(form.encode(), b"***")
        return body

    def _note(self, action: str, outcome: RequestOutcome, started: float) -> None:
        if self._record is not None:
            self._record(RequestRecord(action, outcome, self._monotonic() - started))


def _described(error: ApiError, action: str, region: str | None, asked: timedelta | None) -> ApiError:
    """The same error, which now says which request failed and how long its answer asked us to wait."""
    request = f"{action} in {region}" if region else action
    return type(error)(f"{request}: {error.message}", error.hint, code=error.code, retry_after=asked)


def _outcome(error: ApiError) -> RequestOutcome:
    match error:
        case Throttled():
            return "throttled"
        case Transient():
            return "transient"
        case PastTheEnd():
            return "ok"
        case ProtocolError():
            return "protocol"
    return "auth" if error.failure == "auth" else "configuration"
