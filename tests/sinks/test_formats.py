"""What each format sends, word for word, and what no stranger's text can do to it.

Adding a format needs nothing here: SYNCD_GOLDEN=write makes its golden file, which a person then reads.
"""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from syncd.config import sinks as configuration
from syncd.model import Secret
from syncd.sinks.chat.message import CONSOLE
from syncd.sinks.chat.words import LANGUAGES
from syncd.sinks.format import Attempt, Options, RenderError, Request
from syncd.sinks.formats import find, names
from syncd.sinks.sink import Item
from tests.sinks import samples
from tests.sinks.samples import NOW, ZONE, of_account, of_image, status_changed

OTHER = {"image_id": "compshareImage-2", "name": "other"}
GOLDEN = Path(__file__).parent / "golden"
WRITING = os.environ.get("SYNCD_GOLDEN") == "write"
CHAT = [name for name in names() if find(name).chat]

OPTIONS = Options(
    zone=ZONE,
    prefix="[syncd]",
    secret=Secret("demo"),
    secrets=(
        Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        Secret("whsec_" + "TmV3IHNlY3JldCwgb2YgdHdlbnR5LWZvdXIgYnl0ZXM="),
    ),
    body='{"what": {{ event.type | tojson }}, "who": {{ (image or data).name | default("nobody") | tojson }}}',
)


def options(**changes: Any) -> Options:
    return Options(**{name: getattr(OPTIONS, name) for name in OPTIONS.__dataclass_fields__} | changes)


def cases(name: str) -> dict[str, tuple[Sequence[Item], Attempt]]:
    found: dict[str, tuple[Sequence[Item], Attempt]] = {
        kind: ([item], Attempt(NOW)) for kind, item in samples.each_type().items()
    }
    if find(name).chat:
        found["digest"] = (samples.digest(), Attempt(NOW))
        found["after an absence"] = (samples.digest()[:5], Attempt(NOW, NOW - timedelta(hours=50)))
    return found


def plain(request: Request) -> dict[str, Any]:
    return {
        "headers": dict(request.headers),
        "query": dict(request.query),
        "body": json.loads(request.body),
    }


def golden_names() -> list[str]:
    return [f"{name}.{language}" if find(name).chat else name for name in names() for language in LANGUAGES]


@pytest.mark.parametrize("golden", sorted(set(golden_names())))
def test_each_format_says_every_event_as_its_golden_file_does(golden):
    name, _, language = golden.partition(".")
    said = {
        case: plain(find(name).render(items, options(language=language or "en"), attempt))
        for case, (items, attempt) in cases(name).items()
    }
    path = GOLDEN / f"{golden}.json"
    if WRITING:
        path.write_text(json.dumps(said, ensure_ascii=False, indent=1) + "\n")
    assert said == json.loads(path.read_text())


def test_the_configuration_knows_every_format_and_the_keys_of_chat():
    assert sorted(configuration.FORMATS) == list(names())
    assert sorted(configuration.CHAT) == sorted(CHAT)


def test_no_golden_file_is_left_of_a_format_that_is_gone():
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(golden_names())


@pytest.mark.parametrize("name", ["standard", "cloudevents"])
def test_the_stored_bytes_are_what_is_sent(name):
    item = Item(1, "01JD", b'{ "id" : "01JD" }')
    assert find(name).render([item], OPTIONS, Attempt(NOW)).body == b'{ "id" : "01JD" }'


def test_without_a_secret_nothing_is_signed_but_the_id_still_goes():
    headers = find("standard").render([of_image()], Options(), Attempt(NOW)).headers
    assert headers["webhook-id"] == of_image().event_id
    assert headers["webhook-timestamp"] == "1795488150"
    assert "webhook-signature" not in headers


def test_a_request_shows_no_signature_when_printed():
    for name in names():
        request = find(name).render([of_image()], OPTIONS, Attempt(NOW))
        assert "sign" not in repr(request).replace("signatures", "")


