"""Where the others list: the targets of a configuration, read without anything of syncd."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import NamedTuple

LIMIT = 100
"""Rows of a page: the most there are."""


class Place(NamedTuple):
    url: str
    public_key: str
    private_key: str
    region: str


def places(folder: str) -> list[Place]:
    config = tomllib.loads((Path(folder) / "config.toml").read_text())
    return [
        Place(config["api"]["base_url"], account["public_key"], account["private_key"], region)
        for account in config["accounts"].values()
        for region in account["regions"]
    ]
