"""A Chinese card speaks Chinese: every event, with every reason and every class of failure."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from syncd.errors import FailureClass
from syncd.model import COMPARED, EVENT_TYPES
from syncd.sinks.chat.chinese import CHINESE
from syncd.sinks.chat.chinese_errors import in_chinese
from syncd.sinks.chat.english import ENGLISH
from syncd.sinks.chat.language import Language
from syncd.sinks.format import Attempt, Options
from syncd.sinks.formats import find
from syncd.sinks.sink import Item
from syncd.sync.alerts import ADVICE
from tests.sinks.samples import (
    IMAGE,
    NOW,
    ZONE,
    digest,
    each_type,
    item,
    of_account,
    of_image,
    of_target,
    status_changed,
    updated,
)

PACKAGE = Path(__file__).parents[2] / "syncd"
SAID_BY_OTHERS = "Signature VerifyAC Error"
ALLOWED = {
    # names and ids of this test
    "lab", "ops", "alice", "bob", "compshareImage", "pytorch", "PyTorch", "jupyter", "cn", "wlcb", "sh", "bj", "gd",
    # the address of the console
    "https", "console", "compshare",
    # technical terms that Chinese has no other word for
    "GPU", "CUDA", "ID", "HTTP", "GB", "MB", "MiB", "UTC",
    # commands, their options, and keys of the configuration
    "syncd", "doctor", "regions", "held", "release", "account", "region", "sinks", "enable", "replay", "dead",
    "deliveries", "sink", "state", "config", "check", "api", "base", "url", "project", "id", "ca", "file",
}  # fmt: skip

API_ERRORS = (
    f"RetCode 171: {SAID_BY_OTHERS}",
    "RetCode 8001",
    "HTTP 503",
    f"HTTP 403: {SAID_BY_OTHERS}",
    "HTTP 429",
    "HTTP 407: the proxy asks for a user and a password",
    "no complete answer within 30 s",
    "the proxy cannot be reached: Connection refused",
    "the proxy answered HTTP 502",
    "the server's certificate is not trusted",
    "TLS failed: SSLError",
    "the name of api.base_url cannot be resolved",
    "no connection: Connection refused",
    "no connection: Some text of another system",
    "the answer broke off",
    "the answer is not HTTP",
    "the URL cannot be used",
    "the connection was dropped",
    "the answer is larger than 32 MiB",
    "the answer has more values than a list of images can have",
    f"the answer has no RetCode: {SAID_BY_OTHERS}",
    "the answer has no RetCode: nothing",
    f"the answer has an unexpected shape: {SAID_BY_OTHERS}",
    f"the answer is not JSON: {SAID_BY_OTHERS}",
    f"the answer has no ZoneInfo: {SAID_BY_OTHERS}",
    "the answer is nested too deeply",
    "the answer is compressed, which syncd did not ask for",
    f"the answer has neither ImageSet nor TotalCount: {SAID_BY_OTHERS}",
    f"ImageSet is not a list: {SAID_BY_OTHERS}",
    "page 7 repeats page 6; kept the last complete list",
    "more than 20000 pages and no end; kept the last complete list",
    "internal error: KeyError",
)
LIST_DOUBTS = (
    "the end was not reached",
    "no rows come at 100, but there are some at 200",
    "3 rows came without an id",
    "2 rows came twice (4 readings)",
    "a page had no TotalCount",
    "no rows came, but TotalCount says 7",
    "TotalCount says 7, 9, but 8 rows came (2 readings)",
    "5 known rows did not come, and no other reading confirms it",
    "the new key's list of cn-bj2 could not be read completely",
)
SINK_ERRORS = (
    f"code 19021: {SAID_BY_OTHERS}",
    "code 93000: no words",
    "HTTP 503",
    f"HTTP 400: {SAID_BY_OTHERS}",
    "HTTP 302 (a redirect, not followed; the url must be the final one)",
    "HTTP 403 (the receiver does not accept our credentials)",
    "HTTP 404 (nothing is at this url)",
    f"HTTP 410 (gone for good): {SAID_BY_OTHERS}",
    "HTTP 200 without the robot's answer; is the url that of a robot?",
    f"HTTP 200 without Slack's ok: {SAID_BY_OTHERS}",
    "no answer within 20 s",
    "no connection within 10 s",
    "the host's name cannot be resolved",
    "the receiver closed the connection without an answer",
    "the answer is not valid HTTP",
    "no connection: No route to host",
    "Connection reset by peer",
    "TLS: the certificate has expired",
    "TLS: the certificate is self-signed; ca_file makes it trusted",
    "TLS: the certificate is for another host",
    "TLS: the certificate is not accepted (OpenSSL 9)",
    "TLS: WRONG_VERSION_NUMBER",
    "the file cannot be written: No space left on device",
    "a test of syncd: nothing failed",
    "3 events given up: not delivered for as long as events are kept",
    "1 event given up: not delivered for as long as events are kept",
    "the template: the output is longer than 65536 bytes",
    "event 01JD is not one that this version can read",
)
UNKNOWN = ("a text that only a later version has", "unexpected KeyError", "disabled by hand", "")


def failed(failure: str, message: str, **data: Any) -> Item:
    return of_account(
        1,
        "sync.failed",
        **{
            "class": failure,
            "regions": ["cn-wlcb"],
            "since": "2026-11-23T22:10:00.000Z",
            "message": message,
            "hint": ADVICE.get(failure, ""),
            "reminder": False,
            **data,
        },
    )


def sink_event(type_: str, reason: str, message: str = "") -> Item:
    data = {"sink": "ops", "reason": reason, "since": "2026-11-23T22:10:00.000Z", "message": message}
    return item(1, type_, {**data, "duration_seconds": 16319})


def everything() -> Iterator[Item]:
    image = {"description": "训练", "image_type": "Community"}
    yield from each_type().values()
    for kind in ("System", "App", "Custom", "Community"):
        yield of_image(image={**image, "image_type": kind})
    yield from (of_image(image=image, reshared=True), of_image(image=image, baseline=True))
    for status in CHINESE.value_words["status"]:
        yield status_changed(after=status, image=image)
    values = {"container": ("True", "False"), "visibility": (0, 1), "status": ("Making", "Offline")}
    changes = [
        {"field": name, "from": values.get(name, (None, 1))[0], "to": values.get(name, (None, 1))[1]}
        for name in COMPARED
        if name not in ("softwares", "tags")
    ]
    yield of_image(1, "image.updated", image=image, changes=changes)
    yield updated(image=image)
    for failure in (*get_args(FailureClass), "another"):
        for message in (*API_ERRORS, *LIST_DOUBTS, *UNKNOWN):
            yield failed(failure if failure in ADVICE else "auth", message)
            yield failed("auth", f"DescribeCompShareSharingImages in cn-bj2: {message}", reminder=True)
    for reason in CHINESE.releases:
        yield of_target(1, "sync.released", reason=reason, returned=6, revoked=1)
    for reason in (*CHINESE.troubles, "another"):
        yield from (sink_event("sink.failed", reason, message) for message in (*SINK_ERRORS, *UNKNOWN))
        yield sink_event("sink.recovered", reason)
    yield of_target(1, "sync.held", missing=7, live=10, until="2026-11-24T03:41:59.123Z")


def chinese(items: list[Item]) -> str:
    """The texts of the card as Feishu gets it, without the image's id and what the API or a receiver said."""
    card = json.loads(find("feishu").render(items, Options(zone=ZONE, language="zh"), Attempt(NOW)).body)[
        "card"
    ]
    text = "\n".join([card["header"]["title"]["content"], *(part["content"] for part in card["elements"])])
    text = re.sub(r"&#\d+;", " ", text)
    return (
        text.replace(SAID_BY_OTHERS, "")
        .replace(str(IMAGE["image_id"]), "")
        .replace(str(IMAGE["description"]), "")
    )


