"""Puts the texts of errors into Chinese. Events store them in English; what the API or a receiver said stays as it is.

A text that is not known here becomes an empty one: the sentences around it say what is wrong and what to do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache

Template = str | Callable[[re.Match[str]], str]

OS_TEXTS = {
    "Connection refused": "连接被拒绝",
    "Connection reset by peer": "连接被重置",
    "Connection timed out": "连接超时",
    "Network is unreachable": "网络不可达",
    "No route to host": "没有到主机的路由",
    "Broken pipe": "连接已断开",
    "Permission denied": "没有权限",
    "No space left on device": "磁盘已满",
    "Read-only file system": "文件系统只读",
    "Disk quota exceeded": "磁盘配额已满",
    "Input/output error": "磁盘读写错误",
    "Too many open files": "打开的文件过多",
}
"""What the operating system calls them. Others are left out."""

_STATUS_ADVICE = (
    (range(300, 400), "（重定向，不予跟随；请填写最终地址）"),
    ((401, 403), "（接收端不接受凭证）"),
    ((404,), "（该地址不存在）"),
    ((410,), "（地址已永久失效）"),
)


def in_chinese(text: str) -> str:
    """``text`` in Chinese, or "" if it is not known."""
    request = _REQUEST.match(text)
    place, rest = (request["region"] or "", text[request.end() :]) if request else ("", text)
    readings = _READINGS.search(rest)
    rest, times = (rest[: readings.start()], f"（读取 {readings[1]} 次）") if readings else (rest, "")
    for pattern, template in _patterns():
        if (match := pattern.fullmatch(rest)) is not None:
            said = template(match) if callable(template) else template.format(*match.groups())
            return f"{place}：{said}{times}" if place else f"{said}{times}"
    return ""


def _quoting(template: str) -> Callable[[re.Match[str]], str]:
    """The words in the pattern's last group are another's: they follow as they are, if there are any."""

    def fill(match: re.Match[str]) -> str:
        *known, words = match.groups()
        return template.format(*known) + (f"：{words}" if words else "")

    return fill


def _system(template: str) -> Callable[[re.Match[str]], str]:
    """The pattern's last group is what the operating system says."""

    def fill(match: re.Match[str]) -> str:
        reason = OS_TEXTS.get(match.groups()[-1] or "")
        return template + (f"：{reason}" if reason else "")

    return fill


def _status(match: re.Match[str]) -> str:
    status, words = int(match[1]), match[2]
    advice = next((text for codes, text in _STATUS_ADVICE if status in codes), "")
    return f"返回 HTTP {status}{advice}" + (f"：{words}" if words else "")


_REQUEST = re.compile(r"(?:Describe|Get)\w+(?: in (?P<region>[\w-]+))?: ")
"""Which request failed stands before the error."""
_READINGS = re.compile(r" \((\d+) readings\)$")

