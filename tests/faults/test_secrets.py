"""No secret leaves a real daemon at level debug, whatever goes wrong: not by its log, file, events or metrics."""

from __future__ import annotations

import asyncio
import base64
import itertools
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qsl, quote, quote_plus

import aiohttp
import pytest
from aiohttp import web

from syncd.simulator import Simulator, World, lean_fields
from tests.processes import Process, syncd, write_config

pytestmark = pytest.mark.slow

SECRET = base64.b64encode(b"a signing secret, 24+ bytes").decode()
TOKENS = [f"T0ken{name}x7Qz" for name in "ABCDEFGHIJK"]
SINKS = """
[sinks.standard]
type = "webhook"
url = "{url}/standard/{A}?key={B}"
secrets = ["whsec_{secret}"]
headers = {{ Authorization = "Bearer {C}" }}
scope = "region"
baseline = true
[sinks.events]
type = "webhook"
format = "cloudevents"
url = "http://{D}:{E}@127.0.0.1:{port}/cloudevents"
baseline = true
[sinks.feishu]
type = "webhook"
format = "feishu"
url = "{url}/feishu/{F}"
secret = "{G}"
group_wait = "0s"
baseline = true
[sinks.dingtalk]
type = "webhook"
format = "dingtalk"
url = "{url}/dingtalk?access_token={H}"
secret = "{G}"
group_wait = "0s"
baseline = true
[sinks.slack]
type = "webhook"
format = "slack"
url = "http://nobody.invalid/{I}"
proxy = "http://me:{J}@127.0.0.1:{port}"
group_wait = "0s"
baseline = true
[sinks.file]
type = "log"
path = "{folder}/events.jsonl"
baseline = true
[heartbeat]
url = "{url}/heart/{K}"
interval = "1s"
[http]
listen = "127.0.0.1:0"
"""


class Echo:
    """Answers with all that it was sent, in every wrong way there is; two requests of three to the cloud get there."""

    def __init__(self, cloud: str) -> None:
        self.signatures: set[str] = set()
        self.heard: Counter[str] = Counter()
        self._cloud = cloud
        self._turn: Iterator[int] = itertools.count()
        self._session = aiohttp.ClientSession()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.heard[request.path.split("/")[1] if "nobody" not in request.raw_path else "slack"] += 1
        body = (await request.read()).decode(errors="replace")
        said = f"{request.method} {request.raw_path} {dict(request.headers)} {body}"
        if request.path == "/":
            self.signatures.update(value for name, value in parse_qsl(body) if name == "Signature")
            if self.heard[""] % 3:
                return await self._forward(body)
        return self._wrong(request, said)

    async def _forward(self, body: str) -> web.Response:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        async with self._session.post(self._cloud, data=body, headers=kind) as answer:
            return web.Response(body=await answer.read(), status=answer.status)

    def _wrong(self, request: web.BaseRequest, said: str) -> web.StreamResponse:
        match next(self._turn) % 7:
            case 0:
                return web.Response(status=500, text=said)
            case 1:
                return web.Response(status=400, text=said)
            case 2:
                return web.json_response(
                    {"RetCode": 4711, "Message": said, "code": 19021, "errcode": 310000, "msg": said}
                )
            case 3:
                return web.Response(status=302, headers={"Location": str(request.url)})
            case 4:
                return web.json_response({"RetCode": 150, "Message": said, "code": 9499, "errcode": 40058})
            case 5:
                return web.json_response({"RetCode": 0, "ImageSet": said, "TotalCount": said})
        assert request.transport is not None
        request.transport.write(said.encode())
        request.transport.abort()
        return web.Response()

    async def aclose(self) -> None:
        await self._session.close()


@asynccontextmanager
async def echoing(cloud: str) -> AsyncIterator[tuple[Echo, int]]:
    echo = Echo(cloud)
    runner = web.ServerRunner(web.Server(echo.answer), shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield echo, runner.addresses[0][1]
    finally:
        await runner.cleanup()
        await echo.aclose()


@pytest.mark.parametrize("form", ["json", "console"])
async def test_nothing_secret_is_shown_or_kept(form: str, tmp_path: Path) -> None:
    world = World(invent=lean_fields)
    world.add_region("cn-a")
    account = world.add_account("lab")
    world.fill("lab", "cn-a", 3)
    async with AsyncExitStack() as stack:
        sim = await stack.enter_async_context(Simulator(world))
        echo, port = await stack.enter_async_context(echoing(sim.url))
        named = dict(zip("ABCDEFGHIJK", TOKENS, strict=True))
        url = f"http://127.0.0.1:{port}"
        more = SINKS.format(url=url, port=port, secret=SECRET, folder=tmp_path, **named)
        config = write_config(
            tmp_path, sim, f'{more}[log]\nlevel = "debug"\nformat = "{form}"\n', regions='regions = ["cn-a"]'
        )
        config.write_text(config.read_text().replace(sim.url, url).replace("rate = 1000", "retries = 0"))
        daemon = await stack.enter_async_context(syncd("run", "--config", config))
        shown = await work(daemon, world, echo)
        commands = [
            ("config", "show"),
            ("status",),
            ("deliveries",),
            ("runs",),
            ("doctor",),
            ("sinks", "test", "standard"),
        ]
        for command in commands:
            shown += await said_by(*command, "--config", str(config), "--log-level", "debug")
        config.write_text(
            config.read_text().replace(f'"{url}/standard', f'"htp:/{url}/standard') + "[http]\n"
        )
        daemon.signal(signal.SIGHUP)
        daemon.signal(signal.SIGTERM)
        assert await daemon.exit_code() == 0
        shown += "\n".join(daemon.stderr) + await daemon.stdout()
    shown += "".join(
        file.read_bytes().decode(errors="replace") for file in tmp_path.glob("*") if file != config
    )
    secrets = [*TOKENS, SECRET, account.public_key, account.private_key, *echo.signatures]
    assert echo.signatures
    assert [secret for secret in secrets for form in spellings(secret) if form in shown] == []


async def work(daemon: Process, world: World, echo: Echo) -> str:
    """Until everything was tried and failed; what the listener shows of it, and the process list."""
    async with asyncio.timeout(60):
        while len(echo.heard) < 7 or echo.heard[""] < 9:
            world.share("lab", "cn-a")
            await asyncio.sleep(0.1)  # the world goes on at its own pace
    listening = next(line for line in daemon.stderr if "listening" in line)
    port = re.search(r"port\W+(?:\x1b\[\d+m)*(\d+)", listening)
    assert port is not None
    text = Path(f"/proc/{daemon.pid}/cmdline").read_text()
    async with aiohttp.ClientSession() as session:
        for path in ("readyz", "metrics"):
            async with session.get(f"http://127.0.0.1:{port[1]}/{path}") as answer:
                text += await answer.text()
    return text


async def said_by(*command: str) -> str:
    async with syncd(*command) as process:
        await process.exit_code()
        return await process.stdout() + "\n".join(process.stderr)


def spellings(secret: str) -> set[str]:
    return {secret, quote(secret), quote_plus(secret), base64.b64encode(secret.encode()).decode().rstrip("=")}
