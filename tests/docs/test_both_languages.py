"""A Chinese page says what its English sister says, so that neither is changed alone, and in one term for one thing."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.docs.test_docs import FENCE, ROOT, TEXTS, calls, slugs, spans

SISTERS = {"README.md": "README.zh-CN.md"} | {
    name.replace("docs/zh/", "docs/"): name for name in TEXTS if name.startswith("docs/zh/")
}
"""English page → Chinese page."""
ENGLISH_OF = {chinese: english for english, chinese in SISTERS.items()}

each_pair = pytest.mark.parametrize(("english", "chinese"), SISTERS.items(), ids=SISTERS)
each_chinese = pytest.mark.parametrize("name", SISTERS.values())


def test_the_pages_that_operators_need_are_there_in_chinese() -> None:
    pages = {"README.md", *(f"docs/{name}.md" for name in ("configuration", "sinks", "events", "operations"))}
    assert pages <= SISTERS.keys()


def prose(name: str) -> str:
    return FENCE.sub("", TEXTS[name])


def headings(name: str) -> list[int]:
    return [len(marks) for marks in re.findall(r"^(#+) ", prose(name), re.MULTILINE)]


def items(name: str) -> list[str]:
    """The bullets and numbers of its lists."""
    return re.findall(r"^ *(-|\d+\.) ", prose(name), re.MULTILINE)


def table_rows(name: str) -> list[tuple[int, set[str]]]:
    """How many cells each row has, and what it names."""
    rows = re.findall(r"^\|.*\|$", prose(name), re.MULTILINE)
    return [(len(re.findall(r"(?<!\\)\|", row)) - 1, set(spans(row))) for row in rows]


def code(name: str) -> list[tuple[str, str]]:
    """The blocks, without comments and without what somebody would write differently."""
    return [(kind, re.sub(r"(?<=\S)[ \t]+# .*", "", text)) for kind, text in FENCE.findall(TEXTS[name])]


def commands(name: str) -> list[str]:
    return sorted(set(calls(TEXTS[name])))


def named(name: str) -> list[str]:
    return sorted(set(spans(TEXTS[name])))


def targets(name: str) -> list[tuple[str, str]]:
    """The page and the anchor that each link inside the project leads to."""
    found = []
    for link in re.findall(r"\]\(((?!https?:)[^)\s]+)\)", TEXTS[name]):
        path, _, anchor = link.partition("#")
        file = ((ROOT / name).parent / path).resolve() if path else ROOT / name
        found.append((file.relative_to(ROOT).as_posix(), anchor))
    return found


def numbers(name: str) -> list[str]:
    """Those that are written in digits: limits, times, codes."""
    text = re.sub(r"`[^`]+`|\]\([^)]*\)|<https?:[^>]+>", "", prose(name))
    return sorted(re.findall(r"(?<![\w.])\d[\d,.]*\b", text))


def addresses(name: str) -> list[str]:
    return sorted(re.findall(r"(?<=\]\()https?:[^)]+|(?<=<)https?:[^>]+", prose(name)))


def links(name: str) -> list[tuple[str, int]]:
    """Which pages it leads to, and to which of their headings; but for the link to its sister."""
    return sorted(
        (ENGLISH_OF.get(page, page), slugs(TEXTS[page]).index(anchor) if anchor else 0)
        for page, anchor in targets(name)
        if ENGLISH_OF.get(page, page) != ENGLISH_OF.get(name, name) or anchor
    )


@each_pair
@pytest.mark.parametrize(
    "part", [headings, items, table_rows, code, commands, named, numbers, addresses, links]
)
def test_both_languages_say_the_same(part: Callable[[str], object], english: str, chinese: str) -> None:
    assert part(chinese) == part(english)


@each_pair
def test_each_links_to_the_other(english: str, chinese: str) -> None:
    assert (chinese, "") in targets(english)
    assert (english, "") in targets(chinese)


@each_chinese
def test_a_chinese_page_leads_to_chinese_pages(name: str) -> None:
    in_chinese = SISTERS.keys() - {ENGLISH_OF[name]}
    assert [page for page, _ in targets(name) if page in in_chinese] == []


HAN = r"[\u4e00-\u9fff]"
FULL = "，。；：？！（）、“”"


FAULTS = {
    "half-width punctuation": rf"{HAN} ?[,;:?!()]|[,;:?!(] ?{HAN}|\){HAN}|{HAN}\.(?=\s|$)",
    "no space beside a word in Latin letters": rf"{HAN}[A-Za-z0-9]|[A-Za-z0-9]{HAN}",
    "a space beside full-width punctuation": rf"[{FULL}] +\S|\S +[{FULL}]",
    "a line broken inside a sentence, which shows as a space": rf"{HAN}\n *{HAN}",
}


def read_aloud(name: str) -> str:
    """The prose, with a letter in the place of each code and address, and without marks."""
    text = re.sub(r"^(- |\d+\. |#+ )", "\n", prose(name), flags=re.MULTILINE)
    text = re.sub(r"`[^`]+`|<https?:[^>]+>", "x", text)
    text = re.sub(r"\]\([^)]*\)|\[|\]", "", text)
    text = re.sub(r"\*\*([^*]+[。])\*\* ", r"\1", text)  # Markdown needs the space
    return text.replace("**", "").replace("|", "\n\n")


@each_chinese
@pytest.mark.parametrize("fault", FAULTS)
def test_punctuation_is_chinese(name: str, fault: str) -> None:
    text = read_aloud(name)
    found = re.finditer(FAULTS[fault], text)
    assert [text[max(0, one.start() - 8) : one.end() + 8] for one in found] == []


OTHER_WORDS = {
    "取消共享": ("撤销共享", "撤销", "收回", "吊销", "撤回", "解除共享"),
    "账号": ("账户", "帐号", "帐户"),
    "接收端": ("接收器", "接收方", "接收者", "汇点"),
    "监控": ("监视", "监测"),
    "地域": ("区域", "地区"),
    "暂缓通报": ("扣留", "挂起", "搁置", "暂扣"),
    "重放": ("回放", "重播"),
    "误报": ("误判", "虚报", "错报"),
    "主目录": ("家目录",),
    "共享者": ("分享者", "拥有者", "所有者"),
    "凭证": ("凭据",),
    "重新加载": ("重载", "热加载"),
    "投递": ("送达率", "派送"),
    "告警": ("报警", "警报"),
    "拒收": ("拒绝接收", "拒绝接受"),
}
"""The term of each thing → words that would name it a second time."""
SPEAKING = [
    *SISTERS.values(),
    "syncd/sinks/chat/chinese.py",
    "syncd/sinks/chat/chinese_errors.py",
]


@pytest.mark.parametrize("name", SPEAKING)
def test_one_thing_has_one_term(name: str) -> None:
    text = (ROOT / name).read_text()
    assert [word for words in OTHER_WORDS.values() for word in words if word in text] == []