@pytest.mark.parametrize("name", CHAT)
def test_a_body_that_cannot_be_read_is_refused_by_its_id(name):
    with pytest.raises(RenderError, match="01JD"):
        find(name).render([Item(1, "01JD", b'{"id": 7')], OPTIONS, Attempt(NOW))


@pytest.mark.parametrize("name", CHAT)
def test_an_event_of_a_later_version_is_told_by_its_type(name):
    request = find(name).render([of_account(1, "sync.{paused}", message="by {hand}")], OPTIONS, Attempt(NOW))
    assert "sync.{paused}" in request.body.decode()


def test_dingtalk_knows_a_message_by_its_events_and_not_by_the_attempt():
    def message_id(items: Sequence[Item], later: int) -> str:
        request = find("dingtalk").render(items, OPTIONS, Attempt(NOW + timedelta(seconds=later)))
        return json.loads(request.body)["msgUuid"]

    digest = samples.digest()
    assert message_id(digest, 0) == message_id(digest, 60)
    assert message_id(digest, 0) != message_id(digest[1:], 0)


# What strangers cannot do

FRAGMENTS = (
    "<at id=all></at>", "<!channel>", "<@U1>", "<@all>", "@all", "[x](https://evil.example)", "**", "__", "`",
    "```", "~~", "\n# ", "\n\n---\n", "&#60;", "&lt;!here&gt;", "\u202e", "\u2066", "\x00", "\x1b[31m", "\r\n",
    "\u2028",
    "![x](http://y)", "| a |", "\\", '"', "'", "{0}", "{name.__class__}", "%s", "_a_", "*b*", "<font color=red>",
    "# ", "- ", "1. ", "> ", "👩‍👩‍👧", "é" * 5, "漢", "\U0001f600" * 3,
)  # fmt: skip
hostile = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=8), max_size=12).map("".join)


def texts(name: str, request: Request) -> list[str]:
    """The parts of a message that the receiver reads as markup."""
    body = json.loads(request.body)
    match name:
        case "feishu" | "lark":
            return [element["content"] for element in body["card"]["elements"]]
        case "dingtalk":
            return [body["markdown"]["text"]]
        case "wecom":
            return [body["markdown"]["content"]]
        case _:
            return [body["text"], *(block["text"]["text"] for block in body["blocks"])]