def english_words(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z]{2,}", text)) - ALLOWED


def test_no_card_has_english_words() -> None:
    seen = set()
    for event in everything():
        seen.add(json.loads(event.body)["type"])
        text = chinese([event])
        assert english_words(text) == set(), text
    assert seen == set(EVENT_TYPES)


def test_no_digest_has_english_words() -> None:
    hostile, broken = digest()[4:6], digest()[6]
    harmless = [event for event in digest() if event not in (*hostile, broken)]
    events = [*harmless, *each_type().values()]
    assert english_words(chinese(events)) == set()
    request = find("feishu").render(
        [of_image(n, image={"image_id": str(n)}) for n in range(100)],
        Options(zone=ZONE, language="zh"),
        Attempt(NOW, NOW.replace(year=2025)),
    )
    assert "还有 70 项，见下一条消息" in request.body.decode()


@pytest.mark.parametrize("text", [*API_ERRORS, *LIST_DOUBTS, *SINK_ERRORS])
def test_what_an_error_says_is_not_lost_in_chinese(text: str) -> None:
    said = in_chinese(text)
    assert said
    assert (SAID_BY_OTHERS in said) == (SAID_BY_OTHERS in text)
    for number in re.findall(r"\b\d{1,3}\b", text.split(": the output")[0]):
        assert number in said or "OpenSSL" in text or "template" in text or "event 01JD" in text


