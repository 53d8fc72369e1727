"""No key and no signature leaves: not in logs at level debug, not in errors, not in what is printed."""

from __future__ import annotations

import asyncio
import logging
import traceback
from urllib.parse import parse_qsl, quote_plus

import pytest

from syncd.compshare.client import SHARING, CompShare
from syncd.errors import ApiError
from syncd.model import Secret
from syncd.simulator import ActiveFault, Fault
from tests.streams import raw_server

from .clients import PRIVATE, PUBLIC, REGION, client_for, http, read_request, scene

FAULTS = [
    Fault("retcode", code=171), Fault("retcode", code=130), Fault("throttled"), Fault("html"), Fault("truncated"),
    Fault("reset"), Fault("cut"), Fault("hang"), Fault("huge"), Fault("body", text="{}"),
    Fault("http_error", status=404),
]  # fmt: skip


async def told(cloud: CompShare) -> str:
    """All that an error shows, its traceback included."""
    try:
        await cloud.list_images(REGION, {})
    except ApiError as error:
        return "\n".join(
            [repr(error), str(error), error.message, error.hint, *traceback.format_exception(error)]
        )
    return ""


@pytest.mark.parametrize("fault", [None, *FAULTS], ids=lambda fault: fault and fault.kind.name)
async def test_nothing_secret_is_logged_or_raised(
    fault: Fault | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    async with scene(120, retries=1) as here:
        active = here.sim.faults.add(fault) if fault else None
        signatures: set[str] = set()
        signed = here.cloud._signed

        def noted(*given: object) -> dict[str, str]:
            form = signed(*given)  # type: ignore[arg-type]
            signatures.add(form["Signature"])
            return form

        here.cloud._signed = noted  # type: ignore[method-assign]  # to know what must not be seen
        async with asyncio.timeout(20):
            hangs = active is not None and active.fault.kind.name == "hang"
            shown = await cancelled(here.cloud, active) if hangs else await told(here.cloud)
        account = here.world.account("lab")
        everything = shown + repr(vars(here.cloud)) + repr(here.records) + caplog.text
        everything += "".join(str(vars(record)) for record in caplog.records)
        assert signatures
        for secret in (account.private_key, account.public_key, *signatures):
            assert secret not in everything
            assert quote_plus(secret) not in everything


async def cancelled(cloud: CompShare, hang: ActiveFault) -> str:
    task = asyncio.create_task(told(cloud))
    while not hang.hits:  # noqa: ASYNC110  # a fault counts, it does not ring
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return repr(task)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        ("200 OK", '{"RetCode":171,"Message":"cannot verify %(sent)s of %(public)s"}'),
        ("200 OK", '{"RetCode":4711,"Message":"key %(private)s"}'),
        ("200 OK", "<html>You sent: %(body)s</html>"),
        ("200 OK", '{"Echo":"%(body)s"}'),
        ("404 Not Found", "no such page: %(body)s"),
        ("200 OK", '{"RetCode":0,"Request":"%(body)s"}'),
        ("200 OK", '{"RetCode":0,"ImageSet":"%(body)s"}'),
    ],
)
async def test_an_answer_that_repeats_the_request_shows_nothing_of_it(status: str, answer: str) -> None:
    sent: list[dict[str, str]] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = (await read_request(reader)).partition(b"\r\n\r\n")[2].decode()
        form = dict(parse_qsl(body))
        sent.append(form)
        text = answer % {"sent": form["Signature"], "public": PUBLIC, "private": PRIVATE, "body": body[-300:]}
        writer.write(http(text.encode(), status))
        await writer.drain()

    async with raw_server(echo) as port:
        cloud, _, _ = client_for(f"http://127.0.0.1:{port}", retries=0)
        async with cloud:
            shown = await told(cloud)
    assert SHARING in shown
    for secret in (
        PUBLIC,
        PRIVATE,
        sent[0]["Signature"],
        sent[0]["Signature"][:20],
        quote_plus(PUBLIC),
        PUBLIC[:10],
    ):
        assert secret not in shown


async def test_a_proxys_credentials_are_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    cloud, _, _ = client_for("http://api.example", proxy=Secret("http://me:hunter2@127.0.0.1:1"), retries=0)
    async with cloud:
        shown = await told(cloud)
        assert "hunter2" not in shown + repr(vars(cloud)) + caplog.text
