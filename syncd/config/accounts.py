"""The tables of the accounts: key pairs given here, or by name in the official CLI's file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from syncd.config.reader import Table, shown
from syncd.config.shapes import AccountConfig
from syncd.model import Secret

NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62})")
_REGION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")

PUBLIC, PRIVATE = "COMPSHARE_PUBLIC_KEY", "COMPSHARE_PRIVATE_KEY"


def account(table: Table, name: str, environ: Mapping[str, str]) -> AccountConfig:
    """A fault where there is no whole key pair."""
    if NAME.fullmatch(name) is None:
        table.fault("", "", 'the name of an account is made of a-z, 0-9 and "-"')
    public, private = table.secret("public_key"), table.secret("private_key")
    profile = table.text("profile", None)
    if profile is not None:
        if table.given("public_key") or table.given("private_key"):
            table.fault("profile", shown(profile), "a key stands beside it: keep the profile or the keys")
        public, private = _of_profile(table, profile, environ)
    else:
        for key, found in (("public_key", public), ("private_key", private)):
            if found is None and not table.given(key):
                table.fault(
                    key, "", f"is missing: give {key}, {key}_file, {key}_env, {key}_credential or a profile"
                )
    return AccountConfig(
        name,
        public or Secret(""),
        private or Secret(""),
        table.text("project_id", None),
        _regions(table),
    )


def from_environment(environ: Mapping[str, str]) -> AccountConfig | None:
    """The account of somebody who has the two variables and no file."""
    public, private = environ.get(PUBLIC), environ.get(PRIVATE)
    return AccountConfig("default", Secret(public), Secret(private)) if public and private else None


def _regions(table: Table) -> tuple[str, ...] | None:
    if "regions" not in table or table.text_is("regions", "all"):
        return None
    regions = table.texts("regions", ("cn-wlcb",))
    for region in regions:
        if _REGION.fullmatch(region) is None:
            table.fault("regions", shown(region), 'must be "all" or a list of regions such as ["cn-wlcb"]')
    return tuple(dict.fromkeys(regions))


def _of_profile(
    table: Table, profile: str, environ: Mapping[str, str]
) -> tuple[Secret | None, Secret | None]:
    """Keys of the official CLI's file (`~/.config/compshare/config.json`)."""
    home = environ.get("HOME") or str(Path.home())
    path = Path(environ.get("COMPSHARE_CONFIG_FILE") or f"{home}/.config/compshare/config.json")
    try:
        found: Any = json.loads(path.read_bytes())["profiles"][profile]
        public, private = found["public_key"], found["private_key"]
        if not (isinstance(public, str) and isinstance(private, str) and public and private):
            raise TypeError
    except OSError as error:
        table.fault("profile", shown(profile), f"{path} cannot be read: {error.strerror}")
    except (ValueError, TypeError, KeyError):
        table.fault("profile", shown(profile), f"{path} has no such profile with public_key and private_key")
    else:
        return Secret(public), Secret(private)
    return None, None