_KNOWN: Sequence[tuple[str, Template]] = (
    # the API
    (r"RetCode (-?\d+)(?:: (.*))?", _quoting("接口返回 {0}")),
    (r"no complete answer within ([\d.e+]+) s", "{0} 秒内未收到完整应答"),
    (r"HTTP 407: the proxy asks for a user and a password", "代理要求认证（HTTP 407）"),
    (r"the server's certificate is not trusted", "服务器证书不受信任"),
    (r"TLS failed(?:: (.*))?", _system("加密连接失败")),
    (r"the name of api\.base_url cannot be resolved", "无法解析 api.base_url 的域名"),
    (r"the answer broke off", "应答中断"),
    (r"the answer is not(?: valid)? HTTP", "应答不是 HTTP"),
    (r"the URL cannot be used", "地址无法使用"),
    (r"the connection was dropped", "连接中断"),
    (r"the answer is larger than (\d+) MiB", "应答超过 {0} MiB"),
    (r"the answer has more values than a list of images can have", "应答的内容远多于镜像列表"),
    (r"page (\d+) repeats page (\d+); kept .*", "第 {0} 页与第 {1} 页重复，已保留上次的完整列表"),
    (r"more than (\d+) pages and no end; kept .*", "超过 {0} 页仍未结束，已保留上次的完整列表"),
    (r"the answer has no RetCode: (?:nothing|(.*))", _quoting("应答中没有返回码")),
    (r"the answer (?:has an unexpected shape|is not JSON): (?:nothing|(.*))", _quoting("应答无法识别")),
    (r"the answer has no \w+: (?:nothing|(.*))", _quoting("应答不完整")),
    (
        r"(?:the answer has neither ImageSet nor TotalCount|ImageSet is not a list): (?:nothing|(.*))",
        _quoting("应答中没有镜像列表"),
    ),
    (r"the answer is (?:nested too deeply|compressed, which syncd did not ask for)", "应答无法识别"),
    (r"internal error: (\w+)", "程序内部错误"),
    (r"the new key's list of ([\w-]+) could not be read completely", "未能完整读取新密钥在 {0} 的列表"),
    (r"(.*) cannot be read as certificates.*", "无法读取证书文件 {0}"),
    (r"the configuration changed meanwhile", "期间配置已变更"),
    # a list that is not complete
    (r"the end was not reached", "未读到列表末尾"),
    (r"no rows come at (\d+), but there are some at (\d+)", "第 {0} 行处没有内容，第 {1} 行处却有"),
    (r"(\d+) rows came without an id", "{0} 行没有 ID"),
    (r"(\d+) rows came twice", "{0} 行重复出现"),
    (r"a page had no TotalCount", "有一页没有总数"),
    (r"no rows came, but TotalCount says ([\d, ]+)", "总数为 {0}，却没有收到任何一行"),
    (r"TotalCount says ([\d, ]+), but (\d+) rows came", "总数为 {0}，实际收到 {1} 行"),
    (
        r"(\d+) known rows did not come, and no other reading confirms it",
        "{0} 个已知镜像没有出现，且未能再次读取证实",
    ),
    # a receiver, or both
    (r"code ([\w-]+): (?:no words|(.*))", _quoting("错误码 {0}")),
    (r"HTTP (\d+) without the robot's answer; is the url that of a robot\?",
     "返回 HTTP {0}，但没有机器人的应答；请确认地址是机器人的地址"),
    (r"HTTP (\d+) without Slack's ok(?:: (.*))?", _quoting("返回 HTTP {0}，但没有确认")),
    (r"HTTP (\d+)(?: \([^()]*\))?(?:: (.*))?", _status),
    (r"no (?:answer|connection) within ([\d.e+]+) s", "{0} 秒内没有应答"),
    (r"the host's name cannot be resolved", "无法解析域名"),
    (r"the proxy answered HTTP (\d+)", "代理返回 HTTP {0}"),
    (r"the proxy cannot be reached: (.*)", _system("无法连接代理")),
    (r"no connection: (.*)", _system("无法建立连接")),
    (r"the receiver closed the connection without an answer", "接收端没有应答就关闭了连接"),
    (r"TLS: the certificate has expired", "证书已过期"),
    (r"TLS: the certificate is for another (?:host|address)", "证书与地址不符"),
    (r"TLS: the certificate.*", "证书不受信任；可用 ca_file 指定"),
    (r"TLS: .*", "加密连接失败"),
    (r"(?:\w+|the file) cannot be written: (.*)", _system("无法写入")),
    (r"a test of syncd: nothing failed", "这是一次测试，没有任何故障"),
    (r"(\d+) events? given up: .*", "{0} 个事件已放弃"),
    (r"the template: .*", "消息模板出错；运行 syncd config check 可查看原因"),
    (r"event \S+ is not one that this version can read", "此版本无法读取该事件；请升级 syncd"),
)  # fmt: skip


@cache
def _patterns() -> list[tuple[re.Pattern[str], Template]]:
    """Compiled at the first error, since that takes longer than all the rest of a quick command."""
    return [(re.compile(pattern, re.DOTALL), template) for pattern, template in _KNOWN] + [
        (re.compile(re.escape(text)), chinese) for text, chinese in OS_TEXTS.items()
    ]