@given(name=hostile, owner=hostile, status=hostile, others=st.booleans())
@example(name="<at id=all></at>", owner="# x", status="1. y", others=False)
@example(name="<at id=all></at>", owner="# x", status="1. y", others=True)
def test_a_strangers_text_never_becomes_markup(name, owner, status, others):
    image: Mapping[str, Any] = {
        "name": name,
        "owner_name": owner,
        "status": status,
        "image_type": owner,
        "description": f"{status}\n{name}",
        "tags": [name, owner],
        "softwares": {"framework": name, "cuda_version": owner, "applications": [status]},
        "source_gpu_type": status,
    }
    items = [of_image(image=image), of_image(2, image=OTHER)][: 1 + others]
    for chat in CHAT:
        for language in LANGUAGES:
            request = find(chat).render(items, options(language=language), Attempt(NOW))
            joined = "\n".join(texts(chat, request)).replace("[syncd]", "")
            assert joined.count(CONSOLE) == 1
            for line in joined.replace(console_link(chat, language), "").replace("#### ", "").splitlines():
                bare = without_own_bold(line.strip(), "*" if chat == "slack" else "**")
                assert not set(bare) & set("*`[]<>~\\\u2028"), (chat, line)
                assert not bare.startswith(("# ", "- ", "+ ", "1. ", "> ")), (chat, line)
                assert "://" not in bare
                assert all(unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp") for char in bare)
                assert not set(bare) & set(
                    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f"
                )
                if chat not in ("feishu", "lark"):
                    assert "@" not in bare


def console_link(chat: str, language: str) -> str:
    text = {"en": "Open the console", "zh": "打开控制台"}[language]
    return f"<{CONSOLE}|{text}>" if chat == "slack" else f"[{text}]({CONSOLE})"


def without_own_bold(line: str, bold: str) -> str:
    """Without the bold headline, or the bold name at the start of a digest's line."""
    start, end = (line.startswith(bold), line.find(bold, len(bold)))
    if (
        not start
        or end < 0
        or not (line[end + len(bold) :].startswith(" · ") or end == len(line) - len(bold))
    ):
        return line
    return line[len(bold) : end] + line[end + len(bold) :]


@pytest.mark.parametrize("chat", CHAT)
def test_a_name_adds_no_line(chat):
    def lines(name: str) -> int:
        request = find(chat).render([of_image(image={"name": name})], OPTIONS, Attempt(NOW))
        return sum(text.count("\n") for text in texts(chat, request))

    assert lines("a\nb\r\n\u2028c\x0bd\x85e") == lines("a")


@pytest.mark.parametrize(
    ("chat", "hostile", "shown"),
    [
        ("slack", "<!channel> & <@U1>", "&lt;!channel&gt; &amp; &lt;＠U1&gt;"),
        ("feishu", "<at id=all></at> *x*", "&#60;at id=all&#62;&#60;/at&#62; &#42;x&#42;"),
        ("feishu", "&#60;at&#62;", "&#38;#60;at&#38;#62;"),
        ("wecom", "<@all> [x](http://y)", "＜＠all＞ ［x］(http：//y)"),
        ("dingtalk", "**x** snake_case", "＊＊x＊＊ snake_case"),
        ("dingtalk", "_x_", "＿x＿"),
    ],
)
def test_how_markup_in_a_name_is_shown(chat, hostile, shown):
    items = [of_image(1, image={"name": hostile}), of_image(2, image=OTHER)]
    bold = "*" if chat == "slack" else "**"
    request = find(chat).render(items, OPTIONS, Attempt(NOW))
    assert f"{bold}{shown}{bold} · Shared with" in "\n".join(texts(chat, request))


# Limits

WIDE = st.sampled_from(["\U0001f600", "漢", "&", "<", '"', "\\", "a", "é", "_ ", "👩‍👩‍👧"])
LONG = st.tuples(WIDE, st.integers(0, 4096)).map(lambda pair: pair[0] * pair[1])


@st.composite
def floods(draw: st.DrawFn) -> list[Item]:
    items = []
    for seq in range(draw(st.integers(1, 60))):
        same = draw(st.booleans())
        image = {
            "image_id": "i" if same else draw(LONG)[:300] + str(seq),
            "name": draw(LONG),
            "owner_name": draw(LONG),
            "failed_reason": draw(LONG),
        }
        before, after = draw(LONG), draw(LONG)
        items.append(status_changed(seq, before, after, image=image, account=f"account-{seq}"))
    items.append(of_account(99, "sync.failed", message=draw(LONG), hint=draw(LONG), regions=[draw(LONG)] * 9))
    return items


@settings(
    max_examples=25,
    phases=[Phase.reuse, Phase.generate],  # making a flood of 60 images smaller takes minutes
)
@given(items=floods(), language=st.sampled_from(sorted(LANGUAGES)), away=st.booleans(), prefix=LONG)
def test_a_message_stays_within_the_receivers_limits(items, language, away, prefix):
    attempt = Attempt(NOW, NOW - timedelta(days=3) if away else None)
    for chat in CHAT:
        request = find(chat).render(items, options(language=language, prefix=prefix), attempt)
        request.body.decode()
        assert request.left < {item.seq for item in items}
        match chat:
            case "wecom":
                assert len(texts(chat, request)[0].encode()) <= 4096
            case "slack":
                blocks = json.loads(request.body)["blocks"]
                assert len(blocks) <= 50
                sizes = [len(block["text"]["text"].encode("utf-16-le")) // 2 for block in blocks]
                assert max(sizes) <= 3000
                assert min(sizes) > 0
            case _:
                assert len(request.body) <= 20_000