ERRORS = {
    "Throttled",
    "Transient",
    "AuthFailed",
    "Misconfigured",
    "ProtocolError",
    "ReceiverTrouble",
    "MessageTrouble",
}
SPOKEN = {"doubt_about", "disagreement", "_beyond", "describe_error", "_describe_timeout"}
"""Functions whose results are the texts of errors."""
SOURCES = ("compshare/*.py", "sync/owner.py", "sinks/http_client.py", "sinks/log.py", "sinks/*/*.py")


def texts_of_errors() -> Iterator[str]:
    """All that the sources say in literal texts, with a 7 in each gap."""
    for file in (file for pattern in SOURCES for file in PACKAGE.glob(pattern)):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(func=ast.Name(id=name), args=[text, *_]) if name in ERRORS:
                    yield from literal(text)
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if name in SPOKEN:
                    for inner in ast.walk(node):
                        if isinstance(inner, ast.Return) and inner.value is not None:
                            yield from literal(inner.value)


def literal(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts) if any(isinstance(part, ast.Constant) for part in parts):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in parts)
            yield re.sub(
                r"([a-z])7$", r"\1", text
            )  # a gap that may be empty, with words of another's after it


def test_the_texts_of_errors_in_the_sources_are_all_known_in_chinese() -> None:
    found = set(texts_of_errors())
    assert len(found) > 40
    assert [text for text in sorted(found) if not in_chinese(text)] == []


def test_the_region_that_failed_is_named() -> None:
    text = "DescribeCompShareSharingImages in cn-bj2: RetCode 171: Signature VerifyAC Error"
    assert in_chinese(text) == "cn-bj2：接口返回 171：Signature VerifyAC Error"


def test_chinese_uses_one_term_and_full_width_punctuation() -> None:
    text = "\n".join(words(CHINESE))
    for other in ("撤销", "回收", "误判", "重发", "早已", "放行", "所有者", "送达", "API"):
        assert other not in text, other
    assert not re.search(r"[\u4e00-\u9fff][,;:!?]|[,;:!?][\u4e00-\u9fff]", text)
    for term in (
        "取消共享",
        "此前已共享",
        "新共享镜像",
        "暂缓通报",
        "暂缓已解除",
        "立即确认取消",
        "误报",
        "重放",
        "共享者",
    ):
        assert term in text, term
    assert "无法投递到 ops" in chinese([sink_event("sink.failed", "backing_off")])
    assert "拒收，已放弃重试" in chinese([sink_event("sink.failed", "dead")])


def test_both_languages_say_all_there_is_to_say() -> None:
    for name in (
        "happened",
        "single_image",
        "occurrences",
        "facts",
        "failures",
        "releases",
        "troubles",
        "fields",
    ):
        assert set(getattr(CHINESE, name)) == set(getattr(ENGLISH, name)), name
    for language in (CHINESE, ENGLISH):
        assert set(language.remedies) == set(language.failures) == set(get_args(FailureClass))
    assert set(CHINESE.fields) == set(COMPARED)


def words(language: Language) -> Iterator[str]:
    for name in Language.__dataclass_fields__:
        yield from texts(getattr(language, name))


def texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            yield from texts(tuple(value.values()))
        case tuple():
            for part in value:
                yield from texts(part)
