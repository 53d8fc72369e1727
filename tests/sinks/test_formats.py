"""What each format sends, word for word, and what no stranger's text can do to it.

Adding a format needs nothing here: SYNCD_GOLDEN=write makes its golden file, which a person then reads.
"""

from __future__ import annotations

import json
import os
import time
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
from syncd.sinks.chat.words import LANGUAGES
from syncd.sinks.format import Attempt, Options, RenderError, Request
from syncd.sinks.formats import find, names
from syncd.sinks.sink import Item
from tests.sinks import samples
from tests.sinks.samples import NOW, ZONE, of_account, of_image, status_changed

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


# What a digest says


def text_of(items: Sequence[Item], language: str = "en", **changes: Any) -> str:
    request = find("wecom").render(items, options(prefix="", language=language, **changes), Attempt(NOW))
    return json.loads(request.body)["markdown"]["content"]


def test_one_image_shared_with_many_is_one_entry():
    items = [
        of_image(n, account=account, region=region)
        for n, (account, region) in enumerate([("lab", "a"), ("alice", "b"), ("bob", "c")])
    ]
    text = text_of(items)
    assert "Shared by 张老师 with lab, alice, bob in 3 regions" in text
    assert text.startswith("**Image shared: 训练 pytorch-2.4**")
    assert text.count("compshareImage-1minbz219ceq") == 1


def test_what_an_account_saw_stays_in_order():
    items = [
        of_image(1),
        of_image(2, "image.revoked"),
        of_image(3, reshared=True),
        of_image(4, "image.revoked"),
    ]
    lines = [line.split()[0:3] for line in text_of(items).splitlines() if "shared" in line.lower()][1:]
    assert lines == [
        ["Shared", "by", "张老师"],
        ["No", "longer", "shared"],
        ["Shared", "again", "by"],
        ["No", "longer", "shared"],
    ]


def test_the_headline_counts_images_by_what_happened():
    shared = [of_image(n, image={"image_id": f"i-{n}"}) for n in range(7)]
    revoked = [of_image(n, "image.revoked", image={"image_id": f"i-{n}"}) for n in (8, 9)]
    assert text_of([*shared, *revoked]).startswith("**7 images shared, 2 revoked**")
    assert text_of([*shared, *revoked], "zh").startswith("**7 个镜像新共享，2 个取消共享**")


def test_what_does_not_fit_is_counted():
    items = [of_image(n, image={"image_id": f"image-{n:03d}"}) for n in range(200)]
    for name in CHAT:
        body = find(name).render(items, OPTIONS, Attempt(NOW)).body.decode()
        shown = sum(f"image-{n:03d}" in body for n in range(200))
        assert 5 < shown <= 30
        assert f"+{200 - shown} more" in body


def test_of_an_image_that_flaps_the_last_deeds_are_told():
    pairs = [("Making", "Available"), ("Available", "Offline")] * 20
    text = text_of([status_changed(n, *pair) for n, pair in enumerate([*pairs, ("Offline", "Reviewing")])])
    lines = text.splitlines()
    assert sum(line.startswith("Status") for line in lines) == 6
    assert "…" in lines
    assert "Status Offline → Reviewing (lab in cn-wlcb)" in lines


@pytest.mark.parametrize("one_image", [True, False])
def test_five_thousand_events_are_told_without_holding_up_the_process(one_image):
    items = [
        status_changed(n, "Making", f"status-{n % 7}", image={"image_id": "i" if one_image else f"i-{n}"})
        for n in range(5000)
    ]
    start = time.process_time()
    text_of(items)
    assert time.process_time() - start < 1.5


def test_what_existed_at_the_baseline_is_not_called_new():
    assert "Already shared by 张老师 with lab" in text_of([of_image(baseline=True)])


def test_the_reason_of_a_failure_is_told_with_the_status():
    assert "Reason: disk full" in text_of(
        [status_changed(after="UnAvailable", image={"failed_reason": "disk full"})]
    )


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


@given(name=hostile, owner=hostile, status=hostile)
@example(name="<at id=all></at>", owner="# x", status="1. y")
def test_a_strangers_text_never_becomes_markup(name, owner, status):
    image: Mapping[str, Any] = {"name": name, "owner_name": owner, "status": status, "image_type": owner}
    for chat in CHAT:
        bold = "*" if chat == "slack" else "**"
        for language in LANGUAGES:
            request = find(chat).render([of_image(image=image)], options(language=language), Attempt(NOW))
            joined = "\n".join(texts(chat, request)).replace("[syncd]", "")
            for line in joined.replace("#### ", "").splitlines():
                bare = line.strip()
                if bare.startswith(bold) and bare.endswith(bold) and len(bare) > 2 * len(bold):
                    bare = bare[len(bold) : -len(bold)]
                assert not set(bare) & set("*`[]<>~\\\u2028"), (chat, line)
                assert not bare.startswith(("# ", "- ", "+ ", "1. ", "> ")), (chat, line)
                assert "://" not in bare
                assert all(unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp") for char in bare)
                assert not set(bare) & set(
                    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f"
                )
                if chat not in ("feishu", "lark"):
                    assert "@" not in bare


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
    request = find(chat).render([of_image(image={"name": hostile})], OPTIONS, Attempt(NOW))
    assert f"{shown} (compshareImage-1minbz219ceq)" in "\n".join(texts(chat, request))


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
