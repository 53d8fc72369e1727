"""The tables of the accounts. A key pair stands there, or the name of a profile in the official CLI's file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from syncd.config.secret_sources import BadSecretError, home, read_private
from syncd.config.settings import AccountConfig
from syncd.config.table import Table
from syncd.config.values import show_value
from syncd.model import Secret

NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62})")
_REGION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")

PUBLIC, PRIVATE = "COMPSHARE_PUBLIC_KEY", "COMPSHARE_PRIVATE_KEY"


def read_account(table: Table, name: str) -> AccountConfig:
    """The account of one table. A missing key is a fault, and an empty secret stands in for it."""
    if NAME.fullmatch(name) is None:
        table.fault("", "", 'the name of an account may have a-z, 0-9 and "-", and at most 63 characters')
    public, private = _key_pair(table)
    return AccountConfig(
        name,
        public or Secret(""),
        private or Secret(""),
        table.text("project_id", None),
        _regions(table),
    )


def account_from_environment(environ: Mapping[str, str]) -> AccountConfig | None:
    """The account of somebody who has the two variables and no file."""
    public, private = environ.get(PUBLIC), environ.get(PRIVATE)
    return AccountConfig("default", Secret(public), Secret(private)) if public and private else None


def _key_pair(table: Table) -> tuple[Secret | None, Secret | None]:
    """The public and the private key, from the table or from the profile that it names."""
    public, private = table.secrets.get("public_key"), table.secrets.get("private_key")
    profile = table.text("profile", None)
    if profile is None:
        _refuse_missing_keys(table, {"public_key": public, "private_key": private})
        return public, private
    if table.secrets.is_given("public_key") or table.secrets.is_given("private_key"):
        table.fault("profile", show_value(profile), "a key is given as well: keep the profile or the keys")
        return public, private
    return (None, None) if table.secrets.sources.closed else _of_profile(table, profile)


def _refuse_missing_keys(table: Table, keys: Mapping[str, Secret | None]) -> None:
    for key, secret in keys.items():
        if secret is None and not table.secrets.is_given(key):
            remedy = f"is missing: give {key}, {key}_file, {key}_env, {key}_credential or a profile"
            table.fault(key, "", remedy)


def _regions(table: Table) -> tuple[str, ...] | None:
    if "regions" not in table or table.is_text("regions", "all"):
        return None
    regions = table.texts("regions", ("cn-wlcb",), '["cn-wlcb"], or "all"')
    for region in regions:
        if _REGION.fullmatch(region) is None:
            table.fault("regions", show_value(region), 'is not the name of a region, such as "cn-wlcb"')
    return tuple(dict.fromkeys(regions))


def _of_profile(table: Table, profile: str) -> tuple[Secret | None, Secret | None]:
    """Keys of the official CLI's file (`~/.config/compshare/config.json`)."""
    environ = table.secrets.sources.environ
    variable = environ.get("COMPSHARE_CONFIG_FILE")
    path = Path(variable) if variable else home(environ) / ".config/compshare/config.json"
    try:
        profiles = json.loads(read_private(path))["profiles"]
        if profile not in profiles:
            known = ", ".join(profiles) or "none"
            table.fault("profile", show_value(profile), f"is not a profile in {path}; there are: {known}")
            return None, None
        return _pair(profiles[profile])
    except BadSecretError as error:
        table.fault("profile", show_value(profile), f"{path}: {error}{error.detail}")
    except (ValueError, TypeError, KeyError, RecursionError):
        table.fault("profile", show_value(profile), f"{path} has no public_key and private_key for it")
    return None, None


def _pair(profile: Any) -> tuple[Secret, Secret]:
    """The two keys of a profile. Raises KeyError or TypeError if one is missing or is no text."""
    keys = (profile["public_key"], profile["private_key"])
    if not all(isinstance(key, str) and key for key in keys):
        raise TypeError("a key is no text")
    return Secret(keys[0]), Secret(keys[1])
