"""Configurations to test with: a small one, and pieces of others."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from syncd.config import Config, load
from syncd.errors import ConfigError

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"

ENVIRON = {
    "COMPSHARE_PUBLIC_KEY": "public-of-the-environment",
    "COMPSHARE_PRIVATE_KEY": "private-of-the-environment",
    "FEISHU_URL": "https://open.feishu.cn/open-apis/bot/v2/hook/0123",
    "FEISHU_SECRET": "feishu-secret",
    "HOOK_AUTHORIZATION": "Bearer hook",
    "HTTPS_PROXY": "http://proxy.example.com:3128",
}

ACCOUNT = """
[accounts.lab]
public_key = "lab-public"
private_key = "lab-private"
"""

WEBHOOK = """
[sinks.hook]
type = "webhook"
url = "https://example.com/hook"
"""


def open_up(folder: Path) -> None:
    """Let everybody enter: pytest keeps its folders from others, so that no file in them is open to anybody."""
    for each in (folder, *folder.parents):
        if each.stat().st_uid == os.geteuid() and each != Path("/"):
            each.chmod(each.stat().st_mode | 0o011)


class Files:
    """A folder for a configuration and what it refers to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ: dict[str, str] = {"HOME": str(folder / "home")}

    def write(self, name: str, content: str | bytes, mode: int = 0o600) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return path

    def load(self, text: str, environ: Mapping[str, str] | None = None, *, account: str = ACCOUNT) -> Config:
        path = self.write("config.toml", account + text)
        return load(path, self.environ | dict(environ or {}))

    def faults(
        self, text: str, environ: Mapping[str, str] | None = None, *, account: str = ACCOUNT
    ) -> dict[str, str]:
        """Key → value and remedy of each fault; empty if there is none."""
        try:
            self.load(text, environ, account=account)
        except ConfigError as error:
            return {fault.key: f"{fault.value}: {fault.remedy}" for fault in error.faults}
        return {}
